"""How unlike pictures that are no photos what was measured of a picture is: a small network learned to tell them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .typicality import Values


@dataclass(frozen=True, eq=False)
class Suspicion:
    """A network of one hidden layer over statistics as `Scale` gives them; those that a picture lacks count as 0.

    Attributes:
        weights: (hidden, d + 1), of the statistics and of whether the picture is grey.
        biases: (hidden,), before the rectifiers.
        output: (hidden + 1,), the output's weights, its bias last.
    """

    weights: Values
    biases: Values
    output: Values

    def score(self, values: Values) -> float:
        """The log odds that a picture of these values, (d,), is a photo, in nats."""
        hidden = np.maximum(self.weights @ inputs(values) + self.biases, 0.0)
        return float(self.output[:-1] @ hidden + self.output[-1])


def inputs(values: Values) -> Values:
    """What the network sees of values, (..., d): (..., d + 1)."""
    missing = np.isnan(values)
    return np.concatenate([np.where(missing, 0.0, values), missing.any(-1, keepdims=True)], -1)
