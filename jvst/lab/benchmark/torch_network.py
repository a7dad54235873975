"""The same network and losses in PyTorch.

jvst is compared with them where PyTorch is installed.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from jvst._types import Image
from jvst.lab.benchmark.records import say
from jvst.network.vgg import OXFORD, VGG19
from jvst.solver.objective import CONTENT_LAYERS, LEVELS, STYLE_LAYERS, FrameTargets, LossWeights

Problem = tuple[Image, VGG19, FrameTargets, LossWeights]


def installed() -> Any:
    """Return PyTorch, or None where it is missing or can't be loaded beside JAX."""
    # By default its threads spin while they wait for one another: on a shared machine, where one
    # of them may have to wait for a core, an evaluation then takes up to 20 times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    except (ImportError, OSError) as error:  # missing, or its libraries don't get on with JAX's
        say(f"PyTorch: {error}")
        return None
    return torch


def torch_losses(
    torch: Any, problem: Problem, device: str, *, channels_last: bool = False
) -> tuple[Any, Callable[[Any], Any]]:
    """Build the loss of one frame in PyTorch.

    Args:
        torch: the module.
        problem: start, network (maximum pools, zeros around the picture), targets and weights.
        device: ``cpu`` or ``cuda``.
        channels_last: keep the channels of a pixel beside one another.

    Returns:
        The start, ``[1 3 h w]``, and a function from such an image to the loss.
    """
    image, vgg, targets, weights = problem

    def tensor(array: Any) -> Any:
        return torch.tensor(np.asarray(array), device=device)

    form = torch.channels_last if channels_last else torch.contiguous_format
    kernels = {
        layer.name: (
            tensor(kernel.transpose(3, 2, 0, 1)).contiguous(memory_format=form),
            tensor(bias),
        )
        for layer in vgg.layers.convolutions
        for kernel, bias in [vgg.parameters(layer.name)]
    }
    content = {k: tensor(v.transpose(2, 0, 1)[None]) for k, v in targets.content.items()}
    grams = {k: tensor(v) for k, v in targets.style.items()}
    warped = tensor(targets.warped[0].transpose(2, 0, 1)[None])
    trust = tensor(targets.trust[0])
    mean = tensor(np.asarray(OXFORD.mean, np.float32))[:, None, None]
    start = tensor(image.transpose(2, 0, 1)[None]).contiguous(memory_format=form)
    alpha, beta, gamma, tau = (float(w) for w in weights[:4])

    def loss(x: Any) -> Any:
        y = x.flip(1) * LEVELS - mean
        content_term, style_term = 0.0, 0.0
        for layer in vgg.layers:
            if layer.kind == "conv":
                y = torch.nn.functional.conv2d(y, *kernels[layer.name], padding=layer.kernel // 2)
            elif layer.kind == "relu":
                y = torch.relu(y)
            else:
                y = torch.nn.functional.max_pool2d(y, 2)
            if layer.name in CONTENT_LAYERS:
                content_term = content_term + torch.mean((y - content[layer.name]) ** 2)
            if layer.name in STYLE_LAYERS:
                flat = y[0].flatten(1)
                gram = flat @ flat.T / flat.numel()
                style_term = style_term + torch.mean((gram - grams[layer.name]) ** 2)
        corner = x[..., :-1, :-1]
        variation = 0.5 * (
            ((x[..., :-1, 1:] - corner) ** 2).sum() + ((x[..., 1:, :-1] - corner) ** 2).sum()
        )
        pixels = gamma * torch.mean(trust * (x - warped) ** 2) + tau * variation
        return alpha * content_term + beta * style_term + LEVELS**2 * pixels

    return start, loss


def torch_evaluations(
    torch: Any,
    problem: Problem,
    precision: str,
    *,
    expected: float,
    calls: int,
    compiled: bool,
    tell: Callable[[str], None],
) -> dict[str, Callable[[], None]]:
    """Return ways of evaluating loss and gradient in PyTorch by name, each checked and warm.

    Args:
        torch: the module.
        problem: see ``torch_losses``.
        precision: ``float32``, ``tf32`` or ``bfloat16``, which is autocast.
        expected: the loss that all must find.
        calls: evaluations at each call, before the device is waited for.
        compiled: also try ``torch.compile``.
        tell: told in a line of each way that is left out, and why.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cudnn.benchmark = True
    found: dict[str, Callable[[], None]] = {}
    autocast = ", autocast" if precision == "bfloat16" else ""
    ways = [("eager", ""), ("eager", ", channels_last")]
    for how, layout in [*ways, ("compiled", ", channels_last")] if compiled else ways:
        name = f"PyTorch {how}{layout}{autocast}"
        say(f"  {name}")
        try:
            start, loss = torch_losses(torch, problem, device, channels_last=bool(layout))
            loss = torch.compile(loss) if how == "compiled" else loss
            evaluate = _evaluation(torch, loss, start, precision, expected, calls)
            evaluate()
        except Exception as error:  # no compiler, no memory, libraries that don't get on, ...
            tell(f"{name} is left out: {' '.join(str(error).split())[:200]}")
        else:
            found[name] = evaluate
    return found


def _evaluation(
    torch: Any,
    loss: Callable[[Any], Any],
    start: Any,
    precision: str,
    expected: float,
    calls: int,
) -> Callable[[], None]:
    x = start.detach().requires_grad_()
    device = x.device.type

    def value() -> Any:
        half = torch.autocast(device, dtype=torch.bfloat16)
        with half if precision == "bfloat16" else contextlib.nullcontext():
            return loss(x)

    # All add in an order of their own; bfloat16 has 8 bits, and autocast rounds activations and
    # Gram matrices to it, too.
    tolerance = {"float32": 1e-3, "tf32": 1e-2, "bfloat16": 5e-2}[precision]
    np.testing.assert_allclose(value().item(), expected, rtol=tolerance)

    def evaluate() -> None:
        for _ in range(calls):
            torch.autograd.grad(value(), x)
        if device == "cuda":
            torch.cuda.synchronize()

    return evaluate
