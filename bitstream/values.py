"""The values that samples of sixteen bits take in a picture, in order: a sample is coded as its rank among them.

Scanners, cameras and converters seldom use all 65536 of them. Samples of 8, 10, 12 or 14 bits that were shifted or
scaled up have few values, others a narrow range; ranks have no more bits than there are values.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..arrays import Deep, tiles
from ..errors import CorruptError, StreamError
from .deflated import inflated
from .fields import Reader, varint

COUNT = 1 << 16  # values that there are
COARSE_BITS = 8  # upper bits of ranks, which make a picture of eight bits
SURE = 4  # a list has to save so much more than it takes: gaps that are there by chance hide how smooth samples are
_TILE = 1 << 10  # side of what is counted at once
_LONGEST = 6 * COUNT  # bytes that a table takes at most


@dataclass(frozen=True)
class Values:
    """Values in ascending order.

    Attributes:
        runs: of equal gaps between neighbouring values, (gap, how many values) each; the first gap is that from -1.
    """

    runs: tuple[tuple[int, int], ...]

    @classmethod
    def listed(cls, values: npt.NDArray[np.int64]) -> Values:
        """Those of an ascending array of at least one."""
        gaps = np.diff(values, prepend=-1)
        ends = np.append(np.flatnonzero(np.diff(gaps)) + 1, len(gaps))
        counts = np.diff(ends, prepend=0)
        return cls(tuple(zip(gaps[ends - 1].tolist(), counts.tolist(), strict=True)))

    @classmethod
    def of(cls, samples: Deep) -> Values:
        """Those to code samples by, (h, w) or (h, w, 3): evenly spaced ones, or just those used where that pays.

        A list of the values used can save, of every sample, as many bits as there are fewer of them in its window.
        """
        counts = np.zeros(COUNT, np.int64)
        for rows, columns in tiles(samples.shape[:2], _TILE):
            counts += np.bincount(samples[rows, columns].ravel(), minlength=COUNT)
        used = np.flatnonzero(counts)
        first, step = int(used[0]), int(np.gcd.reduce(np.diff(used))) or 1
        spaced, listed = cls.listed(np.arange(first, int(used[-1]) + 1, step)), cls.listed(used)
        windows = (used - first) // step >> spaced.shift
        in_window, samples_in_window = np.bincount(windows), np.bincount(windows, counts[used])
        saved = (samples_in_window * (spaced.shift - np.log2(np.maximum(in_window, 1)))).sum()
        return listed if SURE * 8 * len(listed.table) < saved else spaced

    @classmethod
    def of_table(cls, table: bytes) -> Values:
        """Inverse of `table`. Raises CorruptError for what is none."""
        try:
            reader = Reader(inflated(table, _LONGEST, "it"))
            runs, last = [], -1
            while reader.more():
                gap, count = reader.varint(), reader.varint()
                last += gap * count
                if not (gap and count and last < COUNT):
                    raise CorruptError("its values don't ascend to 65535 at most")
                runs.append((gap, count))
        except StreamError as error:
            raise CorruptError(f"the table of values can't be read: {error}") from error
        if not runs:
            raise CorruptError("the table of values is empty")
        return cls(tuple(runs))

    @cached_property
    def table(self) -> bytes:
        """These as they stand in a file: gap and count of every run as varints, deflated."""
        return zlib.compress(b"".join(varint(gap) + varint(count) for gap, count in self.runs), 9)

    @cached_property
    def all(self) -> Deep:
        """These, uint16 (n,)."""
        gaps, counts = np.array(self.runs).T
        return (np.cumsum(np.repeat(gaps, counts)) - 1).astype(np.uint16)

    @property
    def shift(self) -> int:
        """How many lower bits ranks have, 0..8, below the eight upper ones."""
        return max(0, (len(self.all) - 1).bit_length() - COARSE_BITS)

    def ranks(self, samples: Deep) -> Deep:
        """The ranks of samples, uint16 of the same shape; each sample has to be one of the values."""
        ranks = np.zeros(COUNT, np.uint16)
        ranks[self.all] = np.arange(len(self.all))
        return ranks[samples]

    def samples(self, ranks: Deep) -> Deep:
        """Inverse of `ranks`. Raises CorruptError for ranks that are too high."""
        if int(ranks.max()) >= len(self.all):
            raise CorruptError("a sample's value is not among those of the picture")
        return self.all[ranks]
