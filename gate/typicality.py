"""How typical of photos what was measured of a picture is: the density of its statistics among those of photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

ADDED_VARIANCE = 0.02  # in squared deviations, as some values all but follow from others

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Typicality:
    """A Gaussian over the statistics of photos, as `Scale` gives them.

    Grey pictures, of which some statistics are NaN, are judged by the others: a part of a Gaussian is one too.

    Attributes:
        mean: (d,).
        covariance: (d, d).
    """

    mean: Values
    covariance: Values

    @classmethod
    def fit(cls, values: Values) -> Typicality:
        """Of n photos' values, (n, d), of which at least two are coloured."""
        known = np.ma.masked_invalid(values)
        # of pairs of values that are both known: what comes of it need not be a covariance until made one
        found = np.ma.cov(known, rowvar=False)  # type: ignore[no-untyped-call]
        variances, directions = np.linalg.eigh(found.filled(0.0))
        covariance = directions * (np.maximum(variances, 0.0) + ADDED_VARIANCE) @ directions.T
        return cls(known.mean(0).filled(0.0), covariance)

    def score(self, values: Values) -> float:
        """The log density of a picture's values, (d,), in nats per dimension, less that of the mean."""
        known = ~np.isnan(values)
        whitening = self._whitening if known.all() else self._whitening_of(known)
        return -float(np.square(whitening @ (values - self.mean)[known]).sum()) / (2 * len(whitening))

    @cached_property
    def _whitening(self) -> Values:
        return self._whitening_of(np.ones(len(self.mean), bool))

    def _whitening_of(self, known: npt.NDArray[np.bool_]) -> Values:
        """What brings some of the values to covariance 1."""
        return np.linalg.inv(np.linalg.cholesky(self.covariance[np.ix_(known, known)]))
