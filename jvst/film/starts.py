"""Where the solve of a frame starts."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jvst._programs import program
from jvst._types import Flow, Image
from jvst.core.consistency import EdgeRule, mask_reasons
from jvst.film.neighbours import Neighbours
from jvst.film.one_pass import PaintingStatistics, one_pass
from jvst.solver.objective import FrameTargets
from jvst.solver.presets import Start

_FLOAT32 = jnp.dtype(jnp.float32)

#: Starts that are made of the paintings' statistics.
OF_PAINTINGS = ("colours", "onepass")


class Starts(NamedTuple):
    """What starts are made of: the one place where a start is chosen.

    Attributes:
        kind: which.
        key: draws the noise.
        paintings: for ``colours`` and ``onepass``; see ``painting_statistics``.
        tile: see ``SolverConfig``.
    """

    kind: Start
    key: PRNGKeyArray
    paintings: PaintingStatistics | None = None
    tile: tuple[int, int] | None = None

    def alone(self, frame: Image) -> Image:
        """Return the start of a frame that is tied to no other.

        Args:
            frame: the content frame, RGB in [0, 1].
        """
        if self.kind == "noise":
            return noise_image(self.key, frame.shape, frame.dtype)
        if self.kind == "content" or self.paintings is None:
            return frame
        if self.kind == "colours":
            return one_pass(frame, self.paintings, levels=(0,), strength=1.0)
        return one_pass(frame, self.paintings, tile=self.tile)

    def beside(
        self,
        frame: Image,
        neighbours: Neighbours,
        targets: FrameTargets,
        slot: int,
        *,
        edge: EdgeRule = "clamp",
    ) -> Image:
        """Return the start of a frame with stylized neighbours: the nearest of them, warped.

        But for noise, it is that of ``alone`` where the neighbour can't know what is there.

        Args:
            frame: the content frame, RGB in [0, 1].
            neighbours: the slots.
            targets: with the neighbours, warped.
            slot: of the nearest that can be trusted.
            edge: see ``consistency_mask``.
        """
        warped = targets.warped[slot]
        if self.kind == "noise":
            return warped
        flow, back = neighbours.flows[slot], neighbours.flows_back[slot]
        return uncover(self.alone(frame), warped, flow, back, edge=edge)


def chosen_starts(
    kind: Start,
    key: PRNGKeyArray,
    paintings: PaintingStatistics | None,
    *,
    tile: tuple[int, int] | None = None,
) -> Starts:
    """Check that a start has what it is made of.

    Raises:
        ValueError: it lacks the paintings' statistics.
    """
    if kind in OF_PAINTINGS and paintings is None:
        raise ValueError(
            f"frames start from {kind!r}, which needs the paintings' statistics; give "
            "paintings=painting_statistics(images), or another init"
        )
    return Starts(kind, key, paintings, tile)


@program("frame", static_argnames="edge")
def uncover(
    frame: Image, warped: Image, flow: Flow, flow_back: Flow, *, edge: EdgeRule = "clamp"
) -> Image:
    """Put a frame's own start where its warped neighbour can't know what is there.

    Args:
        frame: the start of the frame alone, RGB in [0, 1].
        warped: its stylized neighbour, warped to it, RGB in [0, 1].
        flow: from the frame to the neighbour, pixels.
        flow_back: from the neighbour to the frame, pixels.
        edge: see ``consistency_mask``.

    Differs from the paper, which starts from the warped neighbour throughout; then whatever moved
    away leaves its outlines behind, and a short solve does not remove them.
    """
    reasons = mask_reasons(flow, flow_back, edge=edge)
    unknown = reasons.disoccluded | reasons.outside
    return jnp.where(unknown[..., None], frame, warped)


def noise_image(key: PRNGKeyArray, shape: tuple[int, ...], dtype: jnp.dtype = _FLOAT32) -> Image:
    """Return the noise that a frame without a neighbour starts from: faint, around grey."""
    return 0.5 + 0.1 * jax.random.normal(key, shape, dtype)
