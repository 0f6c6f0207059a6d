"""The gate that lies beside a model's weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ..errors import ModelError
from ..gate.gate import Gate
from .model import Model
from .model_files import weights_file

PART = "-gate"  # of the file's name


def load_gate(source: str | Path, model: Model) -> Gate:
    """The gate beside the weights of `model`, which are `located` there. The last ones are kept.

    Raises:
        ModelError: there is none, it can't be read, or it was made for other weights.
    """
    file = weights_file(source, PART)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"model {model.name} has no gate: there is no {file.name} beside its weights") from error
    return _gate(content, file.name, model)


@lru_cache(maxsize=4)
def _gate(content: bytes, name: str, model: Model) -> Gate:
    with torch.random.fork_rng(devices=[]):  # new layers draw weights
        return Gate.from_bytes(content, name, model)
