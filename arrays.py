"""The types of arrays that all rooms share, and how pictures are cut."""

from __future__ import annotations

from collections.abc import Iterator

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
