"""A server on this machine that sends files whole or in part, and can misbehave."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Served:
    """What the server sends, and what it was asked."""

    content: bytes
    ranges: bool = True
    breaks_after: int | None = None  # bytes, on the first requests
    breaks: int = 0  # how many more times it breaks off
    status: int | None = None
    asked: list = field(default_factory=list)
    sent: int = 0


@contextlib.contextmanager
def serve(served: Served):
    """Yield the address of the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # else head and body go in two packets, and the second waits

        def do_GET(self):
            stated = self.headers.get("Range")
            served.asked.append(stated)
            if served.status is not None:
                self.send_error(served.status)
                return
            first, last = 0, len(served.content) - 1
            if stated and served.ranges:
                begin, _, end = stated.removeprefix("bytes=").partition("-")
                first, last = int(begin), min(int(end or last), last)
                if first > last:
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(served.content)}")
            else:
                self.send_response(200)
            body = served.content[first : last + 1]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if served.breaks > 0:
                served.breaks -= 1
                body = body[: served.breaks_after]
                self.close_connection = True
            served.sent += len(body)
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
