"""Show a run as a moving picture that repeats: the clip beside what came out.

python scripts/loop.py RUN_DIR loop.webp --quality 60
"""

import dataclasses
from pathlib import Path

import tyro

from jvst.app.inputs import clip_frames, open_clip
from jvst.app.manifest import read_manifest
from jvst.app.options import config_from_dict
from jvst.lab.loop import loop_frames, write_loop
from jvst.video import read_frames


@dataclasses.dataclass(frozen=True)
class Options:
    """What is shown."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    output: tyro.conf.Positional[Path]
    """Moving picture (.webp) to write."""
    frame_rate: int = 12
    """Frames a second."""
    quality: int = 60
    """Of the compression: 0 small, 100 good."""


def main(options: Options) -> None:
    manifest = options.run / "manifest.json"
    config = config_from_dict(read_manifest(manifest)["config"], source=str(manifest))
    clip = list(clip_frames(open_clip(config)))
    frames = loop_frames(clip, list(read_frames(options.run / "pictures")))
    write_loop(options.output, frames, frame_rate=options.frame_rate, quality=options.quality)
    print(options.output)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
