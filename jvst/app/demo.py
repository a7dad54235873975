"""A drawn clip and painting for a first look."""

import dataclasses
from fractions import Fraction
from pathlib import Path

from jvst.app.options import StylizeConfig
from jvst.synthetic import clip, make_scene, painting
from jvst.video import write_picture, write_video

_FRAMES = 24
_SIZE = (384, 288)  # width, height


def demo_config(config: StylizeConfig) -> StylizeConfig:
    """Draw the demo's clip and painting into the run folder and return what stylizes them.

    Options that were given stay; an effort that is left open becomes one for a first look.
    """
    folder = Path(config.output.run_dir or "runs/demo")
    clip_path, style_path = folder / "inputs" / "clip.mp4", folder / "inputs" / "painting.png"
    width, height = _SIZE
    if not (clip_path.exists() and style_path.exists()):
        scene = make_scene("harbour", seed=0, width=width, height=height)
        write_video(clip_path, clip(scene, _FRAMES), frame_rate=Fraction(12), quality=10)
        write_picture(style_path, painting("swirls", 480, 360))
    solver = config.solver
    if solver.effort == "auto":
        solver = dataclasses.replace(solver, effort="draft")
    return dataclasses.replace(
        config,
        input=dataclasses.replace(config.input, clip=str(clip_path), style=(str(style_path),)),
        output=dataclasses.replace(config.output, run_dir=str(folder)),
        solver=solver,
        run=dataclasses.replace(config.run, demo=False),
    )
