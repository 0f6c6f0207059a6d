"""The types of arrays that all rooms share, and how pictures are cut and halved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # samples 0..255 of a picture, (h, w, 3) or (h, w), or of one channel
Deep = npt.NDArray[np.uint16]  # the same of sixteen bits, 0..65535
Integers = npt.NDArray[np.int32]  # whole numbers to and from the entropy coder


def tiles(size: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of a picture's tiles, `side` pixels a side or less, from left to right, then top to bottom."""
    for top in range(0, size[0], side):
        for left in range(0, size[1], side):
            yield slice(top, min(top + side, size[0])), slice(left, min(left + side, size[1]))


def halved(samples: npt.NDArray[Any], times: int) -> npt.NDArray[Any]:
    """y_k of samples (h, w) or (h, w, c), k = `times`: means of 2x2, halves upwards, odd sides repeating their last.

    As `models.transforms.downscale`, for samples of sixteen bits too.
    """
    if times == 0:
        return samples
    wider = np.uint16 if samples.dtype == np.uint8 else np.uint32  # holds the sum of four
    level: npt.NDArray[Any] = samples.astype(wider)
    for _ in range(times):
        edges = [(0, side % 2) for side in level.shape[:2]] + [(0, 0)] * (level.ndim - 2)
        wide = np.pad(level, edges, "edge")
        total = wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2]
        level = (total + 2) >> 2
    return level.astype(samples.dtype)
