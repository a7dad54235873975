"""Pictures put together from the newest frames' passes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jvst._programs import program
from jvst._types import Flow, Image, Mask
from jvst.core.image import gaussian_blur
from jvst.core.warp import bilinear_sample, catmull_rom_sample, pixel_grid
from jvst.film.coordinates import (
    Coordinates,
    Origin,
    carried_along,
    chosen,
    grown,
    mended,
    own_coordinates,
    stretched,
)

#: Frames whose passes are kept.
PASSES = 16
#: Frames over which a pixel is repainted.
FADE = 4
#: Age in frames at which it is: what fades out then goes with its pass.
OLDEST = PASSES - FADE
#: Pixels from an outline up to which a pass paints with it in view, its halo or its shade,
NEAR = 16
#: and age in frames at which what was painted so is repainted while the outline is there.
SETTLE = 3
#: Less trust than the first shows a frame's own pass at once, less than the second softly.
NONE, DOUBTFUL = 0.25, 0.75
#: Change of light, of [0, 1], from which a picture begins to follow that of its own pass, and from
#: which it does so wholly. Sensors' noise is far below it in the mean over a block's surroundings.
_LIGHT = 4 / 255, 12 / 255
#: Root of the mean square, of [0, 1], by which a block may differ from the one that it was painted
#: as, light aside; the mask's own limit is 16, and blocks at outlines differ by more.
_LOST = 24 / 255
# Light is compared in blocks of 4×4 pixels, blurred by two blocks: 8 pixels, about a stroke.
_BLOCK, _BLUR, _RADIUS = 4, 2.0, 6
# Detail is not enlarged by more than what two passes with nothing in common lack in the middle of a
# fade, and that of flat areas not at all: squares of [0, 1].
_MOST, _LEAST = 2.0**0.5, 1e-6
_FLOAT32 = jnp.dtype(jnp.float32)
# Rows above and below each pass for the cubic kernel.
_ROWS = 2


class Memory(NamedTuple):
    """The newest frames and their passes, each at its number modulo their count."""

    passes: Float[Array, "n rows w 3"]  # with rows repeated above and below
    contents: Float[Array, "n hb wb 3"]  # the frames as they came, means of blocks


class CarriedState(NamedTuple):
    """What one frame leaves to the next."""

    index: Int[Array, ""]  # number of the frame
    coordinates: Coordinates
    memory: Memory


def nothing_carried(
    height: int,
    width: int,
    *,
    index: int = 0,
    dtype: jnp.dtype = _FLOAT32,
) -> CarriedState:
    """Return the state before a clip begins.

    Args:
        height: of the frames, pixels.
        width: likewise.
        index: number of the first frame.
        dtype: of the frames.
    """
    before = jnp.asarray(index - 1, jnp.int32)
    blocks = -(-height // _BLOCK), -(-width // _BLOCK)
    return CarriedState(
        before,
        own_coordinates(before, jnp.zeros((height, width, 2), dtype)),
        Memory(
            jnp.zeros((PASSES, height + 2 * _ROWS, width, 3), dtype),
            jnp.zeros((PASSES, *blocks, 3), dtype),
        ),
    )


def remembered(memory: Memory, index: Int[Array, ""], frame: Image, own: Image) -> Memory:
    """Put a frame and its pass in the place of the oldest.

    Args:
        memory: the newest frames.
        index: number of the frame.
        frame: as it came from the clip, RGB in [0, 1].
        own: its pass.
    """
    slot = index % memory.passes.shape[0]
    rows = jnp.pad(own, ((_ROWS, _ROWS), (0, 0), (0, 0)), mode="edge")
    return Memory(memory.passes.at[slot].set(rows), memory.contents.at[slot].set(_blocks(frame)))


def carry_step(
    state: CarriedState, frame: Image, own: Image, flow: Flow, trust: Mask
) -> tuple[CarriedState, Image]:
    r"""Put a frame's picture together from its own pass and those of the frames before.

    Each pixel takes its coordinates from where its flow points and is sampled once, in the pass in
    which it was painted; nothing is interpolated twice, so nothing softens. It is repainted from
    the frame's own pass at once where there is no trust, else over some frames, where

    - it is doubtful;
    - it is 12 frames old;
    - it was painted within 16 pixels of an outline, which has moved on, or every 3 frames until it
      has: a pass draws a halo around what moves, and should not leave it behind;
    - it is enlarged or reduced to twice or half its size, torn from its neighbours, or no longer
      on what it was painted as.

    .. math:: y = s + g \cdot G_8 * (x - s)

    with s what is sampled, x the frame's own pass, and g how far the light has changed since: from
    0 to 1, by what the frame is lighter than the one that the pixel was painted in.

    Args:
        state: of the frame before, see ``nothing_carried``.
        frame: as it came from the clip, RGB in [0, 1].
        own: its pass, see ``one_pass``.
        flow: from the frame to the one before, pixels.
        trust: in the flow, in [0, 1]: below 0.25 none, below 0.75 doubtful.

    Returns:
        The state, and the picture, RGB, which light may take beyond [0, 1].

    Source: ours; measured in docs/quality.md.
    """
    index = state.index + 1
    memory = remembered(state.memory, index, frame, own)
    coordinates, picture = put_together(state.coordinates, memory, index, own, flow, trust)
    return CarriedState(index, coordinates, memory), picture


def put_together(
    before: Coordinates,
    memory: Memory,
    index: Int[Array, ""],
    own: Image,
    flow: Flow,
    trust: Mask,
) -> tuple[Coordinates, Image]:
    """Do what ``carry_step`` does once the frame and its pass are remembered.

    Args: see ``carry_step``; ``before`` are the coordinates of the frame before.

    It is several programs: in one of them XLA on a CPU works out what many pixels read anew for
    each that reads it, which takes three times as long.
    """
    arrived, hidden = _arrived(before, index, flow, trust)
    arrived, torn = _mended(arrived)
    light, lost = _changes(memory.contents, arrived.shown, index)
    wrong = torn | (~hidden & (trust < DOUBTFUL))
    now = _repainted(arrived, index, wrong, lost, _near_outlines(hidden))
    return now, _lit(_sampled(memory, now), light, own)


@program("frame")
def _arrived(
    before: Coordinates, index: Int[Array, ""], flow: Flow, trust: Mask
) -> tuple[Coordinates, Bool[Array, "h w"]]:
    """Carry coordinates along where they can be, and tell where they can't."""
    found, inside = carried_along(before, flow)
    hidden = ~inside | ~(trust >= NONE)
    return chosen(hidden, own_coordinates(index, flow), found), hidden


