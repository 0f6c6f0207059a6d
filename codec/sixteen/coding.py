"""Samples of known windows, and the parameters of their distributions, to and from a stack."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...arrays import Integers
from ...bitstream.stack import Stack
from ...bitstream.tables import REACH, SCALES, ResidualTables
from .surroundings import CONTEXTS, SIXTEENTHS, Parameters, Wide

UNIFORM = SCALES  # in place of a scale's index: all values of a window are alike
FLOOR = 8  # least frequency of half a window, of 2^23
WEIGHT_SCALE, STEP_SCALE = 104, 48  # scale indices under which weights, and steps from scale to scale, are coded
# How many of the lowest bits of a sample are uniform, by scale: an eighth of it.
UNIFORM_BITS = np.array([max(0, (scale - 64) // 8) for scale in range(SCALES)] + [16], np.int32)
# By context: a sixth of what is off around.
DEFAULT_SCALES = np.array([min(SCALES - 1, 4 * k + 17) if k < 28 else UNIFORM for k in range(CONTEXTS)], np.int32)
DEFAULT = Parameters(np.zeros(0, np.int32), DEFAULT_SCALES)


@functools.cache
def tables() -> ResidualTables:
    """Those of logistic distributions."""
    return ResidualTables.generate(lambda x: 0.0 if x <= -REACH else 1.0 if x >= REACH else 1 / (1 + math.exp(-x)))


@dataclass(frozen=True)
class Coded:
    """Samples as they are coded.

    Attributes:
        samples: whole numbers, (n,).
        shift: bits of their windows, in which they are known to lie.
        centres: their predictions in sixteenths, (n,).
        scales: of the distributions around these, indices or UNIFORM, (n,).
    """

    samples: Integers
    shift: int
    centres: Wide
    scales: Integers

    def push(self, stack: Stack) -> None:
        """Push them: from the window on, by halves."""
        uniform = np.minimum(UNIFORM_BITS[self.scales], self.shift)
        for bits in range(self.shift, 0, -1):
            stack.push_uniform(self.samples[uniform == bits] & (1 << bits) - 1, bits)
        for bit in range(self.shift):
            where = np.flatnonzero(uniform <= bit)
            chosen = self.samples[where] >> bit
            first = chosen >> 1 << bit + 1
            stack.push_symbols(chosen & 1, _halves(first, bit, self.centres[where], self.scales[where]))


def pop_samples(stack: Stack, first: Integers, shift: int, centres: Wide, scales: Integers) -> Integers:
    """Inverse of `Coded.push`, given the first value of each window."""
    uniform = np.minimum(UNIFORM_BITS[scales], shift)
    samples = first.copy()
    for bit in reversed(range(shift)):
        where = np.flatnonzero(uniform <= bit)
        samples[where] += stack.pop_symbols(_halves(samples[where], bit, centres[where], scales[where])) << bit
    for bits in range(1, shift + 1):
        where = np.flatnonzero(uniform == bits)
        samples[where] += stack.pop_uniform(len(where), bits)
    return samples


def sample_bits(coded: Coded) -> npt.NDArray[np.float64]:
    """What each of these takes, about: -log2 of its share of its window's mass."""
    index, floor = np.minimum(coded.scales, SCALES - 1), 2 * FLOOR

    def mass(first: Integers, bits: int) -> Wide:
        edges = _edges(first, coded.centres)
        ends = edges + (1 << bits + SIXTEENTHS)
        return tables().below(ends, index) - tables().below(edges, index) + (floor << bits)

    window = coded.samples >> coded.shift << coded.shift
    bits = np.log2(mass(window, coded.shift) / mass(coded.samples, 0))
    return np.where(coded.scales == UNIFORM, float(coded.shift), bits)


def push_parameters(stack: Stack, parameters: Parameters) -> None:
    """Push weights and, above them, scales."""
    for values, scale in _parts(parameters):
        stack.push_residuals(values, np.full(len(values), scale))


def pop_parameters(stack: Stack, count: int) -> Parameters:
    """Inverse of `push_parameters`, for `count` weights; scales out of range are clamped."""
    steps = stack.pop_residuals(np.full(CONTEXTS, STEP_SCALE))
    weights = stack.pop_residuals(np.full(count, WEIGHT_SCALE))
    return Parameters(weights, np.clip(DEFAULT_SCALES + np.cumsum(steps), 0, UNIFORM).astype(np.int32))


def parameter_bits(parameters: Parameters) -> float:
    """What `push_parameters` takes."""
    return sum(tables().residual_bits(values, np.full(len(values), scale)) for values, scale in _parts(parameters))


def _parts(parameters: Parameters) -> tuple[tuple[Integers, int], ...]:
    """What is coded, in the order in which it is pushed, and under which scale."""
    steps = np.diff(parameters.scales - DEFAULT_SCALES, prepend=0)
    return (parameters.weights, WEIGHT_SCALE), (steps, STEP_SCALE)


def _halves(first: Integers, bit: int, centres: Wide, scales: Integers) -> npt.NDArray[np.float32]:
    """Frequencies of the lower and the upper half of the 2^(bit + 1) values from `first` on, (n, 2)."""
    edges = _edges(first, centres)
    below, middle, above = (tables().below(edges + (half << bit + SIXTEENTHS), scales) for half in range(3))
    return (np.stack([middle - below, above - middle], -1) // 2 + FLOOR).astype(np.float32)


def _edges(samples: Integers, centres: Wide) -> Wide:
    """The lower edges of samples, from their predictions, in sixteenths."""
    return (samples.astype(np.int64) << SIXTEENTHS) - (1 << SIXTEENTHS - 1) - centres
