"""Likelihoods fitted to the picture at hand: corrections that the encoder finds and the file carries.

How sharp a picture is, what its noise looks like, how its colours were interpolated: all this is much alike all over a
picture, and the networks know it only on average over photos. So each channel of each phase gets a correction of its
mixtures, linear in the differences f of the samples around to their blocks' means y_k, and in the features h from which
the network made the mixtures. For component i of mean mu, log2 scale l and logit g,

    mu' = mu + w . (f, h) + c_i (mu - y_k) + d_i,    l' = l + v . h + a_i l + b_i,    g' = g + e_i.

`fitting.py` finds the weights.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from ..arrays import Integers
from ..bitstream.stack import Stack
from ..errors import CorruptError
from ..models.likelihoods import COMPONENTS, FEATURES, MAX_LOG_SCALE, MIN_LOG_SCALE, LogisticMixture
from ..models.transforms import neighbour_differences

FEATURE_STEPS = 16.0  # of a feature, per unit
MAX_DIFFERENCE = 255.0  # of f in sample units, and of h in steps
FINE_STEP, STEP = 2.0**-10, 2.0**-8  # of w and v, and of the other weights
OWN = 5  # weights of each component: c, d, a, b, e
LIMIT = 1 << 10  # of a weight's magnitude, in steps: 64 products with it add up to less than 2^24
SCALE_INDEX, FEATURE_SCALE_INDEX = 84, 68  # of the latents' density, under which weights are coded; of those of h


def surroundings(quarter: int, known: dict[int, Tensor], mean: Tensor) -> Tensor:
    """Samples around the pixels of a quarter, less y_k: the eight blocks around, then the pixels that are known.

    Args:
        quarter: whose pixels they surround.
        known: quarters coded before it, integer samples (1, 3, h, w) each; of the eight pixels around each pixel, those
            that belong to one of them count, row by row. Edges are repeated block by block.
        mean: y_k, (1, 3, h, w).

    Returns:
        (planes, 3, h * w), integers of at most 255 in magnitude.
    """
    h, w = mean.shape[-2:]
    padded = {other: F.pad(samples, (1, 1, 1, 1), mode="replicate") for other, samples in known.items()}
    planes = list(neighbour_differences(mean).chunk(8, 1))
    for other, top, left in _neighbours(quarter, known):
        planes.append(padded[other][..., top : top + h, left : left + w] - mean)
    return torch.cat(planes).flatten(2)


def count_of(quarter: int, known: Container[int], before: int) -> int:
    """How many differences f there are in a quarter, for a channel that has so many before it."""
    return (8 + len(_neighbours(quarter, known))) * (before + 1) + before


def _neighbours(quarter: int, known: Container[int]) -> list[tuple[int, int, int]]:
    """Of the eight pixels around a quarter's, those in known quarters: the quarter, and how far down and right of the
    block one up and left."""
    steps = [(quarter // 2 + step // 3 - 1, quarter % 2 + step % 3 - 1) for step in range(9) if step != 4]
    places = [(y % 2 * 2 + x % 2, y // 2 + 1, x // 2 + 1) for y, x in steps]
    return [place for place in places if place[0] in known]


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

    def head(self, count: int) -> Conditions:
        """At the first sub-pixels."""
        return Conditions(self.differences[:, :count], self.features[:, :count], self.mean[:count])


@dataclass(frozen=True)
class Context:
    """What all channels of a phase are corrected from, at n pixels.

    Attributes:
        around: what `surroundings` returns, (planes, 3, n).
        features: h, (FEATURES, n).
        mean: y_k, (3, n).
    """

    around: Tensor
    features: Tensor
    mean: Tensor

    def at(self, where: Tensor) -> Context:
        """At some of the pixels."""
        return Context(*(part.index_select(-1, where) for part in (self.around, self.features, self.mean)))

    def conditions(self, channel: int, before: Sequence[int], samples: Tensor) -> Conditions:
        """Of a channel, given the samples (3, n) of the channels before it."""
        here = (samples - self.mean)[list(before)]
        differences = torch.cat([self.around[:, (channel, *before)].flatten(0, 1), here])
        return Conditions(differences, self.features, self.mean[channel])


@dataclass(frozen=True)
class Correction:
    """Weights of one channel in one phase, in steps.

    Attributes:
        of_means: w, int32 (count,), or (count + FEATURES,) with features.
        of_scales: v, int32 (0,), or (FEATURES,) with features.
        of_components: c, d, a, b, e, int32 (OWN, COMPONENTS).
    """

    of_means: Integers
    of_scales: Integers
    of_components: Integers

    @classmethod
    def none(cls, count: int) -> Correction:
        """All weights zero, for `count` differences and without features."""
        return cls(np.zeros(count, np.int32), np.zeros(0, np.int32), np.zeros((OWN, COMPONENTS), np.int32))

    @classmethod
    def of_array(cls, weights: Integers, count: int) -> Correction:
        """Inverse of `array`, for `count` differences."""
        features = (len(weights) - count - OWN * COMPONENTS) // 2
        of_means, of_scales, of_components = np.split(weights, (count + features, count + 2 * features))
        return cls(of_means, of_scales, of_components.reshape(OWN, COMPONENTS))

    @property
    def array(self) -> Integers:
        """All weights: w, v, c, d, a, b, e."""
        return np.concatenate([self.of_means, self.of_scales, self.of_components.ravel()])

    def apply(self, mixture: LogisticMixture, conditions: Conditions) -> LogisticMixture:
        """The corrected mixtures; `mixture` has (COMPONENTS, n) parameters.

        The sums over f and over h are of integers and stay below 2^24, exact in every order; the rest is elementwise.
        """
        parts = (self.of_means, self.of_scales, self.of_components)
        w, v, own = (torch.from_numpy(part).to(conditions.mean) for part in parts)
        c, d, a, b, e = (own * STEP)[..., None]
        count = len(conditions.differences)
        shift, widening = w[:count] @ conditions.differences, w.new_zeros(())
        if len(v):
            shift, widening = shift + w[count:] @ conditions.features, v @ conditions.features
        means = mixture.means + ((mixture.means - conditions.mean) * c + (shift * FINE_STEP + d))
        log_scales = mixture.log_scales + (mixture.log_scales * a + (widening * FINE_STEP + b))
        return LogisticMixture(mixture.logits + e, means, log_scales.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE))


def steps_of(count: int, features: int) -> npt.NDArray[np.float64]:
    """The step of each weight in a correction's array."""
    return np.repeat([FINE_STEP, STEP], [count + 2 * features, OWN * COMPONENTS])


def push_correction(stack: Stack, correction: Correction | None) -> None:
    """Push the weights and, last, two flags: whether there are any, and any of features."""
    featured = correction is not None and len(correction.of_scales) > 0
    if correction is not None:
        count = len(correction.of_means) - len(correction.of_scales)
        stack.push_residuals(correction.array, _scale_indices(count, featured))
    stack.push_uniform([correction is not None, featured], 1)


def pop_correction(stack: Stack, count: int) -> Correction | None:
    """Inverse of `push_correction`, for `count` differences. Raises CorruptError for weights that no encoder writes."""
    present, featured = stack.pop_uniform(2, 1)
    if not present:
        return None
    weights = stack.pop_residuals(_scale_indices(count, bool(featured)))
    if np.abs(weights).max() > LIMIT:  # sums would depend on their order, and so on the machine
        raise CorruptError("a correction has weights that are out of range")
    return Correction.of_array(weights, count)


def _scale_indices(count: int, featured: bool) -> Integers:
    """Of the density of each weight: of f, of h, of components."""
    indices = (SCALE_INDEX, FEATURE_SCALE_INDEX, SCALE_INDEX)
    return np.repeat(indices, (count, 2 * FEATURES if featured else 0, OWN * COMPONENTS)).astype(np.int32)
