"""Clips and pictures, read and written.

Frames are 8-bit RGB as a viewer sees them: turned upright, with square pixels, over white
where they are transparent, in whole frames and in the colours of a common screen. Nothing here
holds more than a few frames in memory.

``read_frames`` and ``probe`` take a video file (mp4, mov, webm, mkv, avi, gif and whatever else
FFmpeg decodes), a moving webp, png or avif, a picture, a folder of pictures, a printf pattern
(``frames/%04d.png``) or a glob pattern (``frames/*.png``). ``write_video`` takes the name of an
mp4, mov, mkv, webm or gif file, a folder or a printf pattern.
"""

from jvst.video.decode import DamagedClipError
from jvst.video.pictures import read_picture, write_picture
from jvst.video.png import is_whole_png
from jvst.video.read import ClipInfo, probe, read_frames, read_timed_frames
from jvst.video.target import pictures_of
from jvst.video.timing import TimedFrame, Timeline, timeline
from jvst.video.write import holds_times, try_film, write_video

__all__ = [
    "ClipInfo",
    "DamagedClipError",
    "TimedFrame",
    "Timeline",
    "holds_times",
    "is_whole_png",
    "pictures_of",
    "probe",
    "read_frames",
    "read_picture",
    "read_timed_frames",
    "timeline",
    "try_film",
    "write_picture",
    "write_video",
]
