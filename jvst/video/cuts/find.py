"""Cuts found in the frames themselves."""

from collections.abc import Iterable
from fractions import Fraction

from jvst._types import Frame
from jvst.errors import InputError
from jvst.video.cuts.dissolves import Dissolves
from jvst.video.cuts.fades import Fades, Transition
from jvst.video.cuts.hard import HardCuts

#: Shortest shot between two cuts, in seconds: films hardly cut faster, flashes are shorter.
_SHORTEST = 0.25


def find_cuts(
    frames: Iterable[Frame], *, frame_rate: Fraction, sensitivity: float = 0.5
) -> tuple[int, ...]:
    """Find the frames at which a new shot begins.

    Cuts from one frame to the next are found exactly, fades through black or white and dissolves
    (up to 2 s) within the transition. Motion, noise and flashes are no cuts. Two cuts are at least
    a quarter of a second apart; only a clip's ends may hold shorter pieces of shots.

    Args:
        frames: of one size, taken one by one; a few seconds of them are kept, small.
        frame_rate: frames per second.
        sensitivity: 0 finds only the clearest cuts, 1 takes much motion for cuts.

    Returns:
        Numbers of frames from 0, increasing, without 0.

    Raises:
        InputError: a sensitivity out of [0, 1], or a frame rate of 0 or less.
    """
    if not 0.0 <= sensitivity <= 1.0:
        raise InputError(f"the sensitivity to cuts is {sensitivity}; expected a number from 0 to 1")
    if frame_rate <= 0:
        raise InputError(f"the frame rate is {frame_rate}; expected frames per second, as 25")
    # Twice as strict at 0, half as strict at 1.
    strictness = 4.0 ** (0.5 - sensitivity)
    hold = max(round(_SHORTEST * frame_rate), 1)
    hard = HardCuts(hold=hold, strictness=strictness)
    fades = [Fades(white=white, hold=hold, strictness=strictness) for white in (False, True)]
    dissolves = Dissolves(frame_rate=frame_rate, strictness=strictness)
    for frame in frames:
        for detector in (hard, *fades, dissolves):
            detector.add(frame)
    hard.finish()
    dissolves.finish()
    return _merged(hard.cuts, [f for fade in fades for f in fade.found], dissolves.found, hold)


def _merged(
    hard: list[int], fades: list[Transition], dissolves: list[Transition], hold: int
) -> tuple[int, ...]:
    """Bring what was found together: one cut for each change of shots."""
    cuts = set(hard)
    for fade in fades:
        inside = {cut for cut in cuts if fade.first - hold <= cut <= fade.last + hold}
        # A picture that comes at once out of the black begins exactly there.
        cuts = cuts - inside | {max(inside, default=fade.cut)}
    for dissolve in dissolves:
        if not any(dissolve.first - hold <= cut <= dissolve.last + hold for cut in cuts):
            cuts.add(dissolve.cut)
    apart: list[int] = []
    for cut in sorted(cuts):
        if not apart or cut - apart[-1] >= hold:
            apart.append(cut)
    return tuple(apart)
