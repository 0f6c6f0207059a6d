"""What callers may ask for: whole numbers, the gate's settings, modes, the largest picture; needs no torch."""

from __future__ import annotations

import contextlib
import operator
from typing import Any

from ..errors import InputError, TooLargeError

MAX_PIXELS = 1 << 27  # of a picture to be coded or decoded, unless a caller says otherwise
CHEAP, CHEAP_WEIGHT = 4096, 8  # more pixels than so many for a byte of codes count so many times
REDUCTIONS = (1, 2, 4, 8)  # by which the sides of a picture may be divided: 2^k, down to y_K
GATES = ("reject", "warn", "off")
STRIPS = ("gps", "all")
SAMPLE_MODES = (  # what `sample` may draw; the first five are those of the paper's section 3.3
    *("generation", "conditional-generation", "conditional-reconstruction", "reconstruction-1", "reconstruction-2"),
    *("super-resolution", "interpolation", "edit"),
)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An argument that has to be a whole number, of any type that stands for one, as NumPy's and torch's do.

    Raises:
        InputError: it is none, or a truth value, or out of range.
    """
    if not is_truth_value(value):  # which is a whole number to Python
        with contextlib.suppress(TypeError):
            number = operator.index(value)
            if least <= number and (most is None or number <= most):
                return number
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise InputError(f"{name} must be a whole number {wanted}, not {value!r}")


def truth_value(name: str, value: Any) -> bool:
    """An argument as True or False. Raises InputError, which names it, for one that is neither."""
    try:
        return bool(value)
    except (RuntimeError, TypeError, ValueError) as error:  # of arrays and tensors of several
        raise InputError(f"{name} must be True or False, not {value!r}") from error


def is_truth_value(value: Any) -> bool:
    """Whether an argument is True or False, of any type that stands for them."""
    return "bool" in str(getattr(value, "dtype", type(value).__name__))


def halvings(reduce: Any) -> int:
    """k of an argument 2^k, one of REDUCTIONS. Raises InputError for another."""
    number = whole_number("reduce", reduce, 1)
    if number not in REDUCTIONS:
        raise InputError(f"reduce must be one of {', '.join(map(str, REDUCTIONS))}, not {number}")
    return REDUCTIONS.index(number)


def refuse_larger(width: int, height: int, max_pixels: int | None, codes: int | None = None) -> None:
    """Raise TooLargeError for a picture of more pixels, InputError for a limit that is no whole number from 1.

    Args:
        width: of the picture, in pixels.
        height: likewise.
        max_pixels: the most that it may have, or None for any number.
        codes: bytes of a stream's codes. Where a picture has more than `CHEAP` pixels for each of them, which takes a
            picture with hardly anything in it, each pixel counts as `CHEAP_WEIGHT`.
    """
    if max_pixels is None:
        return
    limit = whole_number("max_pixels", max_pixels, 1)
    pixels = counted = width * height
    if cheap := codes is not None and pixels > CHEAP * codes:
        counted = CHEAP_WEIGHT * pixels
    if counted > limit:
        bytes_of = f" in {codes:,} bytes, so few that they count as {counted:,}" if cheap else ""
        raise TooLargeError(
            f"the picture has {pixels:,} pixels ({width}x{height}){bytes_of}, the limit is {limit:,}: if you trust "
            f"the file, raise it with max_pixels={counted} (in the shell --max-pixels {counted})"
        )
