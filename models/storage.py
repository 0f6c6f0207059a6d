"""Tensors by name and a few words about them, as the bytes of a safetensors file."""

import json

from torch import Tensor


class StorageError(ValueError):
    """Bytes that are no safetensors file."""


def to_bytes(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """The content of a safetensors file with metadata: the same for the same tensors, so that their hash is, too."""
    import safetensors.torch  # only where it is needed: training does without until its end

    content = safetensors.torch.save(tensors, metadata)
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])  # in any order
    ordered = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    ordered += b" " * (-len(ordered) % 8)
    return len(ordered).to_bytes(8, "little") + ordered + content[start:]


def metadata_of(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file, whose tensors are not looked at. Raises StorageError for other bytes."""
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return dict(header.get("__metadata__") or {})
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise StorageError(f"it is no safetensors file: {error}") from error


def from_bytes(content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Inverse of `to_bytes`; the metadata of a file without any is empty. Raises StorageError for other bytes."""
    import safetensors.torch

    try:
        return safetensors.torch.load(content), metadata_of(content)
    except safetensors.SafetensorError as error:
        raise StorageError(f"it is no safetensors file: {error}") from error
