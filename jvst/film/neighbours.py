"""The stylized frames that a frame is tied to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jvst._types import AnyArray, Flow, FlowLike, Image, ImageLike, Mask, MaskLike
from jvst.core.consistency import EdgeRule, unknown_motion
from jvst.core.cuts import without_cuts
from jvst.core.masks import MaskKnobs, MaskMode, shaped_mask
from jvst.core.warp import Kernel, warp

_NO_KNOBS = MaskKnobs()


class Motion(NamedTuple):
    """Optical flow between a frame and an earlier one.

    Attributes:
        flow: from the frame to the earlier one, pixels.
        flow_back: from the earlier one to the frame, pixels.
        other: the earlier frame as it came from the clip, RGB in [0, 1]; when given, a cut
            between the two is recognised, and nothing is trusted over it.
        mask: trust in ``flow`` where it was made elsewhere, ``[h w]`` in [0, 1]; ``jvst`` makes
            its own from the two fields when left out.
        mask_back: likewise trust in ``flow_back``, on the earlier frame. Passes that go backward
            need it where ``mask`` is given.
    """

    flow: FlowLike
    flow_back: FlowLike
    other: ImageLike | None = None
    mask: MaskLike | None = None
    mask_back: MaskLike | None = None

    def reversed(self, other: ImageLike | None) -> "Motion":
        """Return the motion as the earlier frame sees it.

        Args:
            other: the later frame as it came from the clip, where cuts are to be recognised.
        """
        return Motion(self.flow_back, self.flow, other, self.mask_back, self.mask)


class Neighbours(NamedTuple):
    """Stylized frames in slots, zeros where a slot is empty, so that no count recompiles."""

    images: Float[Array, "j h w 3"]  # stylized, RGB
    flows: Float[Array, "j h w 2"]  # from the frame to each, pixels
    flows_back: Float[Array, "j h w 2"]  # from each to the frame, pixels
    present: Float[Array, " j"]  # 1 for a slot that is filled
    others: Float[Array, "j h w 3"]  # as they came from the clip, RGB in [0, 1]
    has_other: Float[Array, " j"]
    masks: Float[Array, "j h w"]  # trust that was made elsewhere
    has_mask: Float[Array, " j"]


def neighbours_in_slots(
    frame: Image, slots: Sequence[tuple[ImageLike, Motion] | None]
) -> Neighbours:
    """Stack what is known of each slot.

    Args:
        frame: the content frame, for sizes.
        slots: a stylized frame and the motion to it, or None for an empty slot.
    """
    images = [slot[0] if slot else None for slot in slots]
    motions = [slot[1] if slot else None for slot in slots]
    others = [motion.other if motion else None for motion in motions]
    masks = [motion.mask if motion else None for motion in motions]
    return Neighbours(
        images=_stacked(images, frame),
        flows=_stacked([motion.flow if motion else None for motion in motions], frame[..., :2]),
        flows_back=_stacked(
            [motion.flow_back if motion else None for motion in motions], frame[..., :2]
        ),
        present=_flags(images, frame),
        others=_stacked(others, frame),
        has_other=_flags(others, frame),
        masks=_stacked(masks, frame[..., 0]),
        has_mask=_flags(masks, frame),
    )


def earlier_slots(
    lags: Sequence[int], index: int, done: Mapping[int, ImageLike], motion: Mapping[int, Motion]
) -> list[tuple[ImageLike, Motion] | None]:
    """Return one slot a lag, filled where both the frame and the motion to it are known."""
    return [
        (done[index - lag], motion[lag]) if lag in motion and index - lag in done else None
        for lag in lags
    ]


def neighbour_masks(
    frame: Image,
    neighbours: Neighbours,
    *,
    mode: MaskMode = "binary",
    edge: EdgeRule = "clamp",
    knobs: MaskKnobs = _NO_KNOBS,
) -> Float[Array, "j h w"]:
    """Tell how far the motion to each neighbour can be trusted; 0 in empty slots.

    Args:
        frame: the content frame, RGB in [0, 1].
        neighbours: the slots.
        mode: see ``consistency_mask``; of no effect on masks that were made elsewhere, and
            ``photometric`` is ``binary`` where the other frame is not known.
        edge: see ``consistency_mask``.
        knobs: weight, widening and softening of each reason for distrust.
    """

    def trust(slot: Neighbours) -> Mask:
        flow, back = slot.flows, slot.flows_back
        options: dict[str, Any] = {"edge": edge, "image": frame, "knobs": knobs}
        mask = shaped_mask(flow, back, mode=mode, other=slot.others, **options)
        if mode == "photometric":
            # Without the other frame there is nothing to compare.
            papers = shaped_mask(flow, back, mode="binary", **options)
            mask = jnp.where(slot.has_other > 0.0, mask, papers)
        given = jnp.where(unknown_motion(flow, back), 0.0, slot.masks)
        mask = jnp.where(slot.has_mask > 0.0, given, mask)
        cut = without_cuts(mask, frame, slot.others, flow)
        return slot.present * jnp.where(slot.has_other > 0.0, cut, mask)

    return jax.vmap(trust)(neighbours)


def warped_images(
    neighbours: Neighbours, *, kernel: Kernel = "bilinear"
) -> Float[Array, "j h w 3"]:
    """Return the stylized neighbours, warped to the frame.

    Args:
        neighbours: the slots.
        kernel: see ``core.warp.warp``.
    """

    def pulled(image: Image, flow: Flow) -> Image:
        return warp(image, flow, kernel=kernel)

    return jax.vmap(pulled)(neighbours.images, neighbours.flows)


def _stacked(
    arrays: Sequence[Float[AnyArray, "h w *c"] | None], like: Float[Array, "h w *c"]
) -> Float[Array, "j h w *c"]:
    return jnp.stack(
        [jnp.zeros_like(like) if array is None else jnp.asarray(array) for array in arrays]
    )


def _flags(arrays: Sequence[object | None], like: Image) -> Float[Array, " j"]:
    return jnp.asarray([float(array is not None) for array in arrays], like.dtype)
