"""What callers may ask for: whole numbers, the gate's settings and the largest picture; needs no torch."""

from __future__ import annotations

import contextlib
import operator
from typing import Any

from ..bitstream.container import Stream
from ..errors import InputError, TooLargeError

MAX_PIXELS = 1 << 27  # what `decode` takes unless it is told otherwise
GATES = ("reject", "warn", "off")
STRIPS = ("gps", "all")


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An argument that has to be a whole number, of any type that stands for one, as NumPy's and torch's do.

    Raises:
        InputError: it is none, or a truth value, or out of range.
    """
    kind = str(getattr(value, "dtype", type(value).__name__))
    if "bool" not in kind:  # truth values are whole numbers to Python
        with contextlib.suppress(TypeError):
            number = operator.index(value)
            if least <= number and (most is None or number <= most):
                return number
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise InputError(f"{name} must be a whole number {wanted}, not {value!r}")


def refuse_larger(stream: Stream, max_pixels: int | None) -> None:
    """Raise TooLargeError for a picture of more pixels, InputError for a limit that is no whole number from 1."""
    if max_pixels is None:
        return
    limit = whole_number("max_pixels", max_pixels, 1)
    if (pixels := stream.width * stream.height) > limit:
        raise TooLargeError(
            f"the picture has {pixels:,} pixels ({stream.width}x{stream.height}), the limit is {limit:,}: if you trust "
            f"the file, raise it with max_pixels={pixels} (in the shell --max-pixels {pixels})"
        )
