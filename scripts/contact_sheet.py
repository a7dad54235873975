"""Show a run as one picture: the clip, the paintings, and what came out.

python scripts/contact_sheet.py RUN_DIR sheet.png --columns 4
"""

import dataclasses
from pathlib import Path

import tyro

from jvst.app.inputs import clip_frames, open_clip
from jvst.app.manifest import read_manifest
from jvst.app.options import config_from_dict
from jvst.lab.sheet import contact_sheet
from jvst.video import read_frames, read_picture, write_picture


@dataclasses.dataclass(frozen=True)
class Options:
    """What is shown."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    output: tyro.conf.Positional[Path]
    """Picture to write."""
    columns: int = 4
    """Frames to show."""


def main(options: Options) -> None:
    manifest = options.run / "manifest.json"
    config = config_from_dict(read_manifest(manifest)["config"], source=str(manifest))
    clip = list(clip_frames(open_clip(config)))
    stylized = list(read_frames(options.run / "pictures"))
    paintings = [read_picture(path) for path in config.input.style]
    write_picture(options.output, contact_sheet(clip, stylized, paintings, columns=options.columns))
    print(options.output)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
