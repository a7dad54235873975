"""Refusal of arguments that can't be meant, in words.

A message names the argument, what was given, what is expected, and what to do where that is known.
Shapes, types and names are looked at while a program is traced, and cost nothing under ``jax.jit``.
"""

import dataclasses
import operator
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from jvst.errors import InputError

# What a shape stands for in jvst.
_MEANINGS = {
    "h w 3": "RGB in [0, 1], float [h w 3]",
    "h w 2": "(dx, dy) in pixels, float [h w 2]",
    "h w": "trust in [0, 1], float [h w]",
}

#: A solve leaves [0, 1] a little, levels of 0 to 255 a lot; only black ones stay below.
_LARGEST = 8.0


class _Size(NamedTuple):
    """The size of an axis, and the argument that said so first."""

    size: int
    argument: str


def floats(**given: tuple[Any, str]) -> list[Array]:
    """Return arguments as JAX arrays, or say what is wrong with the first that can't be meant.

    Args:
        given: name -> value and shape, such as ``image=(image, "h w 3")``. A letter is one size
            throughout the call; ``*p`` stands for any number of axes.

    Raises:
        InputError: no array, not floating, or of another shape.
    """
    sizes: dict[str, _Size] = {}
    return [_float(name, value, shape, sizes) for name, (value, shape) in given.items()]


def levels(**given: tuple[Any, str]) -> list[Array]:
    """Return 8-bit arguments as JAX arrays; otherwise as ``floats``.

    Raises:
        InputError: no array, not uint8, or of another shape.
    """
    sizes: dict[str, _Size] = {}
    found = []
    for name, (value, shape) in given.items():
        expected = f"8-bit RGB, uint8 [{shape}]"
        _check_array(name, value, expected)
        if value.dtype != jnp.uint8:
            raise _error(name, value, expected)
        _check_shape(name, value, shape, expected, sizes)
        found.append(jnp.asarray(value))
    return found


def check_solvable(name: str, image: Array) -> None:
    """Refuse half precision, in which small steps are lost.

    Raises:
        InputError: 16 bits.
    """
    if image.dtype.itemsize < 4:
        raise InputError(
            f"{name} is {_described(image)}; expected float32: a solve adds steps that half "
            f"precision rounds away; give {name}.astype('float32'), and precision='bfloat16' to "
            "the network for convolutions in half precision"
        )


def check_range(name: str, value: Any) -> None:
    """Refuse levels of 0 to 255 in place of [0, 1]; a look at the values, so nothing under jit.

    Raises:
        InputError: values far outside [0, 1].
    """
    if isinstance(value, Tracer) or value.size == 0:
        return
    if isinstance(value, jax.Array):
        if not value.is_fully_addressable:
            return
        if all(device.platform == "cpu" for device in value.devices()):
            value = np.asarray(value)  # as it lies; nothing to compile
    largest = float(max(value.max(), -value.min()))
    if largest > _LARGEST:  # false for NaN, which a solve reports itself
        raise InputError(
            f"{name} has values up to {largest:.4g}; expected [0, 1]: divide levels of 0 to 255 "
            "by 255, or give them as uint8 to jvst.to_float"
        )


def check_choices(config: Any) -> None:
    """Refuse a field of a dataclass that is none of the words that its type names.

    Raises:
        InputError: another value.
    """
    for field in dataclasses.fields(config):
        if get_origin(field.type) is Literal:
            check_word(field.name, getattr(config, field.name), field.type)


def check_word(name: str, value: Any, choices: Any) -> None:
    """Refuse a word that is none of a ``Literal``.

    Raises:
        InputError: another value.
    """
    if not isinstance(value, str) or value not in get_args(choices):
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(get_args(choices))}")


