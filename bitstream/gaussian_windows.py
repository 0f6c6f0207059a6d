"""Windows around the means of Gaussians over integers: what is coded under one is seldom far from its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .tables import LIMIT

DRAWN, PUSHED, WIDEST = 4, 13, 16  # log2 of the half of a window: the least for draws, for pushes, and the most


@dataclass(frozen=True)
class Window:
    """Where some of the Gaussians lie, with as much room for each.

    Attributes:
        part: their places.
        centres: the middles of their windows, int64 (n,).
        half: of the size of a window.
        parameters: means, counted from the middles, and deviations, float64 (n,) each.
    """

    part: NDArray[np.intp]
    centres: NDArray[np.int64]
    half: int
    parameters: tuple[NDArray[np.float64], NDArray[np.float64]]

    @property
    def model(self) -> Any:
        """Of what lies in a window, counted from its middle."""
        return constriction.stream.model.QuantizedGaussian(-self.half, self.half - 1)

    def is_end(self, symbols: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which symbols are the first or the last of a window, and stand for what is beyond."""
        return (symbols == -self.half) | (symbols == self.half - 1)


def windows_of(means: ArrayLike, deviations: ArrayLike, least: int) -> list[Window]:
    """Of all Gaussians, from small ones to large ones; half of the smallest is 2^least."""
    all_means, all_deviations = np.asarray(means, np.float64), np.asarray(deviations, np.float64)
    reaches = np.clip(np.ceil(np.log2(8 * all_deviations)), least, WIDEST).astype(np.int64)
    windows = []
    for reach in np.unique(reaches):
        half = 1 << int(reach)
        part = np.flatnonzero(reaches == reach)
        centres = np.clip(np.rint(all_means[part]), half - LIMIT, LIMIT - half).astype(np.int64)
        windows.append(Window(part, centres, half, (all_means[part] - centres, all_deviations[part])))
    return windows
