"""Functions compiled as suits the device.

On a GPU, XLA times a dozen kernels of its own for every matrix product, each of which it compiles
first. That is most of the time until the first picture, and buys nothing here: a frame's time goes
into convolutions, and the vendor's library is about as fast at products this large.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax.core import Tracer

P = ParamSpec("P")
R = TypeVar("R")

_ON_GPU = {"xla_gpu_enable_triton_gemm": False}


class Program(Generic[P, R]):
    """A function as ``jax.jit`` makes it, compiled with the options that fit a GPU.

    Options belong to whole programs: within another one, such as a user's, it is jitted without.
    """

    def __init__(self, function: Callable[P, R], **options: Any) -> None:
        functools.update_wrapper(self, function)
        self._part: Any = jax.jit(function, **options)
        self._whole: Any = jax.jit(function, compiler_options=_ON_GPU, **options)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute, compiled where that has not been done for such arguments."""
        return self._chosen(args, kwargs)(*args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """Return what ``jax.jit`` does, for arrays or their shapes."""
        return self._chosen(args, kwargs).lower(*args, **kwargs)

    @property
    def compiled(self) -> int:
        """Number of programs that were made of it."""
        return self._part._cache_size() + self._whole._cache_size()

    def clear_cache(self) -> None:
        """Forget what was compiled."""
        self._part.clear_cache()
        self._whole.clear_cache()

    def _chosen(self, *arguments: Any) -> Any:
        if jax.default_backend() != "gpu":
            return self._part
        leaves = jax.tree.leaves(arguments)
        # Where a program is traced, whatever is made is traced, too.
        within = isinstance(jnp.zeros(()), Tracer) or any(isinstance(x, Tracer) for x in leaves)
        return self._part if within else self._whole


def program(
    *, static_argnames: str | Sequence[str] = (), donate_argnums: int | Sequence[int] = ()
) -> Callable[[Callable[P, R]], Program[P, R]]:
    """Return a decorator that makes a ``Program``.

    Args:
        static_argnames: see ``jax.jit``.
        donate_argnums: see ``jax.jit``.
    """
    options = {"static_argnames": static_argnames, "donate_argnums": donate_argnums}
    return lambda function: Program(function, **options)
