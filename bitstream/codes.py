"""The section `codes`: the stacks of a picture's tiles, in parts, from coarse to fine.

First come the lengths, then all tiles' parts that give y_K, then all that give y_{K-1}, and so on: a beginning of the
section is a smaller picture, or a coarser one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CorruptError
from .fields import Reader, varint

PARTS = 4  # of a stack: what gives y_3, y_2, y_1 and the picture
WORD = 4  # bytes, of which parts are whole numbers


def join_parts(stacks: Sequence[Sequence[bytes]]) -> bytes:
    """The section of stacks in parts, coarsest first, as `Stack.parts` returns them."""
    parts = [stack[place] for place in range(PARTS) for stack in stacks]
    return b"".join([varint(len(part) // WORD) for part in parts] + parts)


@dataclass(frozen=True)
class Codes:
    """What a reader has of the section.

    Attributes:
        section: as `join_parts` returned it.
        levels: how many parts of each stack it has, 1..PARTS.
        early: it may be a beginning only.
    """

    section: bytes
    levels: int = PARTS
    early: bool = False

    def parts(self, count: int) -> list[list[bytes]]:
        """The parts of each of `count` stacks: as many as there are levels, or of a beginning those that are whole.

        Raises:
            StreamError: the section is not that of so many stacks.
        """
        reader = Reader(self.section)
        lengths = [WORD * reader.varint() for _ in range(PARTS * count)]
        parts = []
        for length in lengths:
            if self.early and length > reader.left:
                break
            parts.append(reader.take(length))
        if reader.more() and not self.early:
            raise CorruptError("bytes follow the end of the codes")
        return [parts[stack::count][: self.levels] for stack in range(count)]

    def cut(self, count: int, levels: int) -> bytes:
        """The section with no more levels than these: the parts of others are empty.

        Raises:
            StreamError: as for `parts`.
        """
        return join_parts([stack[:levels] + [b""] * (PARTS - levels) for stack in self.parts(count)])
