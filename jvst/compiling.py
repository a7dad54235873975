"""How long XLA compiles."""

import contextlib
from collections.abc import Iterator

from jax import monitoring


class Compiling:
    """Seconds that XLA spent on compiling since the beginning of a ``with``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        """Hear of an event of JAX's."""
        del kwargs
        if event == "/jax/core/compile/backend_compile_duration":
            self.seconds += duration_secs


@contextlib.contextmanager
def compiling() -> Iterator[Compiling]:
    """Count the seconds that XLA spends on compiling, or on reading what it compiled before."""
    count = Compiling()
    monitoring.register_event_duration_secs_listener(count)
    try:
        yield count
    finally:
        monitoring.unregister_event_duration_listener(count)
