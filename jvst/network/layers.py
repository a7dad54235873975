"""Tables of a network's layers, VGG-19's and VGG-16's included.

A table says all that the rest of jvst may know of a network's shape: what the layers are called and
do, how far apart their positions lie, how far they see, how wide they are. It is a value: frozen,
hashable, static under ``jax.jit``.
"""

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

from jvst.core.arguments import check_word

Kind = Literal["conv", "relu", "pool", "double"]
#: How a convolution continues its input beyond the edge.
Padding = Literal["zeros", "replicate", "reflect"]

# No network for images is deeper or wider; a file that states more is not believed.
_MOST_LAYERS, _MOST_CHANNELS, _LARGEST_KERNEL = 1024, 1 << 16, 31


class Step(NamedTuple):
    """One layer of a configuration; what follows from those before it is left out.

    Attributes:
        name: of the layer.
        kind: what it does; a pool halves the size, ``double`` repeats every position.
        channels: of its activation, where it is a convolution.
        kernel: side of a convolution's kernel, odd.
        padding: of a convolution.
    """

    name: str
    kind: Kind
    channels: int = 0
    kernel: int = 3
    padding: Padding = "zeros"


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes:
        name: unique in its network, such as ``relu4_2``.
        kind: what it does.
        stride: pixels from one of its positions to the next.
        sight: how far it sees. Position i depends on the pixels from ``i · stride − sight`` to
            ``(i + 1) · stride − 1 + sight``.
        channels: of its activation.
        inputs: channels of what it is given.
        kernel: positions that it looks at along a side.
        padding: how a convolution continues its input beyond the edge.
    """

    name: str
    kind: Kind
    stride: int
    sight: int
    channels: int
    inputs: int
    kernel: int
    padding: Padding = "zeros"


@dataclasses.dataclass(frozen=True)
class LayerTable:
    """The layers of a network in the order of computation; see ``layer_table``."""

    layers: tuple[Layer, ...]

    def __iter__(self) -> Iterator[Layer]:
        """Go through the layers."""
        return iter(self.layers)

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.layers)

    def __getitem__(self, name: str) -> Layer:
        """Return the layer of a name.

        Raises:
            ValueError: there is none.
        """
        return self.layers[self._place(name)]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all layers."""
        return tuple(layer.name for layer in self.layers)

    @functools.cached_property
    def convolutions(self) -> tuple[Layer, ...]:
        """The convolutions."""
        return tuple(layer for layer in self.layers if layer.kind == "conv")

    @functools.cached_property
    def relus(self) -> tuple[Layer, ...]:
        """The ReLUs."""
        return tuple(layer for layer in self.layers if layer.kind == "relu")

    def through(self, names: Iterable[str]) -> tuple[Layer, ...]:
        """Return the layers up to the deepest of some; none for no names.

        Raises:
            ValueError: an unknown name.
        """
        return self.layers[: max((self._place(name) + 1 for name in names), default=0)]

    def deepest(self, names: Iterable[str]) -> Layer:
        """Return the deepest of some layers; the first of all for no names.

        Raises:
            ValueError: an unknown name.
        """
        return (self.through(names) or self.layers[:1])[-1]

    def before(self, name: str) -> Layer | None:
        """Return the layer that a layer is given; None where that is the picture.

        Raises:
            ValueError: an unknown name.
        """
        place = self._place(name)
        return self.layers[place - 1] if place else None

    def after(self, name: str) -> Layer | None:
        """Return the layer that follows one; None after the last.

        Raises:
            ValueError: an unknown name.
        """
        place = self._place(name)
        return self.layers[place + 1] if place + 1 < len(self.layers) else None

    def to_text(self) -> str:
        """Write the configuration as JSON."""
        return json.dumps([(x.name, x.kind, x.channels, x.kernel, x.padding) for x in self.layers])

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def _place(self, name: str) -> int:
        if name not in self._places:
            raise ValueError(
                f"unknown layer {name!r}; expected one of {', '.join(map(str, self.names))}"
            )
        return self._places[name]


