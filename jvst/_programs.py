"""Functions compiled as suits the device.

On a GPU, XLA times the kernels that it could take for every convolution and matrix product, and
compiles a dozen of its own for each of the latter first. That is most of the time until the first
picture. On a CPU half of the time goes into making good code.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, Literal, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax.core import Tracer

P = ParamSpec("P")
R = TypeVar("R")

#: A program runs many times a frame, once a frame, or once a clip.
Runs = Literal["iteration", "frame", "clip"]

_VENDORS = {"xla_gpu_enable_triton_gemm": False}  # no kernels of XLA's own for products
#: By platform and runs: options of XLA that spare time when compiling.
_SOONER: Mapping[tuple[str, Runs], Mapping[str, bool | int]] = MappingProxyType(
    {
        ("gpu", "frame"): _VENDORS,
        ("gpu", "clip"): {**_VENDORS, "xla_gpu_autotune_level": 0},
        ("cpu", "clip"): {"xla_backend_optimization_level": 0},
    }
)


class Program(Generic[P, R]):
    """A function as ``jax.jit`` makes it, compiled with the options that fit the device.

    Options belong to whole programs: within another one, such as a user's, it is jitted without.
    """

    def __init__(self, function: Callable[P, R], runs: Runs, **options: Any) -> None:
        functools.update_wrapper(self, function)
        self._part: Any = jax.jit(function, **options)
        self._whole: Mapping[str, Any] = {
            platform: jax.jit(function, compiler_options=dict(chosen), **options)
            for (platform, often), chosen in _SOONER.items()
            if often == runs
        }

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute, compiled where that has not been done for such arguments."""
        return self._chosen(args, kwargs)(*args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """Return what ``jax.jit`` does, for arrays or their shapes."""
        return self._chosen(args, kwargs).lower(*args, **kwargs)

    @property
    def compiled(self) -> int:
        """Number of programs that were made of it."""
        return sum(each._cache_size() for each in (self._part, *self._whole.values()))

    def clear_cache(self) -> None:
        """Forget what was compiled."""
        for each in (self._part, *self._whole.values()):
            each.clear_cache()

    def _chosen(self, *arguments: Any) -> Any:
        whole = self._whole.get(jax.default_backend())
        if whole is None:
            return self._part
        leaves = jax.tree.leaves(arguments)
        # Where a program is traced, whatever is made is traced, too.
        within = isinstance(jnp.zeros(()), Tracer) or any(isinstance(x, Tracer) for x in leaves)
        return self._part if within else whole


def program(
    runs: Runs,
    *,
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
) -> Callable[[Callable[P, R]], Program[P, R]]:
    """Return a decorator that makes a ``Program``.

    Args:
        runs: once in what.
        static_argnames: see ``jax.jit``.
        donate_argnums: see ``jax.jit``.
    """
    options = {"static_argnames": static_argnames, "donate_argnums": donate_argnums}
    return lambda function: Program(function, runs, **options)
