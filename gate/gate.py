"""The gate: says before a picture is coded whether it is a photo like those that the model was trained on."""

from __future__ import annotations

import hashlib
from typing import Protocol

import safetensors.torch
import torch
from torch import Tensor

from ..arrays import Pixels
from ..errors import ModelError
from ..models import storage
from ..models.arithmetic import exact_arithmetic
from ..models.selfvae import Ladder
from ..models.transforms import to_samples
from .assessment import LIMIT, Assessment, Calibration
from .feature_likelihood import FeatureLikelihood
from .statistics import tiles
from .typicality import Typicality, measure

FORMAT = "svcodec-gate-1"
JUDGED = 3  # a picture's score is the mean of so many of its tiles, the best: photos may have strange parts


class CodingModel(Protocol):
    """What a gate needs of the model that it was made for.

    Attributes:
        name: as it stands in streams.
        hash: the first 8 bytes of the SHA-256 of its file.
        device: where the ladder runs.
        ladder: on its grids, in evaluation mode.
    """

    name: str
    hash: bytes
    device: torch.device

    @property
    def ladder(self) -> Ladder: ...


class Gate:
    """Networks and mixtures that score pictures, with the threshold of their scores.

    Attributes:
        typicality: what scores.
        model: whose ladder measures the pictures.
        hash: SHA-256 of the typicality's arrays, in hexadecimal; a calibration belongs to it.
        calibration: the threshold, and what it rests on.
    """

    def __init__(self, typicality: Typicality, model: CodingModel, calibration: Calibration):
        """Raises ModelError for a calibration of another gate."""
        self.hash = hash_of(typicality)
        if calibration.gate != self.hash:
            raise ModelError("the calibration was made with another gate: make a new one by `svcodec gate calibrate`")
        self.typicality, self.model, self.calibration = typicality, model, calibration

    def calibrated(self, calibration: Calibration) -> Gate:
        """The same gate with another threshold. Raises ModelError if it is another gate's."""
        return Gate(self.typicality, self.model, calibration)

    def assess(self, pixels: Pixels) -> Assessment:
        """Score the pixels of a picture, uint8 (h, w, 3) or (h, w)."""
        return self.judge(self.measure(pixels))

    def measure(self, pixels: Pixels) -> Tensor:
        """What is judged of a picture, uint8 (h, w, 3) or (h, w): float64 (tiles, d)."""
        return measure_picture(self.typicality.of_features, self.model, pixels)

    def judge(self, values: Tensor) -> Assessment:
        """Score what `measure` found."""
        score, of_tiles = scores(self.typicality, values)
        return Assessment(
            score=score,
            threshold=self.calibration.threshold,
            false_alarms=self.calibration.false_alarms,
            model=self.model.name,
            tiles=of_tiles,
        )

    def to_bytes(self) -> bytes:
        """The content of the gate's file."""
        metadata = {"format": FORMAT, "model": self.model.hash.hex(), "calibration": self.calibration.to_json()}
        return storage.to_bytes(self.typicality.to_tensors(), metadata)

    @classmethod
    def from_bytes(cls, content: bytes, name: str, model: CodingModel) -> Gate:
        """The gate in a file.

        Args:
            content: of the file.
            name: of the file, for errors.
            model: that it is to be the gate of.

        Raises:
            ModelError: it can't be read, or was made for other weights.
        """
        try:
            tensors, metadata = storage.from_bytes(content)
            if metadata["format"] != FORMAT:
                raise ModelError(f"gate {name}: its format is {metadata['format']}, this release reads {FORMAT}")
            if metadata["model"] != model.hash.hex():
                raise ModelError(
                    f"the gate {name} was made for weights {metadata['model']}, those of model {model.name} are "
                    f"{model.hash.hex()}: train it again"
                )
            typicality = Typicality.from_tensors(tensors)
            calibration = Calibration.from_json(metadata["calibration"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"gate {name} can't be loaded: {error}") from error
        return cls(typicality, model, calibration)


def measure_picture(of_features: FeatureLikelihood, model: CodingModel, pixels: Pixels) -> Tensor:
    """What is judged of the tiles of pixels, uint8 (h, w, 3) or (h, w): float64 (tiles, d)."""
    with exact_arithmetic(model.device.type):
        image = torch.cat([to_samples(tile, model.device) for tile in tiles(pixels)])
        return measure(of_features, model.ladder, image)


def scores(typicality: Typicality, values: Tensor) -> tuple[float, tuple[float, ...]]:
    """A picture's score and its tiles', multiples of 1/1000, of what `measure_picture` found."""
    of_tiles = [round(min(max(score, -LIMIT), LIMIT), 3) for score in typicality.score(values).tolist()]
    return round(sum(sorted(of_tiles)[-JUDGED:]) / JUDGED, 3), tuple(of_tiles)


def hash_of(typicality: Typicality) -> str:
    """SHA-256 of its arrays as they are stored, in hexadecimal."""
    return hashlib.sha256(safetensors.torch.save(typicality.to_tensors())).hexdigest()
