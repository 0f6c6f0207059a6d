"""What the gate says of a picture, and how its threshold was found; needs no torch."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, ModelError

QUANTILES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
LIMIT = 1_000_000.0  # scores are clamped to +-LIMIT, so that their thousandths fit 32 bits


@dataclass(frozen=True)
class Assessment:
    """Whether a picture is a photo.

    Attributes:
        score: 1 for a photo in the middle, about 0 for one of the strangest in a hundred; a multiple of 1/1000.
        threshold: the least score that is accepted, likewise.
        false_alarms: share of photos that the threshold was set to flag, 0..1.
    """

    score: float
    threshold: float
    false_alarms: float

    @property
    def accepted(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= self.threshold

    def __str__(self) -> str:
        verdict = "looks like a photo" if self.accepted else "does not look like a photo"
        return f"{verdict} (score {self.score:.3f}, threshold {self.threshold:.3f})"

    def as_dict(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "accepted": self.accepted}


@dataclass(frozen=True)
class Calibration:
    """The threshold of a gate, and the photos behind it.

    Attributes:
        gate: SHA-256 of the gate's arrays, in hexadecimal.
        threshold: the least score that is accepted.
        false_alarms: share of the photos that score less, 0..1.
        photos: what they are.
        pictures: how many scores there were.
        curve: (share, score) pairs: quantiles of the scores.
    """

    gate: str
    threshold: float
    false_alarms: float
    photos: str
    pictures: int
    curve: tuple[tuple[float, float], ...]

    @classmethod
    def of_scores(cls, gate: str, scores: Sequence[float], false_alarms: float, photos: str) -> Calibration:
        """The threshold below which a share `false_alarms` of the scores lies.

        Raises:
            InputError: the share is not between 0 and 1, or less than one score would lie below.
        """
        if not 0 < false_alarms < 1:
            raise InputError(f"a false-alarm rate of {false_alarms} is not between 0 and 1")
        if len(scores) * false_alarms < 1:
            needed = math.ceil(1 / false_alarms)
            raise InputError(f"{len(scores)} pictures can't tell a false-alarm rate of {false_alarms}: {needed} can")
        curve = [(share, round(float(np.quantile(scores, share)), 3)) for share in QUANTILES]
        threshold = round(float(np.quantile(scores, false_alarms)), 3)
        return cls(gate, threshold, false_alarms, photos, len(scores), tuple(curve))

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "the calibration") -> Calibration:
        """Raises ModelError, which gives the name, for other text."""
        try:
            fields = json.loads(text)
            fields["curve"] = tuple((float(share), float(score)) for share, score in fields["curve"])
            for number in ("threshold", "false_alarms"):
                fields[number] = float(fields[number])
            if not abs(fields["threshold"]) <= LIMIT:
                raise ValueError(f"a threshold of {fields['threshold']}")
            return cls(**fields)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise ModelError(f"{name} can't be read: {error}") from error

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"
