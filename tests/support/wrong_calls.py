"""Calls that can't be meant, each with what the message must say.

Run as a program it makes each call and prints name -> message as JSON, without the hook that
checks the annotations of the package in tests: users seldom have one.
"""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jvst
from jvst import metrics
from jvst.film.arguments import in_step

H, W = 32, 48


class Wrong(NamedTuple):
    """A call and what its message begins with and says after the semicolon."""

    call: Callable[[], Any]
    message: str


RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(H, W, 3)).astype(np.float32)
LEVELS = (255 * IMAGE).astype(np.uint8)
FLOW = np.zeros((H, W, 2), np.float32)
TURNED = np.zeros((W, H, 2), np.float32)
MASK = np.ones((H, W), np.float32)
LAYER = np.ones((6, 7, 4), np.float32)
MOTION = jvst.Motion(FLOW, FLOW)
KEY = jax.random.key(0)
VGG = nnx.eval_shape(lambda: jvst.VGG19(width=1 / 16, rngs=nnx.Rngs(0)))
GRAMS = {"relu1_1": np.ones((4, 4), np.float32)}
TARGETS = jvst.FrameTargets({}, GRAMS, IMAGE[None], MASK[None])
WEIGHTS = jvst.LossWeights()
PICTURE = "expected RGB in [0, 1], float [h w 3]"
VECTORS = "expected (dx, dy) in pixels, float [h w 2]"
TRUST = "expected trust in [0, 1], float [h w]"


def features(image=IMAGE, vgg=VGG, layers=("relu1_1",)):
    return jvst.features(vgg, image, layers)


def loss(image=IMAGE, targets=TARGETS, weights=WEIGHTS, vgg=VGG):
    return jvst.frame_loss(image, vgg, targets, weights)


def solve(init=IMAGE, iterations=1, targets=TARGETS, weights=WEIGHTS, vgg=VGG, **options):
    return jvst.solve_frame(init, vgg, targets, weights, iterations, **options)


def clip(frames=(IMAGE, IMAGE), motions=({}, {1: MOTION}), style=GRAMS, key=KEY, **options):
    return next(jvst.stylize_clip(frames, motions, VGG, style, WEIGHTS, key=key, **options))


def second_of(frames, motions):
    """Look through a clip as it is before its frames are solved."""
    return list(in_step(frames, motions, 0))


def second(motion):
    """Look at the motion of a second frame."""
    return second_of([IMAGE, IMAGE], [{}, motion])


def passes(frames=(IMAGE, IMAGE), motions=(None, MOTION), passes=4, **options):
    config = jvst.MultipassConfig(passes=passes)
    return jvst.stylize_multipass(
        frames, motions, VGG, GRAMS, WEIGHTS, config=config, key=KEY, **options
    )


def jitted(function, *given):
    return jax.jit(function)(*given)


def write_film(frame_rate):
    from jvst.video import write_video  # noqa: PLC0415  FFmpeg, for two of these calls

    return write_video("unwritten.mp4", [LEVELS], frame_rate=frame_rate)


