"""Sequences with known motion, in the folders of MPI-Sintel.

Files of frame t have the number t, from 1. As in Sintel there are ``final/NAME/frame_0001.png``,
``flow/NAME/frame_0001.flo`` to frame t+1, ``occlusions/NAME/frame_0001.png``, 0 where the point
is not hidden at t+1, and ``invalid/NAME/frame_0001.png``, 0 where it is not outside. Beyond Sintel
there may be ``flow_10`` to frame t+10, and ``flow_first`` from frame 1 to frame t; their
``occlusions_10`` and ``occlusions_first`` count points that are outside as hidden.
"""

from jvst.lab.evaluation.sintel.read import SintelSequence, Truth, read_sequences
from jvst.lab.evaluation.sintel.write import write_sequence

__all__ = ["SintelSequence", "Truth", "read_sequences", "write_sequence"]
