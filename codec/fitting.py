"""The encoder's search for corrections: Newton's method on the bits that a picture's samples take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..models.likelihoods import FEATURES, LogisticMixture
from .corrections import LIMIT, Conditions, Correction, steps_of

DAMPINGS = (1.0, 0.5, 0.25)
RIDGE = 1e-4  # relative to the curvature, to which it is added
WEIGHT_BITS = 7  # about what a weight takes in the file
OPTIMISM = 1.0 / math.log(2.0)  # bits less, for each weight, at samples that it was fitted to than at others (Akaike)
CLEAR = 4.0  # a correction that saves so much more than its weights take needs no look at one without features
GAIN, MOST_STEPS = 1 / 512, 8  # more steps follow one that saved more than this share of the bits
LEAST_MASS = 2.0**-18  # what the frequencies' floor leaves of a sample's likelihood

Window = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Search:
    """How thoroughly to look for a correction.

    Attributes:
        samples: that are looked at, at most.
        curvatures: for each step of Newton's method, of how many samples the curvature is taken; 0 keeps the last one.
        features: whether corrections may have weights of features.
    """

    samples: int
    curvatures: tuple[int, ...]
    features: bool


def fit(observations: Observations, count: int, search: Search) -> Correction | None:
    """The correction with which `count` samples take least, its own bits included; None if that is none at all.

    Args:
        observations: some of these samples, in no order.
    """
    none = observations.mass(Correction.none(len(observations.conditions.differences)))
    best, least = None, none.bits
    weight_bits = OPTIMISM + WEIGHT_BITS * len(observations.samples) / max(1, count)  # in proportion to the sample
    for features in (FEATURES, 0) if search.features else (0,):
        found, mass = observations.fitted(features, search.curvatures, none)
        bits = mass.bits + weight_bits * len(found.array)
        if bits < least:
            best, least = found, bits
        if none.bits - bits > CLEAR * weight_bits * len(found.array):
            break
    return best


@dataclass(frozen=True)
class Observations:
    """Samples, and what is known where they are to be coded.

    Attributes:
        mixture: (COMPONENTS, n) parameters.
        conditions: of the corrections.
        samples: (n,), integers.
        window: first and last possible samples, (n,) each.
    """

    mixture: LogisticMixture
    conditions: Conditions
    samples: Tensor
    window: Window | None

    def head(self, count: int) -> Observations:
        """The first of these."""
        window = None if self.window is None else (self.window[0][:count], self.window[1][:count])
        mixture = self.mixture.at(slice(0, count))
        return Observations(mixture, self.conditions.head(count), self.samples[:count], window)

    def mass(self, correction: Correction) -> Mass:
        """Of the samples, each renormalised to its window."""
        mixture = correction.apply(self.mixture, self.conditions)
        mass = Mass.of(mixture, self.samples, self.samples)
        return mass if self.window is None else mass.within(Mass.of(mixture, *self.window))

    def fitted(self, features: int, curvatures: Sequence[int], none: Mass) -> tuple[Correction, Mass]:
        """The correction that Newton's method finds, the curvature taken from slopes (Berndt, Hall, Hall and Hausman).

        Args:
            features: how many weights of features it has for means, and for scales.
            curvatures: of as many samples, step by step; 0 keeps the curvature of the step before. Where the last step
                saved much, more of them follow.
            none: the mass without a correction.

        Returns:
            The correction and the mass with it.
        """
        count = len(self.conditions.differences)
        zeros = np.zeros(features, np.int32)
        start = Correction.none(count)
        correction, mass = Correction(np.append(start.of_means, zeros), zeros, start.of_components), none
        curvature = torch.zeros((), dtype=torch.float64, device="cpu")
        before = math.inf
        for i in range(MOST_STEPS):
            bits = -mass.log.sum().item()
            if i >= len(curvatures) and before - bits <= GAIN * bits:
                break
            before = bits
            if samples := curvatures[i] if i < len(curvatures) else max(curvatures):
                some = self.head(samples)
                slopes = some._slopes(mass.head(samples), features)
                curvature = (slopes @ slopes.T).double() * (len(self.samples) / max(1, len(some.samples)))
            step = newton_step(curvature, self._slope(mass, features)) / steps_of(count, features)
            for damping in DAMPINGS:
                weights = np.clip(np.rint(correction.array + damping * step), -LIMIT, LIMIT).astype(np.int32)
                tried = Correction.of_array(weights, count)
                new = self.mass(tried)
                if new.log.sum() > mass.log.sum():
                    correction, mass = tried, new
                    break
        return correction, mass

    def _slopes(self, mass: Mass, features: int) -> Tensor:
        """Of each sample's ln p by each weight, (weights, n)."""
        shared, own = self._parts(mass, features)
        return torch.cat([values * by for values, by in shared] + own)

    def _slope(self, mass: Mass, features: int) -> Tensor:
        """Of all samples' ln p by each weight, (weights,): the sum of `_slopes`."""
        shared, own = self._parts(mass, features)
        return torch.cat([values @ by for values, by in shared] + [each.sum(1) for each in own])

    def _parts(self, mass: Mass, features: int) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        """`_slopes`: of weights that components share, as values and what to multiply them by, and of their own."""
        mixture, features_ = self.mixture, self.conditions.features[:features]
        by_mean, by_scale = mass.by_mean.sum(0), mass.by_scale.sum(0)
        shared = [(self.conditions.differences, by_mean), (features_, by_mean), (features_, by_scale)]
        to_mean = mixture.means - self.conditions.mean
        own = [mass.by_mean * to_mean, mass.by_mean, mass.by_scale * mixture.log_scales, mass.by_scale, mass.by_logit]
        return shared, own


