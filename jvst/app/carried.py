"""What frames hand on, kept to go on from."""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jvst.app.claims import CARRIED
from jvst.app.store import RunStore
from jvst.solver.curvature import Curvature

#: Seconds between two times that what frames hand on is kept: as large as twenty pictures, it
#: would cost a quick frame more than its solve. So much work at the most is done again.
_EVERY = 20.0


class CarriedOn:
    """What the latest frame of a run has handed on to the next, kept now and then.

    Args:
        store: the run's folder.
        now: a clock, seconds.
    """

    def __init__(self, store: RunStore, *, now: Callable[[], float] = time.monotonic):
        self._store, self._now, self._written = store, now, now()
        self._latest: tuple[int, Curvature] | None = None
        #: The frame whose is kept.
        self.index: int | None = None

    def after(self, index: int) -> Curvature | None:
        """Return what a frame has handed on, if that is kept.

        Args:
            index: number of the frame.
        """
        kept = self._store.load_kept(CARRIED)
        if kept is None or kept[0] != [index]:
            return None
        try:
            known = Curvature(*(jnp.asarray(leaf) for leaf in kept[1]))
        except TypeError:  # another number of them
            return None
        self.index = index
        return known

    def done(self, index: int, curvature: Curvature | None) -> None:
        """Take what a frame has handed on, and keep it where it is time to.

        Args:
            index: number of the frame.
            curvature: what it has handed on; None: nothing.
        """
        self._latest = None if curvature is None else (index, curvature)
        if self._now() - self._written >= _EVERY:
            self.flush()

    def flush(self) -> None:
        """Keep the latest, once its frame is written: a run goes on behind what is there."""
        if self._latest is not None:
            self._store.flush()
            index, curvature = self._latest
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(curvature)]
            self._store.save_kept(CARRIED, [index], leaves)
            self.index, self._latest, self._written = index, None, self._now()

    def forget(self) -> None:
        """Remove what is kept, once nothing can go on with it."""
        self._latest = self.index = None
        self._store.forget_carried()
