"""The encoder's search for how the lower bits of a phase's channel are best predicted.

Least squares, each sample weighted by how far off its context usually is, since what is smooth gains most from a good
prediction; then for each context the scale under which its samples take least.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ...arrays import Integers
from ...bitstream.tables import SCALES
from .coding import DEFAULT_SCALES, UNIFORM, Coded, parameter_bits, sample_bits
from .surroundings import CONTEXTS, SIXTEENTHS, WEIGHT_BITS, Parameters, Surroundings, Wide

Floats = npt.NDArray[np.float64]

LEAST_BITS = 600  # lower bits of a channel that parameters of its own can pay for
ROUNDS = 2
OUTLYING = 4  # scales off: what is further off counts for less, as it does under a logistic distribution
RIDGE = 1e-7  # relative to the curvature, to which it is added
LIMIT = 4 << WEIGHT_BITS  # of a weight's magnitude
STEPS = (8, 4, 2, 1)  # from scale to scale, in search of the best
SPREADS: Floats = 2.0 ** (np.arange(SCALES + 1) / 8 - 5)  # by scale index; UNIFORM has the last
MEAN_DEVIATION = 2 * math.log(2.0)  # of a logistic distribution, in scales


def search(around: Surroundings, samples: Integers, latest: Parameters, count: int) -> Parameters:
    """The parameters with which samples (n,) take least, their own bits included; `latest`, which takes none, if it is.

    Args:
        count: of the samples to look at, at most.
    """
    if len(samples) * around.shift < LEAST_BITS:
        return latest
    chosen = np.sort(np.random.default_rng(0).permutation(len(samples))[:count])
    share = len(samples) / len(chosen)
    seen, true = around.at(chosen), samples[chosen]
    differences = seen.differences.astype(np.float64)
    centres = seen.centres(latest.weights)
    contexts = seen.contexts(centres)
    best, least = latest, share * _bits(seen.shift, true, centres, latest.scales[contexts])
    fitted = latest
    for _ in range(ROUNDS):
        spreads = SPREADS[fitted.scales[contexts]]
        off = np.abs(true - centres / (1 << SIXTEENTHS))
        importance = 1 / (spreads * np.maximum(spreads, off / OUTLYING) + 0.1)
        weights = _least_squares(differences, (true - seen.base).astype(np.float64), importance)
        centres = seen.centres(weights)
        contexts = seen.contexts(centres)
        fitted = Parameters(weights, _scales(seen.shift, true, centres, contexts))
        bits = share * _bits(seen.shift, true, centres, fitted.scales[contexts]) + parameter_bits(fitted)
        if bits < least:
            best, least = fitted, bits
    return best


def _least_squares(differences: Floats, target: Floats, importance: Floats) -> Integers:
    weighted = differences * importance
    curvature = weighted @ differences.T
    diagonal = curvature.diagonal()
    curvature = curvature + np.diag(RIDGE * (diagonal + 0.1 * diagonal.mean()) + 1e-9)
    solution = np.linalg.solve(curvature, weighted @ target)
    return np.clip(np.rint(solution * (1 << WEIGHT_BITS)), -LIMIT, LIMIT).astype(np.int32)


def _scales(shift: int, samples: Integers, centres: Wide, contexts: npt.NDArray[np.intp]) -> Integers:
    """The best scale of each context; where it was not seen, that follows the one before."""
    counts = np.bincount(contexts, minlength=CONTEXTS)

    def of(scales: Integers) -> Floats:
        coded = Coded(samples, shift, centres, scales[contexts])
        return np.asarray(np.bincount(contexts, sample_bits(coded), CONTEXTS), np.float64)

    deviations = np.abs(samples - centres / (1 << SIXTEENTHS))
    means = np.bincount(contexts, deviations, CONTEXTS) / np.maximum(counts, 1)
    guess = np.rint(8 * (np.log2(means / MEAN_DEVIATION + SPREADS[0]) + 5))
    best = np.clip(guess, 0, SCALES - 1).astype(np.int32)
    least = of(best)
    for step in STEPS:
        for direction in (-step, step):
            tried = np.clip(best + direction, 0, SCALES - 1)
            bits = of(tried)
            best, least = np.where(bits < least, tried, best), np.minimum(bits, least)
    best = np.where(shift * counts <= least, UNIFORM, best)
    latest_seen = np.maximum.accumulate(np.where(counts > 0, np.arange(CONTEXTS), 0))
    steps = np.where(counts > 0, best - DEFAULT_SCALES, 0)[latest_seen]
    return np.clip(DEFAULT_SCALES + steps, 0, UNIFORM).astype(np.int32)


def _bits(shift: int, samples: Integers, centres: Wide, scales: Integers) -> float:
    return float(sample_bits(Coded(samples, shift, centres, scales)).sum())
