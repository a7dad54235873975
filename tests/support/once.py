"""What tests share and make once."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def made_once(function: Callable[P, R]) -> Callable[P, R]:
    """Cache what makes arrays, whoever asks first.

    That may be a function being traced, whose tracers must not be kept for others.
    """
    kept = functools.cache(function)

    @functools.wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.ensure_compile_time_eval():
            return kept(*args, **kwargs)

    return made
