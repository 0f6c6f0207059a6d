"""The gate: says before a picture is coded whether it is a photo."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import safetensors
import safetensors.numpy

from ..arrays import Pixels
from ..errors import ModelError
from .assessment import LIMIT, Assessment, Calibration
from .judge import Judge
from .statistics import statistics
from .typicality import Values

FORMAT = "svcodec-gate-2"
BROKEN = (LookupError, TypeError, ValueError, AttributeError, RecursionError)  # what files of another kind raise


class Gate:
    """What scores pictures, with the threshold of the scores.

    Attributes:
        judge: what scores.
        hash: SHA-256 of the judge's arrays, in hexadecimal; a calibration belongs to it.
        calibration: the threshold, and what it rests on.
    """

    def __init__(self, judge: Judge, calibration: Calibration):
        """Raises ModelError for a calibration of another gate."""
        self.hash = hash_of(judge)
        if calibration.gate != self.hash:
            raise ModelError("the calibration was made with another gate: make a new one by `svcodec gate calibrate`")
        self.judge, self.calibration = judge, calibration

    def calibrated(self, calibration: Calibration) -> Gate:
        """The same gate with another threshold. Raises ModelError if it is another gate's."""
        return Gate(self.judge, calibration)

    def assess(self, pixels: Pixels) -> Assessment:
        """Score the pixels of a picture, uint8 (h, w, 3) or (h, w)."""
        with np.errstate(all="ignore"):
            score = score_of(self.judge, statistics(pixels))
        return Assessment(score, self.calibration.threshold, self.calibration.false_alarms)

    def to_bytes(self) -> bytes:
        """The content of the gate's file."""
        metadata = {"format": FORMAT, "calibration": self.calibration.to_json()}
        return safetensors.numpy.save(self.judge.to_arrays(), metadata)

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> Gate:
        """The gate in a file of that name. Raises ModelError if it can't be read."""
        try:
            arrays, metadata = safetensors.numpy.load(content), metadata_of(content)
            if metadata["format"] != FORMAT:
                raise ModelError(f"gate {name}: its format is {metadata['format']}, this release reads {FORMAT}")
            return cls(Judge.from_arrays(arrays), Calibration.from_json(metadata["calibration"]))
        except (*BROKEN, safetensors.SafetensorError) as error:
            raise ModelError(f"gate {name} can't be loaded: {error}") from error


def score_of(judge: Judge, values: Values) -> float:
    """A picture's score, a multiple of 1/1000, of what `statistics` found."""
    return round(min(max(judge.score(values), -LIMIT), LIMIT), 3)


def hash_of(judge: Judge) -> str:
    """SHA-256 of its arrays as they are stored, in hexadecimal."""
    return hashlib.sha256(safetensors.numpy.save(judge.to_arrays())).hexdigest()


def metadata_of(content: bytes) -> dict[str, str]:
    """Of a safetensors file."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return dict(header.get("__metadata__", {}))
