"""The section `codes`: the stacks of a picture's tiles, in parts, from coarse to fine.

First come the lengths, then all tiles' parts that give y_K, then all that give y_{K-1}, and so on: a beginning of the
section is a smaller picture, or a coarser one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CorruptError
from .fields import Reader, varint

PARTS = 4  # of a stack: what gives y_3, y_2, y_1 and the picture
WORD = 4  # bytes, of which parts are whole numbers


def join_parts(stacks: Sequence[Sequence[bytes]]) -> bytes:
    """The section of stacks in parts, coarsest first, as `Stack.parts` returns them."""
    parts = [stack[place] for place in range(PARTS) for stack in stacks]
    return b"".join([varint(len(part) // WORD) for part in parts] + parts)


def split_parts(section: bytes, count: int) -> list[list[bytes]]:
    """Inverse of `join_parts`, for `count` stacks.

    Raises:
        StreamError: the parts are not those of so many stacks.
    """
    reader = Reader(section)
    lengths = [WORD * reader.varint() for _ in range(PARTS * count)]
    parts = [reader.take(length) for length in lengths]
    if reader.more():
        raise CorruptError("bytes follow the end of the codes")
    return [parts[stack::count] for stack in range(count)]
