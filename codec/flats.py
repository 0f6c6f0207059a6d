"""Areas of one colour, kept exactly beside the codes of a lossy tier, which only come near. Needs no torch."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..arrays import Pixels
from ..bitstream.deflated import inflated
from ..errors import CorruptError
from .tiling import TILE, Where

BLOCK = 8  # side in pixels, of which every y_k has whole pixels: 8 >> k
MOST = 255  # colours
_BAND = 256  # rows that are painted at once


@dataclass(frozen=True, eq=False)
class Flats:
    """The blocks of a picture that have one colour, with all pixels around them.

    Attributes:
        colours: of these, uint8 (n, channels), n at most 255.
        blocks: of each block of 8 x 8 pixels, at the edges perhaps fewer, its colour's number from 1, or 0:
            uint8 (rows, columns).
    """

    colours: Pixels
    blocks: Pixels

    @classmethod
    def found(cls, pixels: Pixels) -> Flats | None:
        """Those of a picture, uint8 (h, w, 3) or (h, w); None where it has none. Of its colours the 255 largest."""
        bands = [_flat(pixels, top) for top in range(0, len(pixels), TILE)]
        flat, colours = (np.concatenate(parts) for parts in zip(*bands, strict=True))
        if not flat.any():
            return None
        unique, numbers, counts = np.unique(colours[flat], axis=0, return_inverse=True, return_counts=True)
        largest = np.argsort(-counts, kind="stable")[:MOST]
        ranks = np.zeros(len(unique), np.uint8)
        ranks[largest] = np.arange(1, len(largest) + 1)
        blocks = np.zeros(flat.shape, np.uint8)
        blocks[flat] = ranks[numbers.reshape(-1)]
        return cls(unique[largest], blocks)

    @classmethod
    def of(cls, section: bytes, size: tuple[int, int], grey: bool) -> Flats:
        """Those in a section of a picture of that size. Raises CorruptError for a section that has none."""
        rows, columns = (-(-side // BLOCK) for side in size)
        channels = 1 if grey else 3
        longest = 1 + MOST * channels + rows * columns
        content = np.frombuffer(inflated(section, longest, "the section flats"), np.uint8)
        count = int(content[0]) if len(content) else 0
        if not count or len(content) != 1 + count * channels + rows * columns:
            raise CorruptError("the areas of one colour are not those of a picture of this size")
        colours, blocks = np.split(content[1:], [count * channels])
        if blocks.max() > count:
            raise CorruptError("an area has a colour that is not there")
        return cls(colours.reshape(count, channels), blocks.reshape(rows, columns))

    @property
    def section(self) -> bytes:
        """These as a section of the file."""
        return zlib.compress(bytes([len(self.colours)]) + self.colours.tobytes() + self.blocks.tobytes(), 9)

    def paint(self, pixels: Pixels, where: Where, k: int) -> None:
        """Put them into what y_k has of a part of the picture.

        Args:
            pixels: uint8 (h, w, 3) or (h, w), changed in place.
            where: the part lies in y_k.
            k: 0..3.
        """
        rows, columns = (np.arange(side.start, side.stop) // (BLOCK >> k) for side in where)
        for top in range(0, len(rows), _BAND):
            numbers = self.blocks[np.ix_(rows[top : top + _BAND], columns)]
            flat = numbers > 0
            colours = self.colours[numbers[flat].astype(np.intp) - 1]
            pixels[top : top + _BAND][flat] = colours.reshape(-1, *pixels.shape[2:])


def _flat(pixels: Pixels, top: int) -> tuple[npt.NDArray[np.bool_], Pixels]:
    """Of the blocks in a band from row `top` on: whether they are flat, and the colours of their first pixels.

    Beyond its edges the picture goes on as it is there.
    """
    height, width = pixels.shape[:2]
    rows, columns = _around(top, min(top + TILE, height), height), _around(0, width, width)
    padded = pixels[np.ix_(rows, columns)].reshape(len(rows), len(columns), -1)
    windows = sliding_window_view(padded, (BLOCK + 2, BLOCK + 2), axis=(0, 1))[::BLOCK, ::BLOCK]
    flat = (windows[..., 0, 0] == windows[..., -1, -1]).all(-1)  # of photos few are left
    first = windows[..., 1, 1].copy()  # a view would keep the whole band
    flat[flat] = (windows[flat] == first[flat][..., None, None]).all((1, 2, 3))
    return flat, first


def _around(start: int, stop: int, end: int) -> npt.NDArray[np.intp]:
    """Rows or columns of the blocks from `start` to `stop`, and one more on either side, none beyond the edges."""
    blocks = -(-(stop - start) // BLOCK)
    return np.arange(start - 1, start + blocks * BLOCK + 1).clip(0, end - 1)