def names_of(name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return names as a tuple.

    Raises:
        InputError: one word in place of several, or something else than words.
    """
    if isinstance(value, str):
        raise InputError(f"{name} is {value!r}, one word; expected several, as ({value!r},)")
    found = tuple(value) if isinstance(value, Iterable) else None
    if found is None or not all(isinstance(each, str) for each in found):
        raise InputError(f"{name} is {value!r}; expected names such as ('relu4_2',)")
    return found


def check_least(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Raises:
        InputError: as said.
    """
    if isinstance(value, Tracer):
        return
    try:
        whole = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or whole < least:
        raise InputError(f"{name} is {value!r}; expected a whole number ≥ {least}")


def check_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Refuse an object of another kind.

    Raises:
        InputError: as said.
    """
    if not isinstance(value, kind):
        raise InputError(f"{name} is {_described(value)}; expected {expected}")


def _float(name: str, value: Any, shape: str, sizes: dict[str, _Size]) -> Array:
    expected = _MEANINGS.get(shape, f"float [{shape}]")
    if not isinstance(value, jax.Array) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()  # such as a parameter of Flax
    _check_array(name, value, expected)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise _error(name, value, expected, _how_to_float(name, value, shape))
    _check_shape(name, value, shape, expected, sizes)
    return jnp.asarray(value)


def _check_array(name: str, value: Any, expected: str) -> None:
    if not isinstance(value, jax.Array | np.ndarray):
        raise _error(name, value, expected)


def _check_shape(name: str, value: Any, shape: str, expected: str, sizes: dict[str, _Size]) -> None:
    letters, given = shape.split(), tuple(value.shape)
    if letters[0].startswith("*"):
        letters = letters[1:]
        given = given[max(len(given) - len(letters), 0) :]
    fixed = [int(letter) if letter.isdecimal() else None for letter in letters]
    if len(given) != len(letters) or any(
        known not in (None, size) for known, size in zip(fixed, given, strict=True)
    ):
        raise _error(name, value, expected, _how_to_shape(name, value, shape))
    wanted = tuple(
        sizes[letter].size if letter in sizes else size
        for letter, size in zip(letters, given, strict=True)
    )
    if wanted != given:
        wrong = [want != have for want, have in zip(wanted, given, strict=True)]
        spaced, by = " ".join(map(str, wanted)), sizes[letters[wrong.index(True)]].argument
        turned = len(given) > 1 and (given[1], given[0], *given[2:]) == wanted
        hint = "height and width are swapped" if turned else ""
        raise _error(name, value, f"[{spaced}], as {by} has it", hint)
    for letter, size in zip(letters, given, strict=True):
        sizes.setdefault(letter, _Size(size, name))


def _how_to_float(name: str, value: Any, shape: str) -> str:
    if shape == "h w 3" and value.dtype == jnp.uint8:
        return f"give jvst.to_float({name})"
    return f"give {name}.astype('float32')"


def _how_to_shape(name: str, value: Any, shape: str) -> str:
    """Say what to do about the commonest mistakes."""
    given, letters = tuple(value.shape), shape.split()
    more, coloured = len(given) - len(letters), shape == "h w 3"
    hint = ""
    if more == 1 and given[-1] == 1:
        hint = f"drop the last axis: {name}[..., 0]"
    elif more == 1:
        hint = "it takes one, not a batch: give one after the other, or use jax.vmap"
    elif more == 0 and len(given) == 3 and str(given[0]) == letters[-1]:
        hint = f"channels come last: {name}.transpose(1, 2, 0)"
    elif more == 0 and coloured and given[-1] == 4:
        hint = f"drop its alpha: {name}[..., :3]"
    elif more == 0 and coloured and given[-1] == 1:
        hint = f"repeat what is grey: {name}.repeat(3, axis=-1)"
    elif more == -1 and coloured:
        hint = f"repeat what is grey: {name}[..., None].repeat(3, axis=-1)"
    return hint


def _error(name: str, value: Any, expected: str, hint: str = "") -> InputError:
    end = f": {hint}" if hint else ""
    return InputError(f"{name} is {_described(value)}; expected {expected}{end}")


def _described(value: Any) -> str:
    """Say what was given: type and shape of an array, a word or number itself, else a type."""
    if isinstance(value, jax.Array | np.ndarray):
        return f"{value.dtype} [{' '.join(map(str, value.shape))}]"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}'s "
    return f"of {module}type {kind.__name__}"
