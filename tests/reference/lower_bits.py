"""Sixteen bits: what stands below a coarse picture of eight ("Fine" and "Lower bits"). Integers only."""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt

from .plain import tiles
from .stack import Density, Floats, Integers, Stack
from .stream import Malformed, Reader

Places = list[tuple[int, int]]

TILE = 1024
CROSS: Places = [(-1, 0), (0, -1), (0, 1), (1, 0)]
DIAGONALS: Places = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
AROUND_3: Places = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]
AROUND_5: Places = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if y or x]
ODD: Places = [(y, x) for y in (-3, -1, 1, 3) for x in (-3, -1, 1, 3)]
CONTEXTS, STEP_SCALE, WEIGHT_SCALE, UNIFORM = 43, 48, 104, 113
DEFAULT_SCALES = np.array([min(112, 4 * k + 17) if k <= 27 else UNIFORM for k in range(CONTEXTS)])


def logistic() -> Density:
    """The density of residuals and samples here."""
    cdf = [round(2**24 / (1 + math.exp(12 - j / 256))) for j in range(6145)]
    cdf[0], cdf[-1] = 0, 2**24
    return Density(np.array(cdf), np.array([round(2 ** (24 - (i / 8 - 5))) for i in range(113)]))


def read_fine(section: bytes, coarse: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Samples of the coarse picture's shape."""
    reader = Reader(section)
    values = read_table(zlib.decompress(reader.take(reader.varint())))
    s = max(0, math.ceil(math.log2(len(values))) - 8)
    stack = Stack(reader.rest(), logistic())
    ranks = coarse.reshape(*coarse.shape[:2], -1).astype(np.int64) << s
    for rows, columns in tiles(coarse.shape[:2], TILE) if s else []:
        tile = ranks[rows, columns]
        if stack.pop_uniform(1, 1)[0]:
            tile += stack.pop_uniform(tile.size, s).reshape(tile.shape)
        else:
            tile[...] = Tile(stack, tile, s).pop()
    if ranks.max() >= len(values):
        raise Malformed("a rank is too high")
    samples = values[ranks].reshape(coarse.shape).astype("<u2")
    if stack.unseal() != zlib.crc32(samples.tobytes()):
        raise Malformed("the samples are not those that were encoded")
    return samples


def read_table(table: bytes) -> Integers:
    """The values of ranks."""
    reader, gaps = Reader(table), []
    while reader.position < len(table):
        gap, count = reader.varint(), reader.varint()
        gaps += [gap] * count
    return np.cumsum(gaps) - 1


class Tile:
    """A tile whose ranks are predicted.

    Args:
        first: the first rank of each window, (h, w, channels).
        s: bits of a window.
    """

    def __init__(self, stack: Stack, first: Integers, s: int):
        self.stack, self.first, self.s = stack, first, s
        self.known = first + (1 << s - 1)
        self.parameters: dict[tuple[int, int], tuple[Integers, Integers]] = {}

    def pop(self) -> Integers:
        """All ranks."""
        self._pop_phase(0, slice(0, None, 16), slice(0, None, 16), scaled(CROSS, 1), scaled(AROUND_5, 1))
        for d in (8, 4, 2, 1):
            closest = AROUND_3 if d > 1 else []
            new, old = slice(d, None, 2 * d), slice(0, None, 2 * d)
            around = scaled(ODD, d) + scaled(CROSS, d) + closest
            self._pop_phase(1, new, new, scaled(DIAGONALS, d), around)
            around = scaled(AROUND_5, d) + scaled(CROSS, 3 * d) + closest
            self._pop_phase(2, old, new, scaled(CROSS, d), around)
            self._pop_phase(3, new, old, scaled(CROSS, d), around)
        return self.known

    def _pop_phase(self, kind: int, rows: slice, columns: slice, near: Places, around: Places) -> None:
        height, width, channels = self.first.shape
        at_rows, at_columns = np.arange(height)[rows], np.arange(width)[columns]
        if not (len(at_rows) and len(at_columns)):
            return

        def seen(channel: int, place: tuple[int, int]) -> Integers:
            y, x = mirrored(at_rows + place[0], height), mirrored(at_columns + place[1], width)
            return self.known[y[:, None], x, channel].ravel()

        errors: list[Integers] = []
        for channel in (1, 0, 2) if channels == 3 else (0,):
            a = self.first[rows, columns, channel].ravel()
            four = [seen(channel, place) for place in near]
            base = sum(four) + 2 >> 2
            differences = [*errors, *(seen(channel, place) - base for place in around)]
            weights, scales = self._parameters(kind, channel, len(differences))
            # "by their places": of parameters taken over, weights may be fewer or more than differences
            moved = sum((w * x for w, x in zip(weights.tolist(), differences, strict=False)), np.zeros_like(base))
            P = np.clip(16 * base + (moved + 128 >> 8), -(2**21), 2**21)
            p = P >> 4
            outside = np.maximum(np.maximum(a - p, p - (a + (1 << self.s) - 1)), 0)
            t = sum(np.abs(x - p) for x in four) + 2 * outside + (2 * np.abs(errors[-1]) if errors else 0)
            r = self._pop_ranks(a, P, scales[context(t)])
            self.known[rows, columns, channel] = r.reshape(len(at_rows), len(at_columns))
            errors.append(r - p)

    def _parameters(self, kind: int, channel: int, count: int) -> tuple[Integers, Integers]:
        if self.stack.pop_uniform(1, 1)[0]:
            steps = self.stack.pop_residuals(np.full(CONTEXTS, STEP_SCALE))
            weights = self.stack.pop_residuals(np.full(count, WEIGHT_SCALE))
            self.parameters[kind, channel] = weights, np.clip(DEFAULT_SCALES + np.cumsum(steps), 0, UNIFORM)
        return self.parameters.get((kind, channel), (np.zeros(0, np.int64), DEFAULT_SCALES))

    def _pop_ranks(self, a: Integers, P: Integers, scales: Integers) -> Integers:
        u = np.where(scales == UNIFORM, self.s, np.clip((scales - 64) // 8, 0, self.s))
        r = a.copy()
        for bit in range(self.s - 1, -1, -1):
            here = np.flatnonzero(u <= bit)
            r[here] += self.stack.pop(self._halves(r[here], bit, P[here], scales[here])) << bit
        for bits in range(1, self.s + 1):
            here = np.flatnonzero(u == bits)
            r[here] += self.stack.pop_uniform(len(here), bits)
        return r

    def _halves(self, first: Integers, bit: int, P: Integers, scales: Integers) -> Floats:
        density = self.stack.density
        b, m, c = (density.below((16 * (first + (half << bit)) - 8 - P) * density.R[scales]) for half in range(3))
        return (np.stack([m - b, c - m], 1) // 2 + 8).astype(np.float32)


def scaled(places: Places, d: int) -> Places:
    """Places d times as far off."""
    return [(d * y, d * x) for y, x in places]


def mirrored(index: Integers, side: int) -> Integers:
    """Rows or columns, those beyond the edges mirrored at the outermost ones."""
    if side == 1:
        return np.zeros_like(index)
    index = index % (2 * side - 2)
    return np.minimum(index, 2 * side - 2 - index)


def context(t: Integers) -> Integers:
    """k: half octaves of t."""
    highest = np.floor(np.log2(np.maximum(t, 1))).astype(np.int64)
    more = np.where(highest > 0, t >> np.maximum(highest - 1, 0) & 1, 0)
    return np.where(t == 0, 0, np.minimum(2 * highest + 1 + more, CONTEXTS - 1))
