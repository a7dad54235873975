"""Time one loss and gradient against PyTorch, and a run against its evaluations.

python scripts/benchmark.py --size 256x192 --width 0.5    (PyTorch: where it is installed)

Absolute times are this machine's; on a shared machine only the ratios, measured in turn, count.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jvst.choices import load_network
from jvst.config import (
    InputOptions,
    MotionOptions,
    OutputOptions,
    RunOptions,
    SolverOptions,
    StylizeConfig,
)
from jvst.objective import (
    CONTENT_LAYERS,
    LEVELS,
    STYLE_LAYERS,
    FrameTargets,
    LossWeights,
    content_targets,
    frame_loss,
    style_targets,
)
from jvst.run import run
from jvst.synthetic import clip, make_scene, painting
from jvst.vgg import CONVOLUTIONS, LAYERS, OXFORD, VGG19
from jvst.video import write_picture, write_video
from jvst.weights import find_weights

# Multiply-adds count twice; forward and the gradient of the input cost the same.
FLOP_PER_PIXEL = 1.44e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="256x192", help="WIDTHxHEIGHT")
    parser.add_argument("--width", type=float, default=0.5, help="channels, as a part of VGG-19's")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--frames", type=int, default=4, help="of the timed run; 0: none")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    device = jax.devices()[0].device_kind
    print(f"jax {jax.__version__} on {device}; {width}x{height}, network width {options.width}\n")
    vgg = VGG19(width=options.width, rngs=nnx.Rngs(0))
    problem = make_problem(vgg, width, height)
    candidates = {"jvst": jvst_evaluation(vgg, *problem)}
    if torch_evaluation := make_torch(vgg, *problem):
        candidates["PyTorch"] = torch_evaluation
    seconds = alternate(candidates, options.repeats)
    print("| loss and gradient | median ms | TFLOP/s | ratio |\n|---|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        rate = FLOP_PER_PIXEL * options.width**2 * width * height / median / 1e12
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(seconds["jvst"], values, strict=True)
        )
        print(f"| {name} | {median * 1e3:.1f} | {rate:.3f} | jvst takes {ratio:.2f} of its time |")
    if options.frames:
        time_run(options.frames, width, height)


def make_problem(vgg: VGG19, width: int, height: int) -> tuple:
    draw = lambda seed: jax.random.uniform(jax.random.key(seed), (height, width, 3))  # noqa: E731
    targets = FrameTargets(
        content_targets(vgg, draw(1)),
        style_targets(vgg, [draw(2)]),
        draw(3)[None],
        jnp.ones((1, height, width)),
    )
    return draw(0), targets, LossWeights()


def jvst_evaluation(
    vgg: VGG19, image: jax.Array, targets: FrameTargets, weights: LossWeights
) -> Callable[[], None]:
    evaluate = jax.jit(jax.value_and_grad(frame_loss, has_aux=True))
    return lambda: jax.block_until_ready(evaluate(image, vgg, targets, weights))


def alternate(candidates: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Time the candidates in turn, so that what disturbs one disturbs all."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for round_number in range(repeats + 1):
        for name, evaluate in candidates.items():
            started = time.perf_counter()
            evaluate()
            if round_number:  # the first compiles
                seconds[name].append(time.perf_counter() - started)
    return seconds


def make_torch(
    vgg: VGG19, image: jax.Array, targets: FrameTargets, weights: LossWeights
) -> Callable[[], None] | None:
    """Build the same network and losses in PyTorch, where it is installed."""
    try:
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        print("PyTorch is not installed: no comparison\n")
        return None

    def tensor(array):
        return torch.tensor(np.asarray(array))

    kernels = {
        name: (tensor(kernel.transpose(3, 2, 0, 1)).contiguous(), tensor(bias))
        for name in CONVOLUTIONS
        for kernel, bias in [vgg.parameters(name)]
    }
    content = {k: tensor(v.transpose(2, 0, 1)) for k, v in targets.content.items()}
    grams = {k: tensor(v) for k, v in targets.style.items()}
    warped, trust = tensor(targets.warped[0].transpose(2, 0, 1)), tensor(targets.trust[0])
    mean = torch.tensor(OXFORD.mean)[:, None, None]
    x = tensor(image.transpose(2, 0, 1)).requires_grad_()

    def loss():
        y = (x.flip(0) * LEVELS - mean)[None]
        content_term = style_term = 0.0
        for layer in LAYERS:
            if layer.startswith("conv"):
                kernel, bias = kernels[layer]
                y = torch.nn.functional.conv2d(y, kernel, bias, padding=1)
            elif layer.startswith("relu"):
                y = torch.relu(y)
            else:
                y = torch.nn.functional.max_pool2d(y, 2)
            if layer in CONTENT_LAYERS:
                content_term = content_term + torch.mean((y[0] - content[layer]) ** 2)
            if layer in STYLE_LAYERS:
                flat = y[0].flatten(1)
                gram = flat @ flat.T / flat.numel()
                style_term = style_term + torch.mean((gram - grams[layer]) ** 2)
        corner = x[:, :-1, :-1]
        variation = 0.5 * (
            ((x[:, :-1, 1:] - corner) ** 2).sum() + ((x[:, 1:, :-1] - corner) ** 2).sum()
        )
        temporal = torch.mean(trust * (x - warped) ** 2)
        pixels = weights.temporal * temporal + weights.total_variation * variation
        return weights.content * content_term + weights.style * style_term + LEVELS**2 * pixels

    value = loss()
    ours, _ = frame_loss(image, vgg, targets, weights)
    # Both add in float32 in an order of their own.
    np.testing.assert_allclose(value.item(), float(ours), rtol=1e-3)

    def evaluate() -> None:
        torch.autograd.grad(loss(), x)

    return evaluate


def time_run(frames: int, width: int, height: int) -> None:
    """Print what part of a run's wall time is not evaluations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = make_scene("demo", width=width, height=height)
        write_video(folder / "clip.mp4", clip(scene, frames), frame_rate=Fraction(12))
        write_picture(folder / "style.png", painting("swirls", width, height))
        walls, counts = [], []
        for turn in range(2):  # the first compiles
            started = time.perf_counter()
            run(
                StylizeConfig(
                    input=InputOptions(
                        clip=str(folder / "clip.mp4"), style=(str(folder / "style.png"),)
                    ),
                    output=OutputOptions(run_dir=str(folder / f"run{turn}")),
                    motion=MotionOptions(flow_cache="none"),
                    solver=SolverOptions(iterations=(100, 50), tolerance=0.0),
                    run=RunOptions(quiet=True),
                )
            )
            walls.append(time.perf_counter() - started)
            manifest = json.loads((folder / f"run{turn}" / "manifest.json").read_text())
            counts.append(sum(info["evaluations"] for info in manifest["frames"]))
        each = loop_seconds(folder, width, height)
    share = 1.0 - counts[1] * each / walls[1]
    print(
        f"\nA run of {frames} frames from clip to video, compiled before: {walls[1]:.1f} s for "
        f"{counts[1]} evaluations of {each * 1e3:.1f} ms; {share:.1%} of it is not evaluations. "
        f"The first run, with compilation, took {walls[0]:.1f} s."
    )


def loop_seconds(folder: Path, width: int, height: int) -> float:
    """Time an evaluation of the shipped network inside a loop on the device."""
    config = StylizeConfig()
    vgg = load_network(config, find_weights("auto", progress=False))
    image, targets, weights = make_problem(vgg, width, height)
    gradient = jax.grad(frame_loss, has_aux=True)

    @jax.jit
    def loop(image, vgg, targets, weights):
        def body(_, x):
            return x - 1e-9 * gradient(x, vgg, targets, weights)[0]

        return jax.lax.fori_loop(0, 20, body, image)

    once = {"loop": lambda: jax.block_until_ready(loop(image, vgg, targets, weights))}
    return statistics.median(alternate(once, 3)["loop"]) / 20


if __name__ == "__main__":
    main()
