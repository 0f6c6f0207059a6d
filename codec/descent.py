"""Down the ladder in parts of a picture, and how they meet again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..models.blocks import Rate
from ..models.details import Draw, DrawAt, draw_within
from ..models.photo import DEPTH, Ladder
from ..models.pyramid import Size, level_sizes
from .tiling import HALO, Tile, Where, at_level, common_to, numbers_in, relative, size_of, whole

PARTING = DEPTH - 1  # the k of the level from which tiles go on alone
MEETING = 1  # the k of the level of which tiles see what is around them


@dataclass(frozen=True, eq=False)
class Descent:
    """A part of a picture, on its way down.

    Attributes:
        ladder: the networks.
        at: quality and tune.
        where: the part, in pixels.
        k: of the level reached.
        level: y_k there, in opponent colour, (1, 3, h, w).
        features: of level k + 1 there, (1, c, ceil(h/2), ceil(w/2)).
    """

    ladder: Ladder
    at: Rate
    where: Where
    k: int
    level: Tensor
    features: Tensor

    def step(self, draw: Draw, inside: Where | None = None) -> Descent:
        """Down by one level.

        Args:
            draw: of its details.
            inside: where they are drawn, which is everywhere without it; elsewhere they are their priors' means.
        """
        if inside not in (None, self.where):
            drawn = self.level.new_zeros(1, 1, *self.level.shape[2:]).bool()
            _part_of(drawn, inside, self.where, self.k).fill_(True)
            draw = draw_within(drawn, draw)
        sizes = level_sizes(size_of(self.where), DEPTH)
        level, features = self.ladder.step(self.k, self.level, self.features, self.at, sizes, lambda k, level: draw)
        return replace(self, k=self.k - 1, level=level, features=features)

    def part(self, where: Where) -> Descent:
        """What lies there; the same memory."""
        level, features = (
            _part_of(values, where, self.where, k) for values, k in ((self.level, self.k), (self.features, self.k + 1))
        )
        return replace(self, where=where, level=level, features=features)


def begin(ladder: Ladder, at: Rate, size: Size, draw_at: DrawAt) -> Descent:
    """Draw what is the whole picture's of u, down to y_PARTING."""
    sizes = level_sizes(size, DEPTH)
    top = ladder.flow.top(at, sizes[DEPTH], draw_at(DEPTH + 1, at.quality))
    level, features = ladder.step(DEPTH, top, None, at, sizes, draw_at)
    return Descent(ladder, at, whole(size), PARTING, level, features)


class Meeting:
    """What each of a picture's tiles sees at y_MEETING; holds no more of them than are still to be seen.

    Args:
        tiles: of the picture.
        reach: gives a tile at that level, by its number; called once for each.
    """

    def __init__(self, tiles: list[Tile], reach: Callable[[int], Descent]):
        self.tiles, self.reach = tiles, reach
        self.places = [tile.inside for tile in tiles]
        self.reached: dict[int, Descent] = {}

    def around(self, number: int) -> Descent:
        """A tile and what is around it. After it, only tiles behind it in their order may be asked for."""
        around = self.tiles[number].around
        seen = numbers_in(self.places, around)
        self.reached = {other: there for other, there in self.reached.items() if not _passed(there.where, around)}
        for other in seen:
            if other not in self.reached:
                self.reached[other] = self.reach(other)
        return _joined([self.reached[other] for other in seen], around)


def _passed(place: Where, around: Where) -> bool:
    """Whether no tile from here on sees it."""
    (rows, columns), (seen_rows, seen_columns) = place, around
    above = rows.stop - seen_rows.start
    return above <= 0 or (above <= HALO and columns.stop <= seen_columns.start)


def _joined(parts: list[Descent], where: Where) -> Descent:
    """What several have there, at the level that all have reached."""
    (first, *others), k = parts, parts[0].k
    if not others:
        return first.part(where)
    level = first.level.new_empty(1, first.level.shape[1], *size_of(at_level(where, k)))
    features = first.features.new_empty(1, first.features.shape[1], *size_of(at_level(where, k + 1)))
    joined = replace(first, where=where, level=level, features=features)
    for one in parts:
        common = common_to(one.where, where)
        there, here = one.part(common), joined.part(common)
        here.level.copy_(there.level)
        here.features.copy_(there.features)
    return joined


def _part_of(values: Tensor, where: Where, origin: Where, k: int) -> Tensor:
    """Of y_k's (.., h, w) in one part of a picture, what lies in a part of it; the same memory."""
    rows, columns = relative(at_level(where, k), at_level(origin, k))
    return values[..., rows, columns]
