"""``jvst OPTIONS``: one clip or several, stylized with progress shown."""

import contextlib
import sys

from jvst.app.cli.lines import CommandLine
from jvst.app.cli.spelling import legible, spoken
from jvst.app.clips import run_clips
from jvst.app.demo import demo_config
from jvst.app.options import StylizeConfig
from jvst.app.workers.pool import FailedShotsError


def stylize(config: StylizeConfig) -> int:
    """Stylize what the options name.

    Returns:
        The exit status: 0; 1 when a clip, or some shots of one, failed; 130 after Ctrl-C.

    Raises:
        InputError: something given can't be used.
    """
    if config.run.demo:
        config = demo_config(config)
    with contextlib.closing(CommandLine(quiet=config.run.quiet)) as shown:
        try:
            done = run_clips(config, on_event=shown)
        except FailedShotsError as error:
            print(f"jvst: {spoken(error)}", file=sys.stderr)
            return 1
    if done.cancelled:
        return 130
    if done.failed:
        said = (
            f"jvst: {len(done.failed)} of {len(config.input.clips)} clips failed: "
            f"{', '.join(done.failed)}; the same command goes on with what is missing"
        )
        print(legible(said), file=sys.stderr)
    return 1 if done.failed else 0
