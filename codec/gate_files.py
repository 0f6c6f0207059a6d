"""The gate that lies beside a model's weights."""

from __future__ import annotations

import os
from functools import lru_cache

from ..errors import ModelError
from ..gate.gate import CodingModel, Gate
from .model import Model
from .model_files import DEFAULT_MODEL, weights_file

PART = "-gate"  # of the file's name


def load_gate(name: str | os.PathLike[str] | None, model: Model) -> Gate:
    """The gate beside the weights of `model`, which `load_model(name)` returned. The last ones are kept.

    Raises:
        ModelError: there is none, it can't be read, or it was made for other weights.
    """
    file = weights_file(name or DEFAULT_MODEL, PART)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"model {model.name} has no gate: there is no {file.name} beside its weights") from error
    return _gate(content, file.name, model)


def coding_model(model: Model) -> CodingModel:
    """What a gate needs of a model."""
    return CodingModel(model.name, model.hash, model.network.ladder, model.device)


@lru_cache(maxsize=4)
def _gate(content: bytes, name: str, model: Model) -> Gate:
    return Gate.from_bytes(content, name, coding_model(model))
