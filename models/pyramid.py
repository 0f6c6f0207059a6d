"""The levels of a picture: x = y_0 and y_k = d(y_{k-1}), the deterministic part of the selfVAE (section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .transforms import downscale, to_opponent

Size = tuple[int, int]  # height and width
Sizes = Mapping[int, Size]  # of y_k, by k


def level_sizes(size: Size, last: int) -> dict[int, Size]:
    """Sizes of y_0 .. y_last: each half of the one before, rounded up."""
    sizes = {0: size}
    for k in range(last):
        h, w = sizes[k]
        sizes[k + 1] = ((h + 1) // 2, (w + 1) // 2)
    return sizes


@dataclass(frozen=True)
class Pyramid:
    """Levels of pictures, one above the other.

    Attributes:
        levels: y_k by k, integer samples 0..255, float (b, 3, h, w).
    """

    levels: Mapping[int, Tensor]

    @classmethod
    def over(cls, level: Tensor, last: int, first: int = 0) -> Pyramid:
        """y_first = `level` and what d makes of it, up to y_last."""
        levels = {first: level}
        for k in range(first, last):
            levels[k + 1] = downscale(levels[k])
        return cls(levels)

    def __getitem__(self, k: int) -> Tensor:
        """y_k."""
        return self.levels[k]

    def opponent(self, k: int) -> Tensor:
        """y_k in opponent colour, (b, 3, h, w)."""
        return to_opponent(self.levels[k])

    @property
    def sizes(self) -> Sizes:
        """Of all levels here."""
        return {k: (level.shape[2], level.shape[3]) for k, level in self.levels.items()}
