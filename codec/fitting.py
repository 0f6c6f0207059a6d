"""The encoder's search for corrections: Newton's method on the bits that a picture's levels take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..models.likelihoods import FEATURES, LogisticMixture
from .adaptation import FINE_STEP, LIMIT, OWN, STEP, Conditions, Correction, Integers

SAMPLE = 1 << 15  # levels that weights are fitted to, at most
ROUNDS = 3
DAMPINGS = (1.0, 0.5, 0.25)
RIDGE = 1e-4  # relative to the curvature, to which it is added
WEIGHT_BITS = 7  # about what a weight takes in the file
OPTIMISM = 1.0 / math.log(2.0)  # bits less, for each weight, at levels that it was fitted to than at others (Akaike)
LEAST_MASS = 2.0**-18  # what the frequencies' floor leaves of a likelihood

Window = tuple[Tensor, Tensor]


def fit(mixture: LogisticMixture, conditions: Conditions, levels: Tensor, window: Window | None) -> Correction | None:
    """The correction with which given levels take least, its own bits included; None if that is none at all.

    Args:
        mixture: (components, n) parameters.
        levels: (n,), integers.
        window: first and last possible levels, (n,) each.
    """
    stride = max(1, -(-len(levels) // SAMPLE))
    sample = Observations(mixture, conditions, levels, window).one_of_every(stride)
    correction = Correction(np.zeros(len(conditions.differences) + OWN, np.int32), np.zeros(OWN, np.int32))
    best, least = None, stride * sample.bits(correction)
    for features in (0, FEATURES):
        grown = Correction(_with(correction.of_means, features), _with(correction.of_scales, features))
        correction = sample.improve(grown)
        weights = len(correction.of_means) + len(correction.of_scales)
        if (bits := stride * (sample.bits(correction) + OPTIMISM * weights) + WEIGHT_BITS * weights) < least:
            best, least = correction, bits
    return best


def _with(weights: Integers, features: int) -> Integers:
    """The weights with zeros for so many features put in."""
    return np.insert(weights, len(weights) - OWN, np.zeros(features, np.int32))


@dataclass(frozen=True)
class Observations:
    """Levels, and what is known where they are to be coded: what `fit` takes."""

    mixture: LogisticMixture
    conditions: Conditions
    levels: Tensor
    window: Window | None

    def one_of_every(self, stride: int) -> Observations:
        """One of every `stride` of these, by chance: rows may have a period."""
        first = torch.arange(0, len(self.levels) - stride + 1, stride)
        part = first + torch.randint(stride, first.shape, generator=torch.Generator().manual_seed(0))
        part = part.to(self.levels.device)
        window = None if self.window is None else (self.window[0][part], self.window[1][part])
        return Observations(self.mixture.at(part), self.conditions.at(part), self.levels[part], window)

    def bits(self, correction: Correction) -> float:
        """-log2 p of all levels."""
        return self._surprise(correction)[0].sum().item() / math.log(2.0)

    def improve(self, correction: Correction) -> Correction:
        """A few steps of Newton's method, the curvature taken from the slopes (Berndt, Hall, Hall and Hausman)."""
        shares = torch.softmax(self.mixture.logits, 0)
        mean, log_scale = (shares * self.mixture.means).sum(0), (shares * self.mixture.log_scales).sum(0)
        one = torch.ones_like(mean)
        split = len(correction.of_means)
        features = self.conditions.features[: len(correction.of_scales) - OWN]
        by_means = torch.cat([self.conditions.differences, features, torch.stack([mean - self.conditions.mean, one])])
        by_scales = torch.cat([features, torch.stack([log_scale, one])])
        weights = np.concatenate([correction.of_means, correction.of_scales])
        steps = np.full(len(weights), FINE_STEP)
        steps[split - OWN : split] = steps[-OWN:] = STEP

        surprise, by_mean, by_scale = self._surprise(correction)
        for _ in range(ROUNDS):
            slopes = torch.cat([by_means * by_mean, by_scales * by_scale])
            newton = newton_step(slopes) / steps
            for damping in DAMPINGS:
                tried = np.clip(np.rint(weights + damping * newton), -LIMIT, LIMIT).astype(np.int32)
                outcome = self._surprise(Correction(tried[:split], tried[split:]))
                if outcome[0].sum() < surprise.sum():
                    weights, (surprise, by_mean, by_scale) = tried, outcome
                    break
            else:
                break
        return Correction(weights[:split], weights[split:])

    def _surprise(self, correction: Correction) -> tuple[Tensor, Tensor, Tensor]:
        """-ln p of each level (n,), and its slopes by the mixture's means and log2 scales."""
        mixture = correction.apply(self.mixture, self.conditions)
        log_mass, by_mean, by_scale = log_mass_and_slopes(mixture, self.levels, self.levels)
        if self.window is None:
            return -log_mass, -by_mean, -by_scale
        log_whole, whole_by_mean, whole_by_scale = log_mass_and_slopes(mixture, *self.window)
        return log_whole - log_mass, whole_by_mean - by_mean, whole_by_scale - by_scale


def log_mass_and_slopes(mixture: LogisticMixture, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """ln of the mass of the levels first .. last, (n,), and its slopes by all means and by all log2 scales."""
    inverse = torch.exp2(-mixture.log_scales)
    low = (torch.where(first <= 0, -1e4, first - 0.5) - mixture.means) * inverse
    high = (torch.where(last >= 255, 1e4, last + 0.5) - mixture.means) * inverse
    below, above = torch.sigmoid(low), torch.sigmoid(high)
    shares = torch.softmax(mixture.logits, 0)
    mass = (shares * (above - below)).sum(0) + LEAST_MASS
    below, above = below * (1.0 - below), above * (1.0 - above)  # densities now
    by_mean = (shares * inverse * (below - above)).sum(0)
    by_scale = (shares * (low * below - high * above)).sum(0) * math.log(2.0)
    return mass.log(), by_mean / mass, by_scale / mass


def newton_step(slopes: Tensor) -> npt.NDArray[np.float64]:
    """The step of the weights, from each term's slope by each weight, (weights, n)."""
    curvature = (slopes @ slopes.T).double()
    diagonal = curvature.diagonal()
    curvature = curvature + torch.diag(RIDGE * (diagonal + 0.1 * diagonal.mean()) + 1e-9)
    return torch.linalg.solve(curvature, -slopes.sum(1).double()).cpu().numpy()