_mended = program("frame")(mended)


@program("frame")
def _near_outlines(hidden: Bool[Array, "h w"]) -> Bool[Array, "h w"]:
    """Mark what is near the edge of an area that the frame before does not show.

    Specks are no areas, and a frame that shows nothing of the one before has no edges.
    """
    areas = grown(~grown(~hidden, 1), 1)
    return grown(areas & grown(~hidden, 1), NEAR)


@program("frame")
def _repainted(
    arrived: Coordinates,
    index: Int[Array, ""],
    wrong: Bool[Array, "h w"],
    lost: Float[Array, "hb wb 1"],
    near: Bool[Array, "h w"],
) -> Coordinates:
    """Begin to repaint what is due, and go on where that has begun."""
    shown, fade = arrived.shown, arrived.fade
    age = index - shown.source
    # Outlines of the first frame are known at the second.
    unsettled = arrived.unsettled | (near & (age <= 1))
    due = (age >= OLDEST) | (unsettled & (~near | (age >= SETTLE)))
    due |= wrong | stretched(shown) | (_enlarged(lost, wrong.shape)[..., 0] > 0.5)
    due &= (fade == 0) & (age > 0)
    going_on = jnp.where(fade > 0, (fade + 1) % FADE, 0)
    new = own_coordinates(index, shown.where)
    new = new._replace(former=shown, fade=jnp.ones_like(fade), unsettled=near)
    return chosen(due, new, arrived._replace(fade=going_on, unsettled=unsettled))


@program("frame")
def _sampled(memory: Memory, now: Coordinates) -> Image:
    """Sample the passes, each pixel in its own, or in two of them while one fades."""
    dtype = memory.passes.dtype
    left = jnp.where(now.fade > 0, 1.0 - now.fade.astype(dtype) / FADE, 0.0)[..., None]
    shown, former = (_read(memory.passes, each) for each in (now.shown, now.former))
    return _faded(shown, former, left)


