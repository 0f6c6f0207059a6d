"""Weights to start from, of model files."""

from pathlib import Path

from ..errors import ModelError
from ..models import integers, storage
from ..models.photo import PhotoNetwork


def load_weights(model: PhotoNetwork, path: Path) -> None:
    """Load the weights of a model file, to be trained on through its grids. Raises ModelError where there is none."""
    try:
        tensors, _ = storage.from_bytes(path.read_bytes())
        model.load_state_dict(integers.from_integers(tensors).state_dict())
    except OSError as error:
        raise ModelError(f"model {path}: {error.strerror}") from error
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        raise ModelError(f"model {path} can't be loaded: {error}") from error
