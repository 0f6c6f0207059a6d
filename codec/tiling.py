"""How a picture is cut into tiles, which are coded one after another, each on a stack of its own. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Pixels, tiles
from .heap import one_by_one

if TYPE_CHECKING:
    from ..models.pyramid import Size

TILE = 1024  # side of a tile in pixels; half of it is a multiple of 2^(K+3), the side of what is one pixel in y_6
HALO = 32  # pixels around a tile that it sees in the lossy tiers, a multiple of four

Where = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        inside: where it lies, in pixels.
        size: of the picture.
    """

    inside: Where
    size: Size

    @property
    def around(self) -> Where:
        """Where it lies, with HALO pixels on all sides, as far as the picture goes."""
        rows, columns = (
            slice(max(0, side.start - HALO), min(side.stop + HALO, end))
            for side, end in zip(self.inside, self.size, strict=True)
        )
        return rows, columns


def side_of_tiles(size: Size, exact: bool) -> int:
    """In pixels; half of TILE where a lossy picture has several tiles, as a part of it takes those around it too.

    Args:
        size: of the picture.
        exact: whether it is coded exactly.
    """
    return TILE if exact or max(size) <= TILE else TILE // 2


def tiles_of(size: Size, exact: bool) -> list[Tile]:
    """A picture's tiles, from left to right, then from top to bottom; arguments as for `side_of_tiles`."""
    return [Tile(inside, size) for inside in tiles(size, side_of_tiles(size, exact))]


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


def covering(where: Where, k: int, size: Size) -> Where:
    """Where the picture, of that size, has what lies there in y_k."""
    top, left = (
        slice(side.start >> k << k, min(-(-side.stop >> k) << k, end)) for side, end in zip(where, size, strict=True)
    )
    return top, left


def of_tiles(where: Where, size: Size, exact: bool) -> Where:
    """Where the tiles lie that have anything of it; `size` and `exact` as for `side_of_tiles`."""
    return covering(where, side_of_tiles(size, exact).bit_length() - 1, size)


def relative(where: Where, origin: Where) -> Where:
    """The same place counted from the first row and column of another."""
    top, left = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(where, origin, strict=True))
    return top, left


def common_to(one: Where, other: Where) -> Where:
    """Where both lie; with an empty side, or one that ends before it starts, where they don't meet."""
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def numbers_in(places: list[Where], wanted: Where) -> list[int]:
    """Which of the places have something in common with what is wanted, in their order."""
    return [number for number, place in enumerate(places) if _meet(place, wanted)]


def assemble(places: list[Where], wanted: Where, grey: bool, give: Callable[[int], Pixels]) -> Pixels:
    """A part of a level, of the tiles that lie in it at least in part.

    Args:
        places: of the tiles in the level.
        wanted: the part.
        grey: whether pixels have one channel.
        give: the pixels of the tile of that number; asked from first to last.
    """
    pixels = np.empty(size_of(wanted) if grey else (*size_of(wanted), 3), np.uint8)
    for number in one_by_one(numbers_in(places, wanted)):
        common = common_to(places[number], wanted)
        pixels[relative(common, wanted)] = give(number)[relative(common, places[number])]
    return pixels


def _meet(one: Where, other: Where) -> bool:
    return all(side.start < side.stop for side in common_to(one, other))
