"""Jigsaw puzzles: a classifier that learns features of images by telling how their tiles were shuffled.

Appendix A of Poklukar et al., "Seeing the whole picture instead of a single point", after Noroozi and Favaro (2016).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

GRID = 3
SIDE = 7  # of a tile, in pixels
TILES = GRID * GRID
PERMUTATIONS = 100
HIDDEN = (100, 80, 60, 40)
DROPOUT = 0.2
CANDIDATES = 5000  # random permutations, of which the greedy search takes the farthest

Linear = partial(nn.Linear, dtype=torch.float32, device="cpu")


def permutations() -> NDArray[np.int64]:
    """Permutations of the nine tiles that are far from one another, found greedily; the same at every call.

    The first is the identity; each further one is, of 5000 random ones, that of the largest Hamming distance to those
    chosen before: to the nearest of them, and where several are equal, on average.

    Returns:
        int64 (100, 9), distinct rows: image `i` puts tile `row[j]` at position `j`.
    """
    rng = np.random.default_rng(0)
    candidates = rng.permuted(np.tile(np.arange(TILES), (CANDIDATES, 1)), axis=1)
    chosen = [np.arange(TILES)]
    nearest, total = np.full(CANDIDATES, TILES), np.zeros(CANDIDATES)
    while len(chosen) < PERMUTATIONS:
        distance = (candidates != chosen[-1]).sum(1)
        nearest, total = np.minimum(nearest, distance), total + distance
        chosen.append(candidates[np.lexsort((total, nearest))[-1]])
    return np.stack(chosen)


class Jigsaw(nn.Module):
    """The classifier: an MLP 100-80-60-40 with ReLU and dropout on nine tiles side by side, and a linear layer.

    An image is cut into 3x3 cells of a third of its sides, rounded down; a tile is a square in its cell. In training it
    lies anywhere in the cell, so that edges which run on from one tile to the next don't give the puzzle away; for
    features it lies in the middle.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (TILES * SIDE * SIDE, *HIDDEN)
        self.hidden = nn.ModuleList(
            nn.Sequential(Linear(before, after), nn.ReLU(), nn.Dropout(DROPOUT)) for before, after in pairwise(widths)
        )
        self.output = Linear(HIDDEN[-1], PERMUTATIONS)

    def tiles(self, images: Tensor, order: Tensor, shift: Tensor | None = None) -> Tensor:
        """Tiles of images, shuffled.

        Args:
            images: float (n, 1, h, w).
            order: int64 (n, 9) or (1, 9), the cell from which each position's tile comes.
            shift: int64 (2, n, 9), rows and columns from the cell's corner; the middle without it.

        Returns:
            float (n, 9, 49).

        Raises:
            ValueError: there are more channels, or a third of a side is shorter than a tile.
        """
        n, channels, *sides = images.shape
        if channels != 1 or min(sides) // GRID < SIDE:
            raise ValueError(f"images must be 1 x {GRID * SIDE} x {GRID * SIDE} or larger")
        row, column = (
            cell * (side // GRID) + ((side // GRID - SIDE) // 2 if shift is None else shift[axis])
            for axis, (cell, side) in enumerate(zip((order // GRID, order % GRID), sides, strict=True))
        )
        windows = images.unfold(2, SIDE, 1).unfold(3, SIDE, 1)
        return windows[torch.arange(n, dtype=torch.int64, device=images.device)[:, None], :, row, column].flatten(2)

    def puzzle(self, images: Tensor, order: Tensor) -> Tensor:
        """Tiles at random places in their cells; arguments and result as those of `tiles`."""
        spare = [side // GRID - SIDE + 1 for side in images.shape[2:]]
        shift = torch.stack([torch.randint(max(1, room), (len(images), TILES)) for room in spare])
        return self.tiles(images, order, shift)

    def activations(self, tiles: Tensor, layer: int) -> Tensor:
        """Of hidden layer `layer`, 1 to 4: float (n, 100, 80, 60 or 40); of tiles as `tiles` returns them."""
        values = tiles.flatten(1)
        for hidden in self.hidden[:layer]:
            values = hidden(values)
        return values

    def forward(self, tiles: Tensor) -> Tensor:
        """Logits of the permutations, float (n, 100); of tiles as `tiles` returns them."""
        return self.output(self.activations(tiles, len(HIDDEN)))

    def features(self, images: Tensor, layer: int = 1) -> Tensor:
        """f_x = l(x) of section 3: activations of a hidden layer for the tiles in order.

        Args:
            images: float (n, 1, h, w).
            layer: 1 to 4.

        Returns:
            float (n, 100, 80, 60 or 40), not negative.

        Raises:
            ValueError: no such layer, or images that `tiles` refuses.
        """
        if not 1 <= layer <= len(HIDDEN):
            raise ValueError(f"layer {layer}: there are 1 to {len(HIDDEN)}")
        order = torch.arange(TILES, dtype=torch.int64, device=images.device)[None]
        return self.activations(self.tiles(images, order), layer)
