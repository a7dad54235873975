"""Video files as other people's programs write them, with PyAV alone."""

from fractions import Fraction

import av
import numpy as np


def write_raw(
    path,
    frames,
    *,
    codec="libx264",
    pixel_format="yuv420p",
    rate=25,
    times=None,
    time_base=None,
    options=None,
    container_options=None,
    rotation=None,
    **set_,
):
    """Write RGB frames, or ready ``av.VideoFrame``s, at whole times in ``time_base``."""
    with av.open(str(path), "w", container_options=container_options or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        first = frames[0]
        ready = isinstance(first, av.VideoFrame)
        stream.height, stream.width = (first.height, first.width) if ready else first.shape[:2]
        stream.pix_fmt = pixel_format
        time_base = time_base or 1 / Fraction(rate)
        stream.time_base = stream.codec_context.time_base = time_base
        for name, value in set_.items():
            setattr(stream.codec_context, name, value)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for index, frame in enumerate(frames):
            picture = frame if ready else av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = index if times is None else times[index]
            picture.time_base = time_base
            output.mux(stream.encode(picture))
        output.mux(stream.encode())


def planes_frame(planes, *, pixel_format, colorspace=2, color_range=1):
    """Make a flat frame of 64x48 from one value for each plane."""
    frame = av.VideoFrame(64, 48, pixel_format)
    for plane, value in zip(frame.planes, planes, strict=True):
        kind = np.uint16 if "10" in pixel_format or "16" in pixel_format else np.uint8
        plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind).tobytes())
    frame.colorspace, frame.color_range = colorspace, color_range
    return frame


def blocks(frames, *, height=48, width=64):
    """Blocks that move to the left, so that every frame takes some bytes."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 255, (height // 8, width // 8, 3))
    drawn = np.kron(drawn, np.ones((8, 8, 1))).astype(np.uint8)
    return [np.roll(drawn, 3 * t, axis=1) for t in range(frames)]


def frame_times(path):
    """Read when each frame of a file is shown, in seconds of its clock, with PyAV alone."""
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
