"""Functions compiled as suits the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jvst import _programs
from jvst._programs import program


def doubling():
    """A function of its own: what is compiled of one is shared by all that are made of it."""

    def doubled(x):
        """Twice as much."""
        return 2.0 * x

    return doubled


@pytest.fixture
def options(monkeypatch):
    """The options of a CPU for what runs once a clip; one that XLA does not know is refused."""
    chosen = {}
    monkeypatch.setattr(_programs, "_SOONER", {("cpu", "clip"): chosen})
    return chosen


def test_by_itself_it_is_compiled_with_the_options(options):
    options["xla_backend_optimization_level"] = "not a number"
    made = program("clip")(doubling())
    with pytest.raises(Exception, match="not a number"):
        made(jnp.ones(3))


@pytest.mark.parametrize("runs", ["iteration", "frame"])
def test_what_runs_more_often_is_compiled_without_them(options, runs):
    options["xla_backend_optimization_level"] = "not a number"
    np.testing.assert_array_equal(program(runs)(doubling())(jnp.ones(3)), 2.0)


def test_within_the_users_program_and_batched_it_is_as_any_function(options):
    options["xla_backend_optimization_level"] = 0
    made, x = program("clip")(doubling()), jnp.arange(3.0)
    own = jax.jit(lambda x: made(x) + made(jnp.ones(3)))  # the second is of constants
    np.testing.assert_array_equal(own(x), 2.0 * x + 2.0)
    np.testing.assert_array_equal(jax.vmap(made)(x), 2.0 * x)
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(made(x)))(x), 2.0)


def test_it_is_compiled_once_for_each_kind_of_argument(options):
    options["xla_backend_optimization_level"] = 0
    made = program("clip")(doubling())
    for x in (jnp.ones(3), jnp.zeros(3), jnp.ones(4)):
        made(x)
    assert made.compiled == 2
    made.clear_cache()
    assert made.compiled == 0
    assert made.__doc__ == "Twice as much."
    assert made.lower(jax.ShapeDtypeStruct((3,), jnp.float32)).compile()(jnp.ones(3))[0] == 2.0
