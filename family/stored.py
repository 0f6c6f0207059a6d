"""Model files of the family: weights and configuration in one safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import InputError, ModelError
from ..files import write_whole
from ..models import storage
from .configuration import Configuration
from .hierarchy import Hierarchy, build, count_weights

FORMAT = "svcodec-family-1"


def save(network: Hierarchy, path: Path) -> None:
    """Write a model file. Raises OSError where that can't be."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    metadata = {"format": FORMAT, "configuration": network.configuration.to_json()}
    write_whole(path, storage.to_bytes(tensors, metadata))


def is_family(content: bytes) -> bool:
    """Whether a file's content is a model of the family, not the photo model or something else."""
    try:
        return storage.metadata_of(content).get("format") == FORMAT
    except storage.StorageError:
        return False


def from_bytes(content: bytes, name: str, device: torch.device | str = "cpu") -> Hierarchy:
    """The model of a file's content, in evaluation mode, without gradients.

    Args:
        content: what `save` wrote.
        name: of the model, for errors.
        device: where it is to be.

    Raises:
        ModelError: it is something else.
    """
    try:
        tensors, metadata = storage.from_bytes(content)
        if metadata.get("format") != FORMAT:
            raise ModelError(f"model {name} is none of the family: its format is {metadata.get('format')}")
        configuration = Configuration.from_json(metadata.get("configuration", ""))
        couplings = configuration.couplings if configuration.prior == "realnvp" else 0
        layers = max(configuration.layers * configuration.blocks, couplings)  # known without making them
        if layers > len(tensors) or count_weights(configuration) != sum(value.numel() for value in tensors.values()):
            raise ModelError(f"model {name} has not as many weights as its configuration says")
        if not all(value.dtype == torch.float32 and bool(value.isfinite().all()) for value in tensors.values()):
            raise ModelError(f"model {name} has weights that are no finite numbers of 32 bits")
        with torch.random.fork_rng(devices=[]):  # new layers draw weights
            network = build(configuration)
        network.load_state_dict(tensors)
    except (InputError, RuntimeError, ValueError) as error:
        raise ModelError(f"model {name} can't be loaded: {error}") from error
    return network.to(device).eval().requires_grad_(False)