def _faded(shown: Image, former: Image, left: Float[Array, "h w 1"]) -> Image:
    r"""Mix two passes, and give the mixture as much detail as they have.

    .. math:: y = \bar m + \sqrt{\frac{\langle (1-a)\,\tilde s^2 + a \tilde f^2 \rangle}
        {\langle \tilde m^2 \rangle}}\; \tilde m, \quad m = (1-a) s + a f

    with a mean over a block's surroundings as a bar, what differs from it as a tilde. Half of each
    of two passes that have nothing in common has half the detail of one, and a picture that is
    repainted all at once would grow soft and sharp again.
    """
    means = [_enlarged(_blocks(each), shown.shape[:2]) for each in (shown, former)]
    details = [each - mean for each, mean in zip((shown, former), means, strict=True)]
    mixture = details[0] + left * (details[1] - details[0])
    squares = [jnp.mean(jnp.square(each), axis=-1, keepdims=True) for each in (*details, mixture)]
    wanted = squares[0] + left * (squares[1] - squares[0])
    fading = left > 0.0
    wanted, found = (
        _blurred(_blocks(jnp.where(fading, each, 0.0))) + _LEAST for each in (wanted, squares[2])
    )
    gain = _enlarged(jnp.clip(jnp.sqrt(wanted / found), 1.0, _MOST), shown.shape[:2])
    mean = means[0] + left * (means[1] - means[0])
    return mean + jnp.where(fading, gain, 1.0) * mixture


def _read(passes: Float[Array, "n rows w 3"], origin: Origin) -> Image:
    count, rows, width, _ = passes.shape
    where = origin.where
    # The kernel clamps at the border of all passes together; rows between them do for each.
    row = jnp.clip(where[..., 1], 0.0, rows - 2 * _ROWS - 1)
    row += ((origin.source % count) * rows + _ROWS).astype(where.dtype)
    points = jnp.stack([where[..., 0], row], axis=-1)
    return catmull_rom_sample(passes.reshape(count * rows, width, 3), points)


@program("frame")
def _changes(
    contents: Float[Array, "n hb wb 3"], shown: Origin, index: Int[Array, ""]
) -> tuple[Float[Array, "hb wb 1"], Float[Array, "hb wb 1"]]:
    """Compare the blocks of a frame with those that its pixels were painted as.

    Returns:
        How far the light has changed, in [0, 1]; 1 where they show something else.
    """
    count, hb, wb, _ = contents.shape
    h, w = shown.source.shape
    rows, columns = (
        jnp.minimum(_BLOCK * jnp.arange(number) + _BLOCK // 2, size - 1)
        for number, size in ((hb, h), (wb, w))
    )
    source, where = (field[rows[:, None], columns] for field in shown)
    # A pixel in the middle of each block says how far that has moved.
    moved = where - pixel_grid(h, w, where.dtype)[rows[:, None], columns]
    at = pixel_grid(hb, wb, where.dtype) + moved / _BLOCK
    row = jnp.clip(at[..., 1], 0.0, hb - 1.0) + (source % count * hb).astype(at.dtype)
    points = jnp.stack([at[..., 0], row], axis=-1)
    change = contents[index % count] - bilinear_sample(contents.reshape(count * hb, wb, 3), points)
    light = _blurred(change)
    size = jnp.max(jnp.abs(light), axis=-1, keepdims=True)
    follow = jnp.clip((size - _LIGHT[0]) / (_LIGHT[1] - _LIGHT[0]), 0.0, 1.0)
    rest = jnp.mean(jnp.square(change - light), axis=-1, keepdims=True)
    lost = gaussian_blur(rest, 1.0, min(2, hb, wb)) > _LOST**2
    return _blurred(follow), lost.astype(light.dtype)


@program("frame")
def _lit(picture: Image, light: Float[Array, "hb wb 1"], own: Image) -> Image:
    """Let the light of a frame's own pass in, as far as it has changed."""
    return picture + _enlarged(light * _blurred(_blocks(own - picture)), own.shape[:2])


def _blocks(image: Float[Array, "h w c"]) -> Float[Array, "hb wb c"]:
    """Average blocks of pixels; the border's pixels fill the last ones up."""
    h, w, c = image.shape
    hb, wb = -(-h // _BLOCK), -(-w // _BLOCK)
    pads = ((0, hb * _BLOCK - h), (0, wb * _BLOCK - w), (0, 0))
    padded = jnp.pad(image, pads, mode="edge")
    return jnp.mean(padded.reshape(hb, _BLOCK, wb, _BLOCK, c), axis=(1, 3))


def _blurred(blocks: Float[Array, "hb wb c"]) -> Float[Array, "hb wb c"]:
    return gaussian_blur(blocks, _BLUR, min(_RADIUS, *blocks.shape[:2]))


def _enlarged(blocks: Float[Array, "hb wb c"], size: tuple[int, ...]) -> Float[Array, "h w c"]:
    """Bring blocks to a frame's size, linear between their centres."""
    height, width = size
    hb, wb, c = blocks.shape
    return jax.image.resize(blocks, (hb * _BLOCK, wb * _BLOCK, c), "linear")[:height, :width]
