"""The ANS stack ("Codes: the stack"), its seal, and the distributions of what is on it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

import numpy as np
import numpy.typing as npt

from .stream import Malformed

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BITS = 24  # cumulative frequencies end at 2^24
LARGEST = 112  # scale index
ESCAPED_BITS = 21


class Density:
    """The tables C and R of a density, and the cumulative frequencies of residuals that follow ("Residuals")."""

    def __init__(self, cdf: Integers, inverse_scales: Integers):
        self.C, self.R = cdf.astype(np.int64), inverse_scales.astype(np.int64)
        self.reach = (8 << BITS) // self.R + 2  # T
        self.cumulative = cache(self._cumulative)

    def below(self, places: Integers) -> Integers:
        """F: the CDF at positions not yet clamped, which count from -12 scales in 2^-28."""
        p = np.clip(places + 3 * 2**30, 0, 6 * 2**30)
        j = np.minimum(p >> 20, 6143)
        return self.C[j] + ((self.C[j + 1] - self.C[j]) * (p - (j << 20)) + 2**19 >> 20)

    def _cumulative(self, scale: int, offset: int) -> list[int]:
        reach = int(self.reach[scale])
        n = np.arange(-reach, reach + 2, dtype=np.int64)
        F = self.below((16 * n + offset - 8) * self.R[scale])
        frequencies = np.append(np.diff(F) + 1, 2**BITS - F[-1] + F[0] + 64)
        return cumulative(frequencies[None].astype(np.float64))[0].tolist()


def cumulative(frequencies: npt.NDArray[np.floating]) -> Integers:
    """c(0) .. c(n) from whole frequencies (rows, n), rounded to the type in which they come.

    Sums below 2^24 are exact in binary32, as those of residuals, which are little more, are in binary64.
    """
    n = frequencies.shape[1]
    below = np.cumsum(frequencies, 1, dtype=frequencies.dtype)
    factor = frequencies.dtype.type(2**BITS - n) / below[:, -1:]
    table = np.zeros((len(frequencies), n + 1), np.int64)
    table[:, 1:n] = np.floor(below[:, :-1] * factor).astype(np.int64) + np.arange(1, n)
    table[:, n] = 2**BITS
    return table


class Stack:
    """Symbols, the last pushed the first popped."""

    def __init__(self, data: bytes, density: Density):
        words = np.frombuffer(data, "<u4").tolist() if len(data) % 4 == 0 else []
        if len(words) < 2 or words[0] == 0:
            raise Malformed("the codes are no stack")
        self.state = words[0] << 32 | words[1]
        self.words = words[:1:-1]
        self.density = density

    def _take(self, low: int, frequency: int) -> None:
        """Take off the symbol whose cumulative frequencies are these."""
        self.state = frequency * (self.state >> BITS) + (self.state & 2**BITS - 1) - low
        if self.state < 2**32:
            if not self.words:
                raise Malformed("the codes run out")
            self.state = self.state << 32 | self.words.pop()

    def _pop(self, table: list[int]) -> int:
        s = bisect_right(table, self.state & 2**BITS - 1) - 1
        self._take(table[s], table[s + 1] - table[s])
        return s

    def pop(self, frequencies: Floats) -> Integers:
        """Symbols with frequencies of their own, whole binary32 numbers (rows, symbols)."""
        return np.array([self._pop(row) for row in cumulative(frequencies).tolist()], np.int64)

    def pop_uniform(self, count: int, bits: int) -> Integers:
        """So many integers of so many bits."""
        values, width = np.zeros(count, np.int64), BITS - bits
        for i in range(count):
            values[i] = value = (self.state & 2**BITS - 1) >> width
            self._take(value << width, 1 << width)
        return values

    def push_uniform(self, values: Integers, bits: int) -> None:
        """Inverse of `pop_uniform`: the last one first."""
        frequency = 1 << BITS - bits
        for value in reversed(values.tolist()):
            if self.state >> 40 >= frequency:
                self.words.append(self.state & 2**32 - 1)
                self.state >>= 32
            whole, rest = divmod(self.state, frequency)
            self.state = (whole << BITS) + value * frequency + rest

    def pop_residuals(self, scales: Integers, offsets: Integers | None = None) -> Integers:
        """Residuals with scale indices and offsets (n,), none standing for zeros: sorted by both, escaped ones last."""
        offsets = np.zeros_like(scales) if offsets is None else offsets
        values = np.zeros(len(scales), np.int64)
        for i in np.lexsort((offsets, scales)).tolist():
            values[i] = self._pop(self.density.cumulative(int(scales[i]), int(offsets[i])))
        values -= self.density.reach[scales]
        escaped = values > self.density.reach[scales]
        values[escaped] = self.pop_uniform(int(escaped.sum()), ESCAPED_BITS) - (1 << ESCAPED_BITS - 1)
        return values

    def unseal(self) -> int:
        """What lies under all else: a CRC-32."""
        if self.words or self.state >> 32 != 1:
            raise Malformed("the codes do not end where they should")
        return self.state & 2**32 - 1
