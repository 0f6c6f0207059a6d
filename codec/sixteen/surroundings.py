"""What is known around a sample of sixteen bits before its lower bits are: integers only, the same on every machine.

The samples of a tile are coded in phases, coarse to fine: those of every sixteenth row and column, then, halving the
distance four times, those in the middle of four that are known, and those between two of each. Of every sample the
upper bits are known from the start, so it lies in a window of 2^shift values, whose middle stands for it until it is
coded. From the samples around it, each phase predicts it; from how far these are off, how far it may be off itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ...arrays import Integers, Pixels

Offset = tuple[int, int]  # rows down, columns right
Wide = npt.NDArray[np.int64]

STRIDES = (8, 4, 2, 1)
FIRST_STEP = 2 * STRIDES[0]
MARGIN = 3 * STRIDES[0]  # how far off a sample can lie that another is predicted from
ORDER = (1, 0, 2)  # of red, green and blue: green first, which is most like both
WEIGHT_BITS = 12  # weights are in steps of 2^-12
SIXTEENTHS = 4  # bits: predictions are in sixteenths
CONTEXTS = 43  # half octaves of deviations up to 2^21
_FAR = 1 << 21  # no prediction is further from zero, in sixteenths
_CONTEXT_OF_ONE = 253  # of a float32's bits from the upper one of its fraction on: one less than those of 1.0


@dataclass(frozen=True)
class Phase:
    """Samples that are coded at once.

    Attributes:
        kind: 0 for the first phase, 1 for middles of four, 2 and 3 for what lies between two in a row or a column.
        top, left: where the first of them is.
        step: from one to the next, in rows and in columns.
        near: where the four nearest lie that are known, or as good as others.
        around: where all lie that it is predicted from.
    """

    kind: int
    top: int
    left: int
    step: int
    near: tuple[Offset, ...]
    around: tuple[Offset, ...]


def _scaled(offsets: Iterable[Offset], stride: int) -> tuple[Offset, ...]:
    return tuple((stride * y, stride * x) for y, x in offsets if y or x)


def _phases() -> tuple[Phase, ...]:
    square, wide, odd = (tuple(product(side, side)) for side in (range(-1, 2), range(-2, 3), (-3, -1, 1, 3)))
    cross, diagonals = ((-1, 0), (0, -1), (0, 1), (1, 0)), ((-1, -1), (-1, 1), (1, -1), (1, 1))
    middle = (diagonals, (*odd, *cross))  # what is known is an odd number of rows and of columns away
    between = (cross, (*wide, *_scaled(cross, 3)))
    kinds = ((1, 1, *middle), (0, 1, *between), (1, 0, *between))
    phases = [Phase(0, 0, 0, FIRST_STEP, cross, _scaled(wide, 1))]
    for stride in STRIDES:
        closest = _scaled(square, 1) if stride > 1 else ()
        for kind, (top, left, near, around) in enumerate(kinds, 1):
            places = _scaled(around, stride) + closest
            phases.append(Phase(kind, stride * top, stride * left, 2 * stride, _scaled(near, stride), places))
    return tuple(phases)


PHASES = _phases()


@dataclass(frozen=True)
class Surroundings:
    """What is known around n samples of one channel.

    Attributes:
        first: the least value that each can have, (n,).
        shift: bits of their windows.
        base: the mean of the four nearest, rounded.
        near: these less the base, (4, n).
        differences: what it is predicted from, (m, n): by how much the channels before differ there from their
            predictions, then the samples around less the base.
        surprise: by how much the channel before differs, (n,); zeros where there is none.
    """

    first: Integers
    shift: int
    base: Integers
    near: Integers
    differences: Integers
    surprise: Integers

    def at(self, where: npt.NDArray[np.intp]) -> Surroundings:
        """At some of the samples."""
        parts = (part[..., where] for part in (self.base, self.near, self.differences, self.surprise))
        return Surroundings(self.first[where], self.shift, *parts)

    def centres(self, weights: Integers) -> Wide:
        """Predictions in sixteenths, (n,).

        Args:
            weights: of the differences, in order; those that are missing are zero. Whole numbers times 2^-12, of at
                most 2^20 in magnitude, so that the sums are exact in float64, in any order.
        """
        total = np.zeros(len(self.base), np.float64)
        for weight, difference in zip(weights.tolist(), self.differences, strict=False):
            if weight:
                total += float(weight) * difference
        half = 1 << WEIGHT_BITS - SIXTEENTHS - 1
        moved = (total.astype(np.int64) + half) >> WEIGHT_BITS - SIXTEENTHS
        return np.clip((self.base.astype(np.int64) << SIXTEENTHS) + moved, -_FAR, _FAR)

    def contexts(self, centres: Wide) -> npt.NDArray[np.intp]:
        """Of predictions, (n,): how far they may be off, as the half octave of what is off around.

        That is how far off the four nearest are, how far off the channel before was, and how far beyond its window the
        prediction lies.
        """
        predicted = (centres >> SIXTEENTHS).astype(np.int32)
        deviation = 2 * np.abs(self.surprise)
        for near in self.near:
            deviation += np.abs(near + (self.base - predicted))
        last = self.first + ((1 << self.shift) - 1)
        deviation += 2 * np.maximum(np.maximum(self.first - predicted, predicted - last), 0)
        # Exponent and upper bit of the fraction of a float32, which holds integers of this size exactly.
        octaves = deviation.astype(np.float32).view(np.int32) >> 22
        return np.clip(octaves - _CONTEXT_OF_ONE, 0, CONTEXTS - 1).astype(np.intp)


@dataclass(frozen=True)
class Parameters:
    """How a channel of a phase is predicted.

    Attributes:
        weights: of the differences, in steps of 2^-12, (m,) or fewer.
        scales: of the distribution around the prediction by context, (CONTEXTS,): indices of scales, or UNIFORM.
    """

    weights: Integers
    scales: Integers


# A phase's channel: what surrounds it, where it lies and its parameters in the phase before of the same kind; returns
# its parameters, predictions and samples.
Visit = Callable[[Surroundings, "Place", Parameters], tuple[Parameters, Wide, Integers]]


@dataclass(frozen=True)
class Place:
    """Where the samples of a phase's channel lie in the tile."""

    rows: slice
    columns: slice
    channel: int


