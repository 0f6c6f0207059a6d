"""Mixtures of logistics, and samples as symbols under them ("Mixtures" and "Samples")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .stack import Floats, Integers, Stack
from .weights import Model

LEAST = np.float32(16)  # frequency of a symbol
WINDOW = 16


@dataclass(frozen=True)
class Mixture:
    """Parameters at n sub-pixels: logits, means and log2 scales, (4, n) each."""

    logits: Floats
    means: Floats
    log_scales: Floats

    def at(self, where: Integers) -> Mixture:
        """At some of them."""
        return Mixture(self.logits[:, where], self.means[:, where], self.log_scales[:, where])


@dataclass(frozen=True)
class Masses:
    """The mass M below edges, of n mixtures.

    Attributes:
        sigmoid: L.
        weights: w, integers (4, n).
        slopes: (4, n).
        means: (4, n).
    """

    sigmoid: Integers
    weights: Integers
    slopes: Floats
    means: Floats

    @classmethod
    def of(cls, model: Model, mixture: Mixture) -> Masses:
        """Those of mixtures."""
        half = np.float32(0.5)
        decay = np.floor((mixture.logits.max(0) - mixture.logits) * np.float32(32) + half)
        weights = model["tables.mixture.weights"][np.minimum(decay, 255).astype(np.int64)]
        scales = np.floor((mixture.log_scales + np.float32(3.5)) * np.float32(8) + half).astype(np.int64)
        slopes = model.fractions("tables.mixture.inverse_scales", 8)[scales]
        return cls(model["tables.mixture.sigmoid"], weights, slopes, mixture.means)

    def at(self, where: Integers) -> Masses:
        """At some of the sub-pixels."""
        return Masses(self.sigmoid, *(part[:, where] for part in (self.weights, self.slopes, self.means)))

    @property
    def total(self) -> Integers:
        """Above all edges."""
        return 2**14 * self.weights.sum(0)

    def below(self, edge: Floats) -> Integers:
        """M at one edge for each sub-pixel, (n,); it is open below 0 and above 255."""
        place = np.clip(np.rint((edge - self.means) * self.slopes), -3072, 3072).astype(np.int64)
        mass = (self.weights * self.sigmoid[3072 + place]).sum(0)
        return np.where(edge < 0, 0, np.where(edge > 255, self.total, mass))

    def first(self) -> Floats:
        """Of the window of 16 samples, (n,)."""
        w = self.weights.astype(np.float32)
        weighted, total = w[0] * self.means[0], w[0]
        for i in range(1, 4):
            weighted, total = weighted + w[i] * self.means[i], total + w[i]
        return np.clip(np.floor(weighted / total - np.float32(7.5)), 0, 256 - WINDOW)

    def pop(self, stack: Stack, edges: list[Floats]) -> Floats:
        """Symbols that lie between these edges, (n,)."""
        return self._pop(stack, [self.below(edge) for edge in edges])

    def pop_cut(self, stack: Stack, samples: list[Floats], first: Floats, last: Floats) -> Floats:
        """Symbols that begin with these samples, the last being where they end, of which first .. last are possible."""
        low, high = first - np.float32(0.5), last + np.float32(0.5)
        return self.pop(stack, [np.maximum(np.minimum(x - np.float32(0.5), high), low) for x in samples])

    def pop_windowed(self, stack: Stack) -> Floats:
        """Samples, (n,): two symbols of four, then two of sixteen for those that these leave open."""
        first, total, half = self.first(), self.total, np.float32(0.5)
        quarters = [0 * total, *(self.below(first + np.float32(i) - half) for i in (4, 8, 12)), total]
        quarter = self._pop(stack, quarters)
        start, index = first + np.float32(4) * quarter, quarter.astype(np.int64)
        outer = [np.choose(index + i, quarters) for i in (0, 1)]
        inner = [self.below(start + np.float32(i) - half) for i in (1, 2, 3)]
        samples = start + self._pop(stack, [outer[0], *inner, outer[1]])
        below = (samples == first) & (first > 0)
        beyond = np.flatnonzero(below | ((samples == first + 15) & (samples < 255)))
        rest, below = self.at(beyond), below[beyond]
        least, most = np.where(below, 0, samples[beyond]), np.where(below, samples[beyond], 255)
        least, most = least.astype(np.float32), most.astype(np.float32)
        upper = np.float32(16) * rest.pop_cut(stack, [np.full_like(least, 16 * i) for i in range(17)], least, most)
        lower = rest.pop_cut(stack, [upper + np.float32(i) for i in range(17)], least, most)
        samples[beyond] = upper + lower
        return samples

    def _pop(self, stack: Stack, below: list[Integers]) -> Floats:
        frequencies = np.diff(np.array(below), axis=0).T.astype(np.float32) + LEAST
        return stack.pop(frequencies).astype(np.float32)
