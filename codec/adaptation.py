"""Likelihoods fitted to the picture at hand: corrections that the encoder finds and the file carries.

How sharp a picture is, what its noise looks like, how its colours were interpolated: all this is much alike all over a
picture, and the networks know it only on average over photos. So each channel of each phase gets a correction of its
mixtures, linear in the differences f of the levels around to their blocks' means y_k, and in the features h from which
the network made the mixtures:

    mu' = mu + w . (f, h) + c (mu - y_k) + d,    l' = l + v . h + a l + b,

mu and l being the means and log2 scales of all components. `fitting.py` finds the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from ..bitstream import Stack
from ..models.likelihoods import FEATURES, MAX_LOG_SCALE, MIN_LOG_SCALE, LogisticMixture
from ..models.transforms import neighbour_differences

FEATURE_STEPS = 16.0  # of a feature, per unit
MAX_DIFFERENCE = 255.0  # of f in levels, and of h in steps
FINE_STEP, STEP = 2.0**-10, 2.0**-8  # of w and v, and of the other weights
OWN = 2  # weights of the mixture's own parameters and of 1: c, d and a, b
LIMIT = 1 << 10  # of a weight's magnitude, in steps: 64 products with it add up to less than 2^24
SCALE_INDEX, FEATURE_SCALE_INDEX = 84, 68  # of the latents' density, under which weights are coded; of those of h

Integers = npt.NDArray[np.int32]


def surroundings(quarter: int, known: dict[int, Tensor], mean: Tensor) -> Tensor:
    """Levels around the pixels of a quarter, less y_k: the eight blocks around, then the pixels that are known.

    Args:
        quarter: whose pixels they surround.
        known: quarters coded before it, integer levels (1, 3, h, w) each; of the eight pixels around each pixel, those
            that belong to one of them count, row by row. Edges are repeated block by block.
        mean: y_k, (1, 3, h, w).
    Returns:
        (planes, 3, h * w), integers of at most 255 in magnitude.
    """
    h, w = mean.shape[-2:]
    padded = {other: F.pad(levels, (1, 1, 1, 1), mode="replicate") for other, levels in known.items()}
    planes = list(neighbour_differences(mean).chunk(8, 1))
    for step in range(9):
        y, x = quarter // 2 + step // 3 - 1, quarter % 2 + step % 3 - 1
        other, top, left = y % 2 * 2 + x % 2, y // 2 + 1, x // 2 + 1
        if step != 4 and other in padded:
            planes.append(padded[other][..., top : top + h, left : left + w] - mean)
    return torch.cat(planes).flatten(2)


def feature_steps(features: Tensor) -> Tensor:
    """h: features (1, FEATURES, h, w) in whole steps, (FEATURES, h * w)."""
    return (features[0].flatten(1) * FEATURE_STEPS + 0.5).floor_().clamp_(-MAX_DIFFERENCE, MAX_DIFFERENCE)


@dataclass(frozen=True)
class Conditions:
    """What a channel of a phase is corrected from, at n sub-pixels.

    Attributes:
        differences: f, (count, n), integers of at most 255 in magnitude: what surrounds the channel and, in turn, the
            channels before it, and these channels in the pixel itself.
        features: h, (FEATURES, n), likewise integers.
        mean: y_k, (n,).
    """

    differences: Tensor
    features: Tensor
    mean: Tensor

    def at(self, where: Tensor | slice) -> Conditions:
        """At some of the sub-pixels."""
        return Conditions(self.differences[:, where], self.features[:, where], self.mean[where])


@dataclass(frozen=True)
class Correction:
    """Weights of one channel in one phase, in steps.

    Attributes:
        of_means: w, c, d: int32 (count + 2,), or (count + FEATURES + 2,) with features.
        of_scales: v, a, b: int32 (2,), or (FEATURES + 2,) with features.
    """

    of_means: Integers
    of_scales: Integers

    def apply(self, mixture: LogisticMixture, conditions: Conditions) -> LogisticMixture:
        """The corrected mixtures; `mixture` has (components, n) parameters.

        The sums over f and over h are of integers and stay below 2^24, exact in every order; the rest is elementwise.
        """
        count = len(conditions.differences)
        w, c, d = self._weights(self.of_means, conditions.mean)
        v, a, b = self._weights(self.of_scales, conditions.mean)
        shift, widening = w[:count] @ conditions.differences, torch.zeros(())
        if len(v):
            shift, widening = shift + w[count:] @ conditions.features, v @ conditions.features
        means = mixture.means + ((mixture.means - conditions.mean) * c + (shift * FINE_STEP + d))
        log_scales = mixture.log_scales + (mixture.log_scales * a + (widening * FINE_STEP + b))
        return LogisticMixture(mixture.logits, means, log_scales.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE))

    @staticmethod
    def _weights(steps: Integers, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = torch.from_numpy(steps).to(like)
        return weights[:-OWN], weights[-2] * STEP, weights[-1] * STEP


def push_correction(stack: Stack, correction: Correction | None) -> None:
    """Push the weights and, last, two flags: whether there are any, and any of features."""
    featured = correction is not None and len(correction.of_scales) > OWN
    if correction is not None:
        weights = np.concatenate([correction.of_means, correction.of_scales])
        stack.push_residuals(weights, _scale_indices(len(weights), featured))
    stack.push_uniform([correction is not None, featured], 1)


def pop_correction(stack: Stack, count: int) -> Correction | None:
    """Inverse of `push_correction`, for `count` differences."""
    present, featured = stack.pop_uniform(2, 1)
    if not present:
        return None
    features = FEATURES if featured else 0
    weights = stack.pop_residuals(_scale_indices(count + 2 * (features + OWN), featured))
    return Correction(*np.split(weights, [count + features + OWN]))


def _scale_indices(weights: int, featured: bool) -> Integers:
    """Of the density of each of so many weights, in their order: of f, of h, c, d, of h, a, b."""
    features = FEATURES if featured else 0
    count = weights - 2 * (features + OWN)
    indices = (SCALE_INDEX, FEATURE_SCALE_INDEX, SCALE_INDEX, FEATURE_SCALE_INDEX, SCALE_INDEX)
    return np.repeat(indices, (count, features, OWN, features, OWN)).astype(np.int32)
