"""Down the ladder in a tile, whose networks also see what is around it."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from ..models.blocks import Rate
from ..models.details import Draw, DrawAt, descend, draw_within
from ..models.flow import FEATURES
from ..models.pyramid import Size, Sizes, level_sizes
from ..models.selfvae import DEPTH, LEVELS, Ladder, draw_mean
from .tiling import Where, at_level, relative, size_of

PARTING = DEPTH - 1  # the k of the level from which tiles go on for themselves


def begin(ladder: Ladder, at: Rate, sizes: Sizes, draw_at: DrawAt) -> tuple[Tensor, Tensor]:
    """Draw what is the whole picture's of u: y_PARTING in opponent colour, and the features of the level above it."""
    top = ladder.flow.top(at, sizes[DEPTH], draw_at(DEPTH + 1, at.quality))
    level, features = descend([ladder.level(DEPTH)], top, None, at, sizes, draw_at)
    return level, cast(Tensor, features)


def part_of(values: Tensor, where: Where) -> Tensor:
    """What (.., h, w) has there; the same memory."""
    return values[..., where[0], where[1]]


class Descent:
    """From a level and the features above it down the ladder, in one tile.

    Of the latents around the tile nothing is coded: they are their priors' means, so that a tile can be decoded without
    those of its neighbours.

    Args:
        ladder: the networks.
        inside: the tile.
        around: the same and what is seen around it.
        k: of the level to begin with.
        level: all of y_k, in opponent colour.
        features: of level k + 1, everywhere.
        at: quality and tune.

    Attributes:
        k: of the level reached.
        level: y_k, in the tile and around.
        features: of level k + 1, likewise.
    """

    def __init__(self, ladder: Ladder, inside: Where, around: Where, k: int, level: Tensor, features: Tensor, at: Rate):
        self.ladder, self.inside, self.around, self.at = ladder, inside, around, at
        self.k = k
        self.level = part_of(level, at_level(around, k))
        self.features = part_of(features, at_level(around, k + 1))
        self.sizes = level_sizes(size_of(around), DEPTH)

    def step(self, draw: Draw) -> None:
        """Go down by one level, drawing its details in the tile."""
        inside = self.level.new_zeros(1, 1, *self.level.shape[2:]).bool()
        part_of(inside, self.place(self.k)).fill_(True)
        draw = draw if inside.all() else draw_within(inside, draw)
        self.level, self.features = self._down(self.k - 1, draw)
        self.k -= 1

    def mean(self, last: int, draw: Draw = draw_mean) -> Tensor:
        """The mean of y_last in the tile, in opponent colour, with nothing more coded."""
        return part_of(self._down(last, draw)[0], self.place(last))

    def reached(self) -> tuple[Tensor, Tensor]:
        """The level reached and the features of the one above it, in the tile."""
        return part_of(self.level, self.place(self.k)), part_of(self.features, self.place(self.k + 1))

    def place(self, k: int) -> Where:
        """Where the tile lies in y_k as it is here."""
        return relative(at_level(self.inside, k), at_level(self.around, k))

    def _down(self, last: int, draw: Draw) -> tuple[Tensor, Tensor]:
        levels = [self.ladder.level(k) for k in range(self.k, last, -1)]
        level, features = descend(levels, self.level, self.features, self.at, self.sizes, lambda k, level: draw)
        return level, cast(Tensor, features)


class Gist:
    """y_K and the features of level K + 1, of a whole picture; what no tile has put here stays undefined.

    Memory that is not written to is none.

    Attributes:
        level: y_K in opponent colour, exact or the mean given u, (1, 3, h, w).
        features: (1, c, ceil(h/2), ceil(w/2)).
    """

    def __init__(self, size: Size, like: Tensor):
        sizes = level_sizes(size, LEVELS + 1)
        self.level = like.new_empty(1, 3, *sizes[LEVELS])
        self.features = like.new_empty(1, FEATURES[0], *sizes[LEVELS + 1])

    def put(self, tile: Where, level: Tensor, features: Tensor | None) -> None:
        """Take those of a tile."""
        part_of(self.level, at_level(tile, LEVELS)).copy_(level)
        if features is not None:
            part_of(self.features, at_level(tile, LEVELS + 1)).copy_(features)
