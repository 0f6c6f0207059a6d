"""The gate: says before a picture is coded whether it is a photo like those that the model was trained on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ..arrays import Pixels
from ..codec.model import Model
from ..codec.model_files import DEFAULT_MODEL, weights_file
from ..errors import ModelError
from ..files import write_whole
from ..models import storage
from ..models.exact import exact_arithmetic
from ..models.transforms import to_levels
from .assessment import LIMIT, Assessment, Calibration
from .feature_likelihood import FeatureLikelihood
from .statistics import tiles
from .typicality import Typicality, measure

FORMAT = "svcodec-gate-1"
JUDGED = 3  # a picture's score is the mean of so many of its tiles, the best: photos may have strange parts
PART = "-gate"  # a model's gate lies beside its weights, under this name


class Gate:
    """Networks and mixtures that score pictures, with the threshold of their scores.

    Attributes:
        typicality: what scores.
        hash: SHA-256 of its arrays, in hexadecimal; a calibration belongs to it.
        calibration: the threshold, and what it rests on.
    """

    def __init__(self, typicality: Typicality, hash_: str, calibration: Calibration):
        """Raises ModelError for a calibration of another gate."""
        if calibration.gate != hash_:
            raise ModelError("the calibration was made with another gate: make a new one by `svcodec gate calibrate`")
        self.typicality, self.hash, self.calibration = typicality, hash_, calibration

    def calibrated(self, calibration: Calibration) -> Gate:
        """The same gate with another threshold. Raises ModelError if it is another gate's."""
        return Gate(self.typicality, self.hash, calibration)

    def assess(self, model: Model, pixels: Pixels) -> Assessment:
        """Score the pixels of a picture, uint8 (h, w, 3) or (h, w), with the model that the gate was made for."""
        return self.judge(model, measure_picture(self.typicality.of_features, model, pixels))

    def judge(self, model: Model, values: Tensor) -> Assessment:
        """Score what `measure_picture` found."""
        tiles = [round(min(max(score, -LIMIT), LIMIT), 3) for score in self.typicality.score(values).tolist()]
        return Assessment(
            score=round(sum(sorted(tiles)[-JUDGED:]) / JUDGED, 3),
            threshold=self.calibration.threshold,
            false_alarms=self.calibration.false_alarms,
            model=model.name,
            tiles=tuple(tiles),
        )


def measure_picture(of_features: FeatureLikelihood, model: Model, pixels: Pixels) -> Tensor:
    """What is judged of the tiles of pixels, uint8 (h, w, 3) or (h, w): float64 (tiles, d)."""
    image = torch.cat([to_levels(tile, model.device) for tile in tiles(pixels)])
    with exact_arithmetic():
        return measure(of_features, model.network.ladder, image)


def save_gate(typicality: Typicality, model: Model, calibration: Calibration, path: Path) -> None:
    """Write a gate for the weights of `model`."""
    metadata = {"format": FORMAT, "model": model.hash.hex(), "calibration": calibration.to_json()}
    write_whole(path, storage.to_bytes(typicality.to_tensors(), metadata))


def hash_of(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of a gate's arrays, in hexadecimal."""
    return hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()


@lru_cache(maxsize=4)
def load_gate(name: str | Path | None, model: Model) -> Gate:
    """The gate beside the weights of `model`, which `load_model(name)` returned.

    Raises:
        ModelError: there is none, it can't be read, or it was made for other weights.
    """
    file = weights_file(name or DEFAULT_MODEL, PART)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"model {model.name} has no gate: there is no {file.name} beside its weights") from error
    try:
        tensors, metadata = storage.from_bytes(content)
        if metadata["format"] != FORMAT:
            raise ModelError(f"gate {file.name}: its format is {metadata['format']}, this release reads {FORMAT}")
        if metadata["model"] != model.hash.hex():
            raise ModelError(
                f"the gate {file.name} was made for weights {metadata['model']}, those of model {model.name} are "
                f"{model.hash.hex()}: train it again"
            )
        typicality = Typicality.from_tensors(tensors)
        calibration = Calibration.from_json(metadata["calibration"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"gate {file.name} can't be loaded: {error}") from error
    return Gate(typicality, hash_of(tensors), calibration)