WRONG = {
    # Types of numbers.
    "levels in uint8": Wrong(
        lambda: features(LEVELS), f"image is uint8 [32 48 3]; {PICTURE}: give jvst.to_float(image)"
    ),
    "levels in uint8 under jit": Wrong(
        lambda: jitted(jvst.total_variation, LEVELS), f"image is uint8 [32 48 3]; {PICTURE}"
    ),
    "whole numbers in a flow": Wrong(
        lambda: jvst.warp(IMAGE, FLOW.astype(int)),
        f"flow is int64 [32 48 2]; {VECTORS}: give flow.astype('float32')",
    ),
    "whole numbers in a mask": Wrong(
        lambda: jvst.blend(IMAGE, IMAGE, MASK.astype(np.int32), 0.5),
        f"mask is int32 [32 48]; {TRUST}: give mask.astype('float32')",
    ),
    "truth values in a mask": Wrong(
        lambda: metrics.warping_error(IMAGE, IMAGE, FLOW, MASK > 0),
        f"mask is bool [32 48]; {TRUST}: give mask.astype('float32')",
    ),
    "floats as levels": Wrong(
        lambda: jvst.to_float(IMAGE),
        "image is float32 [32 48 3]; expected 8-bit RGB, uint8 [h w 3]",
    ),
    "half precision in a solve": Wrong(
        lambda: solve(jnp.asarray(IMAGE, jnp.bfloat16)),
        "init is bfloat16 [32 48 3]; expected float32: a solve adds steps",
    ),
    "half precision in a clip": Wrong(
        lambda: clip([IMAGE.astype(np.float16)], [{}]),
        "frames[0] is float16 [32 48 3]; expected float32",
    ),
    # Shapes.
    "grey": Wrong(
        lambda: features(IMAGE[..., 0]),
        f"image is float32 [32 48]; {PICTURE}: repeat what is grey: image[..., None].repeat(3,",
    ),
    "grey with an axis": Wrong(
        lambda: features(IMAGE[..., :1]),
        f"image is float32 [32 48 1]; {PICTURE}: repeat what is grey: image.repeat(3, axis=-1)",
    ),
    "with alpha": Wrong(
        lambda: jvst.to_uint8(np.ones((H, W, 4), np.float32)),
        f"image is float32 [32 48 4]; {PICTURE}: drop its alpha: image[..., :3]",
    ),
    "channels first": Wrong(
        lambda: loss(IMAGE.transpose(2, 0, 1)),
        f"image is float32 [3 32 48]; {PICTURE}: channels come last: image.transpose(1, 2, 0)",
    ),
    "a batch": Wrong(
        lambda: features(IMAGE[None]),
        f"image is float32 [1 32 48 3]; {PICTURE}: it takes one, not a batch: give one after the "
        "other, or use jax.vmap",
    ),
    "a batch in a solve": Wrong(
        lambda: solve(IMAGE[None]), f"init is float32 [1 32 48 3]; {PICTURE}: it takes one, not a"
    ),
    "a mask with an axis": Wrong(
        lambda: jvst.temporal_loss(IMAGE, IMAGE, MASK[..., None]),
        f"weight is float32 [32 48 1]; {TRUST}: drop the last axis: weight[..., 0]",
    ),
    "a flow turned round": Wrong(
        lambda: jvst.warp(IMAGE, TURNED),
        "flow is float32 [48 32 2]; expected [32 48 2], as image has it: height and width are "
        "swapped",
    ),
    "flows of two sizes": Wrong(
        lambda: jvst.consistency_mask(FLOW, FLOW[:-1]),
        "flow_back is float32 [31 48 2]; expected [32 48 2], as flow has it",
    ),
    "three channels in a flow": Wrong(
        lambda: jvst.warp(IMAGE, IMAGE), f"flow is float32 [32 48 3]; {VECTORS}"
    ),
    "activations of two sizes": Wrong(
        lambda: jvst.content_loss(LAYER, LAYER[:3]),
        "target is float32 [3 7 4]; expected [6 7 4], as activation has it",
    ),
    "a Gram matrix of another layer": Wrong(
        lambda: jvst.style_loss(LAYER, np.ones((8, 8), np.float32)),
        "target_gram is float32 [8 8]; expected [4 4], as activation has it",
    ),
    "one mask in place of one a lag": Wrong(
        lambda: jvst.long_term_weights(MASK), "masks is float32 [32 48]; expected float [j h w]"
    ),
    "targets of another size": Wrong(
        lambda: loss(IMAGE[:16]),
        "targets.warped is float32 [1 32 48 3]; expected [1 16 48 3], as image has it",
    ),
    "one warped frame without its axis": Wrong(
        lambda: solve(targets=TARGETS._replace(warped=IMAGE)),
        "targets.warped is float32 [32 48 3]; expected float [j h w 3]",
    ),
    "one style picture in place of several": Wrong(
        lambda: jvst.style_targets(VGG, IMAGE),
        "images is one array [32, 48, 3]; expected several: [image]",
    ),
    # No arrays at all.
    "nothing for a picture": Wrong(lambda: features(None), f"image is None; {PICTURE}"),
    "a list for a picture": Wrong(
        lambda: jvst.warp([[0.0]], FLOW), "image is of type list; expected float [h w c]"
    ),
    "a path for a picture": Wrong(lambda: features("a.png"), f"image is 'a.png'; {PICTURE}"),
    "an array for a network": Wrong(
        lambda: features(vgg=IMAGE), "vgg is float32 [32 48 3]; expected a network, such as jvst"
    ),
    "weights in a dictionary": Wrong(
        lambda: loss(weights={"style": 2.0}),
        "weights is of type dict; expected jvst.LossWeights",
    ),
    "targets in a tuple": Wrong(
        lambda: loss(targets=(1, 2)), "targets is of type tuple; expected jvst.FrameTargets"
    ),
    "a word for a weight": Wrong(
        lambda: solve(weights=WEIGHTS._replace(style="much")),
        "weights.style is 'much'; expected a number",
    ),
    "a weight beyond its type": Wrong(
        lambda: solve(weights=WEIGHTS._replace(style=1e39)),
        "weights.style is 1e+39; expected at most 3.4e+38, as float32 holds it",
    ),
    "a seed for a key": Wrong(lambda: clip(key=0), "key is 0; expected a key of JAX: jax.random"),
    "a list for a style": Wrong(
        lambda: clip(style=[1]), "style is of type list; expected what jvst.style_targets returns"
    ),
    # Values, where no program has them yet.
    "levels in a solve": Wrong(
        lambda: solve(255 * IMAGE), "init has values up to 254.9; expected [0, 1]: divide levels"
    ),
    "levels in a clip": Wrong(
        lambda: clip([LEVELS.astype(np.float32)], [{}]),
        "frames[0] has values up to 254; expected [0, 1]: divide levels",
    ),
    "levels in a style": Wrong(
        lambda: jvst.style_targets(VGG, [255 * IMAGE]),
        "images[0] has values up to 254.9; expected [0, 1]",
    ),
    "levels in a mask": Wrong(
        lambda: second({1: jvst.Motion(FLOW, FLOW, mask=255 * MASK)}),
        "motions[1][1].mask has values up to 255; expected [0, 1]",
    ),
    # Motion.
    "nothing for a motion": Wrong(
        lambda: clip([IMAGE], [None]),
        "motions[0] is None; expected lag -> jvst.Motion, {} where there is none",
    ),
    "a motion without its lag": Wrong(
        lambda: second(MOTION), "motions[1] is of jvst's type Motion; expected lag -> jvst.Motion"
    ),
    "nothing for the motion of a lag": Wrong(
        lambda: second({1: None}),
        "motions[1][1] is None; expected a jvst.Motion, optical flow both ways",
    ),
    "a field for the motion of a lag": Wrong(
        lambda: second({1: FLOW}), "motions[1][1] is float32 [32 48 2]; expected a jvst.Motion"
    ),
    "motion without a way back": Wrong(
        lambda: second({1: jvst.Motion(FLOW, None)}), f"motions[1][1].flow_back is None; {VECTORS}"
    ),
    "motion turned round": Wrong(
        lambda: second({1: jvst.Motion(TURNED, TURNED)}),
        "motions[1][1].flow is float32 [48 32 2]; expected [32 48 2], as frames[1] has it: height",
    ),
    "a clip's mask with an axis": Wrong(
        lambda: second({1: jvst.Motion(FLOW, FLOW, mask=MASK[..., None])}),
        f"motions[1][1].mask is float32 [32 48 1]; {TRUST}: drop the last axis",
    ),
    "fewer motions than frames": Wrong(
        lambda: clip(motions=[{}]), "there are 1 motions for 2 frames; expected one for each frame"
    ),
    "more motions than frames, lazily": Wrong(
        lambda: second_of(iter([IMAGE]), iter([{}, {}])),
        "frames end before number 1; expected as many motions as frames",
    ),
    "fewer motions than frames in passes": Wrong(
        lambda: passes(motions=[MOTION]), "there are 1 motions for 2 frames; expected one for each"
    ),
    "lags in passes": Wrong(
        lambda: passes(motions=[None, {1: MOTION}]),
        "motions[1] is of type dict; expected a jvst.Motion, or None where there is none",
    ),
    "a mask one way in passes": Wrong(
        lambda: passes(motions=[None, MOTION._replace(mask=MASK)]),
        "motions[1] has a mask and no mask_back; expected both where passes go forward and back",
    ),
    "no frames": Wrong(lambda: passes([], []), "there are 0 frames; expected at least 1"),
    "frames of two sizes": Wrong(
        lambda: second_of([IMAGE, IMAGE[:16]], [{}, {}]),
        "frames[1] is float32 [16 48 3]; expected [32 48 3], as the frame before has it",
    ),
    # Words.
    "an unknown optimizer": Wrong(
        lambda: jvst.SolverConfig(optimizer="sgd"), "optimizer is 'sgd'; expected one of lbfgs, ad"
    ),
    "an unknown start": Wrong(
        lambda: jvst.ClipConfig(init="random"), "init is 'random'; expected one of noise, content"
    ),
    "an unknown mask": Wrong(
        lambda: jvst.ClipConfig(mask="hard"), "mask is 'hard'; expected one of binary, soft, ijcv"
    ),
    "an unknown mode": Wrong(
        lambda: jvst.consistency_mask(FLOW, FLOW, mode="hard"), "mode='hard', edge='clamp'; expect"
    ),
    "an unknown edge": Wrong(
        lambda: jvst.ClipConfig(edge="wrap"), "edge is 'wrap'; expected one of clamp, torch"
    ),
    "an unknown schedule": Wrong(
        lambda: jvst.MultipassConfig(schedule="random"),
        "schedule is 'random'; expected one of sequential, parallel",
    ),
    "an unknown pooling": Wrong(
        lambda: jvst.VGG19(pooling="mean", rngs=nnx.Rngs(0)),
        "pooling is 'mean'; expected one of max, average",
    ),
    "an unknown padding": Wrong(
        lambda: jvst.VGG19(first_padding="reflect", rngs=nnx.Rngs(0)),
        "first_padding is 'reflect'; expected one of zeros, replicate",
    ),
    "an unknown precision": Wrong(
        lambda: jvst.VGG19(precision="float16", rngs=nnx.Rngs(0)),
        "precision is 'float16'; expected one of float32, tf32, bfloat16",
    ),
    "an unknown network": Wrong(
        lambda: jvst.loss_weights("vgg11", (W, H)), "unknown network 'vgg11'; expected one of vgg19"
    ),
    "an unknown layer": Wrong(
        lambda: features(layers=["relu9_1"]), "unknown layer 'relu9_1'; expected one of conv1_1"
    ),
    "an unknown layer in weights": Wrong(
        lambda: loss(weights=WEIGHTS._replace(style_layers={"relu9_1": 2.0})),
        "weights.style_layers names the unknown layer 'relu9_1'; expected one of conv1_1",
    ),
    "one word for several layers": Wrong(
        lambda: features(layers="relu4_2"),
        "layers is 'relu4_2', one word; expected several, as ('relu4_2',)",
    ),
    "one word for content layers": Wrong(
        lambda: jvst.ClipConfig(content_layers="relu4_2"),
        "content_layers is 'relu4_2', one word; expected several",
    ),
    "numbers for layers": Wrong(
        lambda: jvst.style_targets(VGG, [IMAGE], layers=(1, 2)),
        "layers is (1, 2); expected names such as ('relu4_2',)",
    ),
    # Numbers.
    "lag 0": Wrong(
        lambda: jvst.ClipConfig(lags=(0, 1)), "lags is (0, 1); expected different whole numbers"
    ),
    "lags in disorder": Wrong(
        lambda: jvst.ClipConfig(lags=(2, 1)), "lags is (2, 1); expected different whole numbers"
    ),
    "no lags": Wrong(lambda: jvst.ClipConfig(lags=()), "lags is (); expected different whole num"),
    "chunk 0": Wrong(lambda: solve(chunk=0), "chunk is 0; expected a whole number ≥ 1"),
    "chunk 0 in a clip": Wrong(
        lambda: jvst.ClipConfig(chunk=0), "chunk is 0; expected a whole number ≥ 1"
    ),
    "half a chunk": Wrong(lambda: solve(chunk=0.5), "chunk is 0.5; expected a whole number ≥ 1"),
    "a cap below 0": Wrong(
        lambda: solve(iterations=-1), "max_iterations is -1; expected a whole number ≥ 0"
    ),
    "a cap in floats": Wrong(
        lambda: solve(iterations=1e3), "max_iterations is 1000.0; expected a whole number ≥ 0"
    ),
    "no passes": Wrong(
        lambda: jvst.MultipassConfig(passes=0), "passes is 0; expected a whole number ≥ 1"
    ),
    "a frame rate in floats": Wrong(
        lambda: write_film(29.97),
        "the frame rate of unwritten.mp4 is 29.97; expected a Fraction, such as",
    ),
    "a frame rate of 0": Wrong(
        lambda: write_film(Fraction(0)), "the frame rate of unwritten.mp4 is 0; expected more than"
    ),
}


def said() -> dict[str, str]:
    """Return what each call is refused with; its type, where that is no ``InputError``."""
    messages = {}
    for name, wrong in WRONG.items():
        try:
            wrong.call()
            messages[name] = "nothing"
        except jvst.InputError as error:
            messages[name] = str(error)
        except Exception as error:
            kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
            messages[name] = f"{kind}{error}"
    return messages


if __name__ == "__main__":
    json.dump(said(), sys.stdout)
