"""Weights to start from or to export: of model files and of checkpoints."""

from pathlib import Path

import torch
from torch import nn

from ..errors import InputError, ModelError
from ..models import integers
from ..models.selfvae import SelfVAE


def load_weights(model: SelfVAE, path: Path) -> None:
    """Load the weights of a model file, to be trained on through its grids. Raises ModelError where there is none."""
    from ..models import storage  # only here: training from scratch does without safetensors

    try:
        tensors, _ = storage.from_bytes(path.read_bytes())
        model.load_state_dict(integers.from_integers(tensors).state_dict())
    except OSError as error:
        raise ModelError(f"model {path}: {error.strerror}") from error
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        raise ModelError(f"model {path} can't be loaded: {error}") from error


def load_average(model: nn.Module, checkpoint: Path) -> None:
    """Load the averaged weights of the part that a checkpoint is of. Raises InputError where there is none."""
    if not checkpoint.exists():
        raise InputError(f"there is no {checkpoint}: train the {checkpoint.stem} first")
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"], strict=False)
