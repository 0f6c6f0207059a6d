"""Pictures at a half, a quarter or an eighth of their size, by the model's own transform. Needs no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .picture import Picture


def halved(samples: npt.NDArray[Any], times: int) -> npt.NDArray[Any]:
    """y_k of samples (h, w) or (h, w, c), k = `times`: means of 2x2, halves upwards, odd sides repeating their last.

    As `models.transforms.downscale`, for samples of sixteen bits too.
    """
    level: npt.NDArray[Any] = samples.astype(np.uint32)
    for _ in range(times):
        edges = [(0, side % 2) for side in level.shape[:2]] + [(0, 0)] * (level.ndim - 2)
        wide = np.pad(level, edges, "edge")
        total = wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2]
        level = (total + 2) >> 2
    return level.astype(samples.dtype)


def reduced(picture: Picture, times: int) -> Picture:
    """A picture with its sides halved so many times, rounded up."""
    alpha = None if picture.alpha is None else halved(picture.alpha, times)
    return Picture(halved(picture.pixels, times), alpha, picture.metadata, picture.dropped)