class Tile:
    """The samples of a tile as far as they are known.

    Args:
        coarse: upper bits, uint8 (h, w, channels).
        shift: how many lower bits there are, 1..8.
    """

    def __init__(self, coarse: Pixels, shift: int) -> None:
        self.size = coarse.shape[:2]
        self.shift = shift
        self.order = ORDER if coarse.shape[2] == 3 else (0,)
        self.first = coarse.astype(np.int32) << shift
        # Beyond the edges, samples are mirrored.
        self._mirrored = [MARGIN + np.pad(np.arange(side), MARGIN, mode="reflect") for side in self.size]
        rows, columns = (mirrored - MARGIN for mirrored in self._mirrored)
        self._known = (self.first + (1 << shift - 1))[rows][:, columns]

    @property
    def samples(self) -> Integers:
        """All of them, (h, w, channels), once `walk` has visited them."""
        return self._known[MARGIN:-MARGIN, MARGIN:-MARGIN]

    def walk(self, visit: Visit, default: Parameters) -> None:
        """Visit all samples, channel by channel in every phase, each given those before it."""
        latest: dict[tuple[int, int], Parameters] = {}
        for phase in PHASES:
            if phase.top >= self.size[0] or phase.left >= self.size[1]:
                continue
            residuals: list[Integers] = []
            for channel in self.order:
                rows = slice(phase.top, self.size[0], phase.step)
                columns = slice(phase.left, self.size[1], phase.step)
                place = Place(rows, columns, channel)
                key = phase.kind, channel
                around = self._around(phase, place, residuals)
                parameters, centres, samples = visit(around, place, latest.get(key, default))
                latest[key] = parameters
                self._learn(place, samples)
                residuals.append(samples - (centres >> SIXTEENTHS).astype(np.int32))

    def _around(self, phase: Phase, place: Place, residuals: list[Integers]) -> Surroundings:
        first = self.first[place.rows, place.columns, place.channel]

        def shifted(offset: Offset) -> Integers:
            (y, x), (height, width) = offset, first.shape
            top, left = MARGIN + phase.top + y, MARGIN + phase.left + x
            rows = slice(top, top + phase.step * (height - 1) + 1, phase.step)
            columns = slice(left, left + phase.step * (width - 1) + 1, phase.step)
            return self._known[rows, columns, place.channel].ravel()

        near = np.stack([shifted(offset) for offset in phase.near])
        base = (near.sum(0, dtype=np.int32) + 2) >> 2
        around = [shifted(offset) - base for offset in phase.around]
        surprise = residuals[-1] if residuals else np.zeros_like(base)
        return Surroundings(first.ravel(), self.shift, base, near - base, np.stack(residuals + around), surprise)

    def _learn(self, place: Place, samples: Integers) -> None:
        inner = self._known[MARGIN:-MARGIN, MARGIN:-MARGIN, place.channel]
        shape = inner[place.rows, place.columns].shape
        inner[place.rows, place.columns] = samples.reshape(shape)
        known, (rows, columns) = self._known[..., place.channel], self._mirrored
        for border in (slice(MARGIN), slice(-MARGIN, None)):
            known[border] = known[rows[border]]
            known[:, border] = known[:, columns[border]]