def layer_table(
    steps: Iterable[Step], *, channels: int = 3, after: Layer | None = None
) -> LayerTable:
    """Make a table of a configuration.

    Args:
        steps: the layers in the order of computation.
        channels: of the picture.
        after: the layer of another network that this one is given in place of a picture.

    Raises:
        ValueError: no layers, a name that occurs twice, an unknown kind or padding, a convolution
            without channels or with an even kernel, or positions closer together than pixels.
    """
    layers: list[Layer] = []
    stride, sight = (1, 0) if after is None else (after.stride, after.sight)
    channels = channels if after is None else after.channels
    for step in steps:
        check_word(f"the kind of {step.name}", step.kind, Kind)
        check_word(f"the padding of {step.name}", step.padding, Padding)
        inputs, kernel = channels, {"relu": 1, "pool": 2, "double": 1}.get(step.kind, step.kernel)
        if step.kind == "conv":
            if step.channels < 1 or step.kernel < 1 or step.kernel % 2 == 0:
                raise ValueError(
                    f"{step.name} has {step.channels} channels and a kernel of {step.kernel}; "
                    "expected at least 1 channel and an odd kernel"
                )
            channels = step.channels
            # One position of its own layer for each that the kernel reaches; a pool takes whole
            # blocks, and so sees no further.
            sight += step.kernel // 2 * stride
        elif step.kind == "pool":
            stride *= 2
        elif step.kind == "double":
            if stride == 1:
                raise ValueError(f"{step.name} doubles a size that is the picture's already")
            stride //= 2
            sight += stride  # the half beside it of the position that it repeats
        layers.append(
            Layer(step.name, step.kind, stride, sight, channels, inputs, kernel, step.padding)
        )
    if not layers or len({layer.name for layer in layers}) != len(layers):
        raise ValueError(f"{len(layers)} layers; expected at least one, each with its own name")
    return LayerTable(tuple(layers))


def table_from_text(text: str, *, after: Layer | None = None) -> LayerTable:
    """Read what ``LayerTable.to_text`` wrote.

    Args:
        text: JSON.
        after: see ``layer_table``.

    Raises:
        ValueError: it is something else.
    """
    try:
        rows = json.loads(text)
    except RecursionError as error:
        raise ValueError("the layers are no table") from error
    if not isinstance(rows, list) or len(rows) > _MOST_LAYERS:
        raise ValueError("the layers are no table")
    return layer_table(map(_step, rows), after=after)


def _step(row: Any) -> Step:
    """Check a row of the table."""
    if not isinstance(row, list) or len(row) != len(Step._fields):
        raise ValueError("a layer has another number of entries than expected")
    name, kind, channels, kernel, padding = row
    numbers = ((channels, _MOST_CHANNELS), (kernel, _LARGEST_KERNEL))
    if not all(type(number) is int and 0 <= number <= most for number, most in numbers):
        raise ValueError("a layer states impossible sizes")
    if not isinstance(name, str) or kind not in get_args(Kind) or padding not in get_args(Padding):
        raise ValueError("a layer is of no known kind")
    return Step(name, kind, channels, kernel, padding)


def vgg_layers(blocks: Sequence[tuple[int, int]]) -> LayerTable:
    """Return the table of a VGG, which ends at the last block's last ReLU.

    Args:
        blocks: number of convolutions and channels of each block; a pool stands between two.
    """
    steps: list[Step] = []
    for block, (count, channels) in enumerate(blocks, start=1):
        if steps:
            steps.append(Step(f"pool{block - 1}", "pool"))
        for index in range(1, count + 1):
            steps.append(Step(f"conv{block}_{index}", "conv", channels))
            steps.append(Step(f"relu{block}_{index}", "relu"))
    return layer_table(steps)


@functools.lru_cache(maxsize=64)
def vgg19_layers(width: float = 1.0) -> LayerTable:
    """Return the layers of VGG-19 through relu5_1, the deepest that style transfer asks for.

    Args:
        width: factor on the number of channels.

    Source: Simonyan and Zisserman 2015, table 1, E.
    """
    return _narrowed(((2, 64), (2, 128), (4, 256), (4, 512), (1, 512)), width)


@functools.lru_cache(maxsize=64)
def vgg16_layers(width: float = 1.0) -> LayerTable:
    """Return the layers of VGG-16 through relu5_1.

    Args:
        width: factor on the number of channels.

    Source: Simonyan and Zisserman 2015, table 1, D.
    """
    return _narrowed(((2, 64), (2, 128), (3, 256), (3, 512), (1, 512)), width)


def _narrowed(blocks: Sequence[tuple[int, int]], width: float) -> LayerTable:
    return vgg_layers([(count, round(channels * width)) for count, channels in blocks])


#: Names of VGG-19's layers, which ``features`` and all that names layers takes.
LAYERS = vgg19_layers().names