@dataclass(frozen=True)
class Mass:
    """ln of a mixture's mass, (n,), and its slopes by components' means, log2 scales and logits, (COMPONENTS, n)."""

    log: Tensor
    by_mean: Tensor
    by_scale: Tensor
    by_logit: Tensor

    @property
    def bits(self) -> float:
        """-log2 of the mass of all samples."""
        return -self.log.sum().item() / math.log(2.0)

    @classmethod
    def of(cls, mixture: LogisticMixture, first: Tensor, last: Tensor) -> Mass:
        """Of the samples first .. last, (n,) each; 0 and 255 take the tails."""
        inverse = torch.exp2(-mixture.log_scales)
        low = (torch.where(first <= 0, -1e4, first - 0.5) - mixture.means) * inverse
        high = (torch.where(last >= 255, 1e4, last + 0.5) - mixture.means) * inverse
        below, above = torch.sigmoid(low), torch.sigmoid(high)
        shares = torch.softmax(mixture.logits, 0)
        masses = shares * (above - below)
        mass = masses.sum(0) + LEAST_MASS * (last - first + 1)
        below, above = below * (1.0 - below), above * (1.0 - above)  # densities now
        relative = shares / mass
        by_scale = relative * (low * below - high * above) * math.log(2.0)
        return cls(mass.log(), relative * inverse * (below - above), by_scale, masses / mass - shares)

    def head(self, count: int) -> Mass:
        """Of the first samples."""
        return Mass(self.log[:count], self.by_mean[:, :count], self.by_scale[:, :count], self.by_logit[:, :count])

    def within(self, whole: Mass) -> Mass:
        """The same for the mass renormalised to a window of mass `whole`."""
        return Mass(
            self.log - whole.log,
            self.by_mean - whole.by_mean,
            self.by_scale - whole.by_scale,
            self.by_logit - whole.by_logit,
        )


def newton_step(curvature: Tensor, slope: Tensor) -> npt.NDArray[np.float64]:
    """The step of the weights to more mass, float64 (weights,), from its curvature and slope by the weights."""
    diagonal = curvature.diagonal()
    curvature = curvature + torch.diag(RIDGE * (diagonal + 0.1 * diagonal.mean()) + 1e-9)
    return torch.linalg.solve(curvature, slope.double()).cpu().numpy()
