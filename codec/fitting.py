"""The encoder's search for corrections: Newton's method on the bits that a picture's samples take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..models.likelihoods import FEATURES, LogisticMixture
from .corrections import LIMIT, Conditions, Correction, steps_of

SUBSETS = (1 << 14, 1 << 14, 1 << 15, 1 << 16)  # samples, at most, that each step of Newton's method looks at
DAMPINGS = (1.0, 0.5, 0.25)
RIDGE = 1e-4  # relative to the curvature, to which it is added
WEIGHT_BITS = 7  # about what a weight takes in the file
OPTIMISM = 1.0 / math.log(2.0)  # bits less, for each weight, at samples that it was fitted to than at others (Akaike)
LEAST_MASS = 2.0**-18  # what the frequencies' floor leaves of a likelihood

Window = tuple[Tensor, Tensor]


def fit(mixture: LogisticMixture, conditions: Conditions, samples: Tensor, window: Window | None) -> Correction | None:
    """The correction with which given samples take least, its own bits included; None if that is none at all.

    Args:
        mixture: (COMPONENTS, n) parameters.
        samples: (n,), integers.
        window: first and last possible samples, (n,) each.
    """
    strides = [max(1, -(-len(samples) // subset)) for subset in SUBSETS]
    everything = Observations(mixture, conditions, samples, window)
    subsets = {stride: everything.one_of_every(stride) for stride in strides}
    largest = subsets[strides[-1]]
    count = len(conditions.differences)
    correction = Correction.none(count)
    best, least = None, strides[-1] * largest.bits(correction)
    for features in (0, FEATURES):
        none = np.zeros(features, np.int32)
        correction = Correction(np.append(correction.of_means, none), none, correction.of_components)
        for stride in strides:
            correction = subsets[stride].improve(correction)
        weights = len(correction.array)
        bits = strides[-1] * (largest.bits(correction) + OPTIMISM * weights) + WEIGHT_BITS * weights
        if bits < least:
            best, least = correction, bits
    return best


@dataclass(frozen=True)
class Observations:
    """Samples, and what is known where they are to be coded: what `fit` takes."""

    mixture: LogisticMixture
    conditions: Conditions
    samples: Tensor
    window: Window | None

    def one_of_every(self, stride: int) -> Observations:
        """One of every `stride` of these, by chance: rows may have a period."""
        first = torch.arange(0, len(self.samples) - stride + 1, stride, dtype=torch.int64, device="cpu")
        generator = torch.Generator("cpu").manual_seed(0)
        chance = torch.randint(stride, first.shape, generator=generator, dtype=torch.int64, device="cpu")
        part = (first + chance).to(self.samples.device)
        window = None if self.window is None else (self.window[0][part], self.window[1][part])
        return Observations(self.mixture.at(part), self.conditions.at(part), self.samples[part], window)

    def bits(self, correction: Correction) -> float:
        """-log2 p of all samples."""
        return -self._mass(correction).log.sum().item() / math.log(2.0)

    def improve(self, correction: Correction) -> Correction:
        """A step of Newton's method, the curvature taken from the slopes (Berndt, Hall, Hall and Hausman)."""
        mixture, mass = self.mixture, self._mass(correction)
        features = self.conditions.features[: len(correction.of_scales)]
        by_mean, by_scale = mass.by_mean.sum(0), mass.by_scale.sum(0)
        slopes = torch.cat(
            [
                self.conditions.differences * by_mean,
                features * by_mean,
                features * by_scale,
                mass.by_mean * (mixture.means - self.conditions.mean),
                mass.by_mean,
                mass.by_scale * mixture.log_scales,
                mass.by_scale,
                mass.by_logit,
            ]
        )
        count = len(self.conditions.differences)
        step = newton_step(slopes) / steps_of(count, len(features))
        for damping in DAMPINGS:
            weights = np.clip(np.rint(correction.array + damping * step), -LIMIT, LIMIT).astype(np.int32)
            tried = Correction.of_array(weights, count)
            if self._mass(tried).log.sum() > mass.log.sum():
                return tried
        return correction

    def _mass(self, correction: Correction) -> Mass:
        mixture = correction.apply(self.mixture, self.conditions)
        mass = Mass.of(mixture, self.samples, self.samples)
        return mass if self.window is None else mass.within(Mass.of(mixture, *self.window))


@dataclass(frozen=True)
class Mass:
    """ln of a mixture's mass, (n,), and its slopes by components' means, log2 scales and logits, (COMPONENTS, n)."""

    log: Tensor
    by_mean: Tensor
    by_scale: Tensor
    by_logit: Tensor

    @classmethod
    def of(cls, mixture: LogisticMixture, first: Tensor, last: Tensor) -> Mass:
        """Of the samples first .. last, (n,) each; 0 and 255 take the tails."""
        inverse = torch.exp2(-mixture.log_scales)
        low = (torch.where(first <= 0, -1e4, first - 0.5) - mixture.means) * inverse
        high = (torch.where(last >= 255, 1e4, last + 0.5) - mixture.means) * inverse
        below, above = torch.sigmoid(low), torch.sigmoid(high)
        shares = torch.softmax(mixture.logits, 0)
        masses = shares * (above - below)
        mass = masses.sum(0) + LEAST_MASS
        below, above = below * (1.0 - below), above * (1.0 - above)  # densities now
        relative = shares / mass
        by_scale = relative * (low * below - high * above) * math.log(2.0)
        return cls(mass.log(), relative * inverse * (below - above), by_scale, masses / mass - shares)

    def within(self, whole: Mass) -> Mass:
        """The same for the mass renormalised to a window of mass `whole`."""
        return Mass(
            self.log - whole.log,
            self.by_mean - whole.by_mean,
            self.by_scale - whole.by_scale,
            self.by_logit - whole.by_logit,
        )


def newton_step(slopes: Tensor) -> npt.NDArray[np.float64]:
    """The step of the weights to more mass, from the slopes of each term by each weight, (weights, n)."""
    curvature = (slopes @ slopes.T).double()
    diagonal = curvature.diagonal()
    curvature = curvature + torch.diag(RIDGE * (diagonal + 0.1 * diagonal.mean()) + 1e-9)
    return torch.linalg.solve(curvature, slopes.sum(1).double()).cpu().numpy()
