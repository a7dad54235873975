"""A Ray cluster of this machine's own."""

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from jvst.app.workers.ray_cluster import RayPool
from jvst.errors import InputError

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="Ray is not installed: pip install 'jvst[cluster]'",
)


@pytest.fixture(scope="module")
def cluster(holding):
    """The address of a cluster of two workers, of this machine's own."""
    # Not in tmp_path: the paths of sockets, which lie in it, must be short.
    folder = tempfile.TemporaryDirectory(prefix="jvst-", ignore_cleanup_errors=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begin = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
        *("--node-ip-address", "127.0.0.1", "--port", str(port), "--temp-dir", folder.name),
        *("--num-cpus", "8", "--num-gpus", "0", "--include-dashboard=false"),
        *("--disable-usage-stats", "--object-store-memory", "80000000"),
    ]
    head = subprocess.Popen(
        begin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **holding.environment},
        start_new_session=True,
    )
    address = f"127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while not _joined(address):
            assert head.poll() is None
            assert time.monotonic() < deadline
        yield address
    finally:
        head.terminate()
        head.wait(30)
        folder.cleanup()


def _joined(address):
    try:
        RayPool(address).close()
    except InputError:
        time.sleep(0.5)
        return False
    return True
