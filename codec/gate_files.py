"""The gate that pictures are checked by: the package's, or one that lies beside a model's weights."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from .. import gate
from ..errors import ModelError
from ..gate.gate import Gate
from .model_files import weights_file
from .sources import reason

PART = "-gate"  # of the file's name


def load_gate(source: str | Path) -> Gate:
    """The gate beside the weights that are `located` there, or else the package's. The last ones are kept.

    Raises:
        ModelError: it can't be read.
    """
    file = weights_file(source, PART)
    if not file.is_file():
        file = resources.files(gate.__name__) / "photos.safetensors"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"gate {file.name} can't be read: {reason(error)}") from error
    return _gate(content, file.name)


_gate = lru_cache(maxsize=4)(Gate.from_bytes)
