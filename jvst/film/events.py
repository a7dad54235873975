"""Events of a clip, which its functions tell a listener.

``stylize_clip`` and ``stylize_multipass`` take ``on_event``, a function that is called with one
event at a time, on the thread that asks them for the next frame. The work waits for it. What it
raises comes out where that frame was asked for; the leaves of ``Progress.state`` of the last event
continue the clip there.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np

from jvst._types import Image
from jvst.film.coarse import Stage
from jvst.solver.objective import FrameTargets
from jvst.solver.solve import Report, SolveInfo, SolveState


@dataclass(frozen=True)
class Compiling:
    """The next step compiles a program, once in this process for each size.

    Attributes:
        size: (width, height) in pixels.
        frames: how many are solved at once.
    """

    size: tuple[int, int]
    frames: int = 1


@dataclass(frozen=True, eq=False)
class Progress:
    """Where the frame that is being solved stands, or several at once; told after every chunk.

    Attributes:
        indices: numbers of the frames.
        reports: iteration and loss terms of each.
        cap: iteration cap of each.
        size: (width, height) in pixels at which they are solved now.
        pass_number: from 1.
        passes: number of passes.
        state: its leaves (``jax.tree.leaves``) are the ``resume`` that continues here; None once
            a fallback is under way.
    """

    indices: tuple[int, ...]
    reports: tuple[Report, ...]
    cap: int
    size: tuple[int, int]
    pass_number: int = 1
    passes: int = 1
    state: Stage | SolveState | None = None

    @property
    def slowest(self) -> Report:
        """The report of the frame with the most iterations."""
        return max(self.reports, key=lambda report: report.iteration)

    @property
    def image(self) -> Image | None:
        """The picture so far of the first of the frames, RGB, not clipped, on the device."""
        state = self.state.state if isinstance(self.state, Stage) else self.state
        if state is None:
            return None
        return state.image if state.image.ndim == 3 else state.image[0]


@dataclass(frozen=True, eq=False)
class FrameDone:
    """A frame is finished, in one of the passes; told just before it is handed out.

    Attributes:
        index: its number.
        image: RGB, not clipped, on the device.
        info: how its solve went.
        pass_number: from 1.
        passes: number of passes.
    """

    index: int
    image: Image
    info: SolveInfo
    pass_number: int = 1
    passes: int = 1


ClipEvent: TypeAlias = Compiling | Progress | FrameDone
ClipListener: TypeAlias = Callable[[ClipEvent], Any]


# What JAX has compiled in this process; it keeps its programs for the process, too, but has
# no list of them.
_COMPILED: set[Hashable] = set()


class Telling:
    """Tells a listener, if there is one, of a clip's events.

    Args:
        on_event: the listener.
    """

    def __init__(self, on_event: ClipListener | None):
        self._on_event = on_event
        self._last: ClipEvent | None = None

    def __call__(self, event: ClipEvent) -> None:
        """Tell of an event; of compiling once until something else happens."""
        if self._on_event is not None and event != self._last:
            self._last = event
            self._on_event(event)

    def before(self, compiling: Compiling, static: Hashable, arrays: Any) -> None:
        """Tell that a program is compiled, unless this process has it already.

        Args:
            compiling: the event.
            static: which program, and its static arguments.
            arrays: its other arguments, of which shapes and dtypes count.
        """
        leaves, structure = jax.tree.flatten(arrays)
        kinds = tuple((np.shape(leaf), getattr(leaf, "dtype", type(leaf))) for leaf in leaves)
        if (key := (static, structure, kinds)) not in _COMPILED:
            _COMPILED.add(key)
            self(compiling)


class Solving:
    """What is told of one solve, or of several at once.

    Args:
        tell: whom to tell.
        indices: numbers of the frames.
        static: what else the solver's programs depend on than shapes.
        problem: arguments that they share with other solves.
        pass_number: from 1.
        passes: number of passes.
    """

    def __init__(
        self,
        tell: Telling,
        indices: Sequence[int],
        static: Hashable,
        problem: Any,
        *,
        pass_number: int = 1,
        passes: int = 1,
    ):
        self._tell, self._indices = tell, tuple(indices)
        self._static, self._problem = static, problem
        self._pass_number, self._passes = pass_number, passes
        self._cap, self._compiling = 0, Compiling((0, 0))

    def begins(self, targets: FrameTargets, cap: int) -> None:
        """Note what is solved next, and tell that its program is compiled if it is new.

        Args:
            targets: what the frame is drawn to, or several, see ``stack_targets``.
            cap: iterations at the most.
        """
        *several, _, height, width, _ = targets.warped.shape
        self._cap = cap
        self._compiling = Compiling((width, height), several[0] if several else 1)
        self._tell.before(self._compiling, self._static, (targets, self._problem))

    def stands(self, reports: Sequence[Report], state: Stage | SolveState | None) -> None:
        """Tell where it stands; ``reports`` may go on with frames that only fill a batch up."""
        self._tell(
            Progress(
                self._indices,
                tuple(reports[: len(self._indices)]),
                self._cap,
                self._compiling.size,
                pass_number=self._pass_number,
                passes=self._passes,
                state=state,
            )
        )
