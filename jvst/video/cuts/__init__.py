"""Cuts between the shots of a clip, found or given.

``find_cuts`` looks at frames one by one, small, and never holds more than a few seconds of them.
Three kinds of transition are told apart, each in its own file: cuts from one frame to the next
(``hard``), fades through black or white (``fades``) and dissolves (``dissolves``). The first two
rest on the detectors of PySceneDetect. ``chosen_cuts`` reads what the user gives instead.
"""

from jvst.video.cuts.find import find_cuts
from jvst.video.cuts.given import chosen_cuts, shots

__all__ = ["chosen_cuts", "find_cuts", "shots"]
