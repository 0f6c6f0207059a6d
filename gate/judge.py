"""What scores pictures: the lesser of two scores, as what is no photo may be strange, or of a known kind."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from .statistics import NAMES
from .suspicion import Suspicion
from .typicality import Typicality, Values

FARTHEST = 8.0  # deviations that a value counts for: one strange photo moves the fit little
SCORES = ("typicality", "suspicion")


@dataclass(frozen=True, eq=False)
class Scale:
    """What brings statistics to the median 0 and, for a Gaussian, the variance 1.

    Attributes:
        centre, deviation: (d,), of photos.
    """

    centre: Values
    deviation: Values

    @classmethod
    def fit(cls, values: Values) -> Scale:
        """Of n photos' statistics, (n, d)."""
        centre = np.nanmedian(values, 0)
        # of a Gaussian 68.27% lie within one deviation
        return cls(centre, np.nanquantile(np.abs(values - centre), 0.6827, axis=0) + 1e-3)

    def apply(self, values: Values) -> Values:
        """Of statistics (..., d)."""
        return ((values - self.centre) / self.deviation).clip(-FARTHEST, FARTHEST)


@dataclass(frozen=True, eq=False)
class Judge:
    """What scores pictures by their statistics.

    Attributes:
        scale: of the statistics.
        typicality, suspicion: the two scores.
        marks: (2, 2), of each of SCORES, among photos that it was not fitted to, the hundredth part's and the median:
            they become 0 and 1.
    """

    scale: Scale
    typicality: Typicality
    suspicion: Suspicion
    marks: Values

    def score(self, values: Values) -> float:
        """Of a picture's statistics, (d,): 1 for a photo in the middle, about 0 for the strangest of a hundred."""
        return float(self.marked(self.raw(values)))

    def marked(self, raw: Values) -> Values:
        """Scores (...) of raw ones (..., 2): the lesser, once the marks have become 0 and 1."""
        low, middle = self.marks.T
        return np.asarray(((raw - low) / (middle - low)).min(-1))

    def raw(self, values: Values) -> Values:
        """Each of SCORES, (2,)."""
        scaled = self.scale.apply(values)
        return np.array([self.typicality.score(scaled), self.suspicion.score(scaled)])

    def to_arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """By name, as a gate's file stores them."""
        arrays = {
            f"{part}.{field.name}": getattr(getattr(self, part), field.name)
            for part in ("scale", *SCORES)
            for field in fields(getattr(self, part))
        }
        return {name: array.astype(np.float32) for name, array in (arrays | {"marks": self.marks}).items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.float32]]) -> Judge:
        """Inverse of `to_arrays`. Raises LookupError, TypeError or ValueError for other arrays."""

        def part(prefix: str) -> dict[str, Values]:
            names = [name for name in arrays if name.startswith(f"{prefix}.")]
            return {name.removeprefix(f"{prefix}."): arrays[name].astype(np.float64) for name in names}

        judge = cls(
            Scale(**part("scale")),
            Typicality(**part("typicality")),
            Suspicion(**part("suspicion")),
            arrays["marks"].astype(np.float64),
        )
        if judge.marks.shape != (len(SCORES), 2) or not (judge.marks[:, 0] < judge.marks[:, 1]).all():
            raise ValueError("its marks are not two for each score, the second one larger")
        if not all(np.isfinite(values).all() for values in (judge.marks, judge.raw(np.zeros(len(NAMES))))):
            raise ValueError("its scores are no numbers")
        return judge
