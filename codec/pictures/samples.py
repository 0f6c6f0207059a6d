"""Arrays and tensors as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...bitstream.container import MAX_SIDE
from ...errors import InputError
from .picture import Picture

_CHANNELS = range(1, 5)


def from_tensor(tensor: Any) -> Picture:
    """The picture of a tensor of shape (h, w), or (h, w, 1 to 4), or (1 to 4, h, w).

    Raises:
        InputError: its type or shape is another, or could be either of the last two.
    """
    try:
        array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    except (AttributeError, TypeError, RuntimeError) as error:
        raise InputError(f"the tensor is no array of uint8 or uint16: {error}") from error
    if array.ndim != 3 or array.shape[0] not in _CHANNELS:
        return from_array(array)
    if array.shape[2] in _CHANNELS:
        raise InputError(
            f"a tensor of shape {array.shape} could have its channels first or last: put them last and pass "
            "tensor.numpy(), as arrays always have them last"
        )
    return from_array(np.moveaxis(array, 0, -1))


def from_array(array: npt.NDArray[Any]) -> Picture:
    """The picture of an array of shape (h, w) or (h, w, 1 to 4), copied.

    Raises:
        InputError: its type or shape is another, or a side is too long.
    """
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise InputError(f"expected samples of dtype uint8 or uint16, not {array.dtype}{_advice(array.dtype)}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        raise InputError(f"expected shape (h, w) or (h, w, 1 to 4), channels last, not {array.shape}")
    height, width = array.shape[:2]
    if not array.size:
        raise InputError("the picture is empty")
    if max(height, width) > MAX_SIDE:
        raise InputError(f"the picture is {width}x{height}; neither side may exceed {MAX_SIDE}")
    dtype: Any = np.uint8 if array.dtype.itemsize == 1 else np.uint16  # in this machine's order of bytes
    if array.ndim == 2:
        return Picture(np.array(array, dtype, order="C"))
    colours = array[..., 0] if array.shape[2] < 3 else array[..., :3]
    alpha = np.array(array[..., -1], dtype, order="C") if array.shape[2] in (2, 4) else None
    return Picture(np.array(colours, dtype, order="C"), alpha)


def _advice(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return ": scale it first, for values in 0..1 np.rint(array * 255).astype(np.uint8)"
    return ""
