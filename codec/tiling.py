"""How a picture is cut into tiles, which are coded one after another, each on a stack of its own. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Pixels, tiles

if TYPE_CHECKING:
    from ..models.pyramid import Size

TILE = 1024  # side of a tile in pixels, a multiple of 2^(K+1)
HALO = 32  # pixels around a tile that its networks see, likewise

Where = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        inside: where it lies, in pixels.
        around: the same with HALO pixels on all sides, as far as the picture goes.
    """

    inside: Where
    around: Where


def tiles_of(size: Size) -> list[Tile]:
    """A picture's tiles, from left to right, then from top to bottom."""
    return [Tile(inside, _widened(inside, size)) for inside in tiles(size, TILE)]


def whole(size: Size) -> Where:
    """All of a picture."""
    return slice(0, size[0]), slice(0, size[1])


def size_of(where: Where) -> Size:
    """Height and width."""
    rows, columns = where
    return rows.stop - rows.start, columns.stop - columns.start


def at_level(where: Where, k: int) -> Where:
    """Where y_k has what lies there in the picture."""
    top, left = (slice(side.start >> k, -(-side.stop >> k)) for side in where)
    return top, left


def relative(where: Where, origin: Where) -> Where:
    """The same place counted from the first row and column of another."""
    top, left = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(where, origin, strict=True))
    return top, left


def assemble(places: list[Where], wanted: Where, grey: bool, give: Callable[[int], Pixels]) -> Pixels:
    """A part of a level, of the tiles that lie in it at least in part.

    Args:
        places: of the tiles in the level.
        wanted: the part.
        grey: whether pixels have one channel.
        give: the pixels of the tile of that number; asked from first to last.
    """
    pixels = np.empty(size_of(wanted) if grey else (*size_of(wanted), 3), np.uint8)
    for number, place in enumerate(places):
        common = _common(place, wanted)
        if all(side.start < side.stop for side in common):
            pixels[relative(common, wanted)] = give(number)[relative(common, place)]
    return pixels


def _widened(inside: Where, size: Size) -> Where:
    rows, columns = (
        slice(max(0, side.start - HALO), min(side.stop + HALO, end)) for side, end in zip(inside, size, strict=True)
    )
    return rows, columns


def _common(one: Where, other: Where) -> Where:
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns
