"""The alpha channel, which is coded as a greyscale PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, PngImagePlugin

from ...arrays import Deep, Pixels
from ...errors import CorruptError
from .alpha_png import check_alpha_png


def encode_alpha(alpha: Pixels | Deep) -> bytes:
    """An alpha channel, uint8 or uint16 of shape (h, w), as a greyscale PNG."""
    stream = io.BytesIO()
    Image.fromarray(alpha).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def decode_alpha(data: bytes, width: int, height: int, deep: bool = False) -> Pixels | Deep:
    """The inverse of `encode_alpha`: uint8, or where it is deep uint16, of shape (height, width).

    Raises CorruptError if `data` is not a greyscale PNG of just this size and depth, before allocating any pixels.
    """
    try:
        check_alpha_png(data, width, height, 16 if deep else 8)
        # Not Image.open: its limit on the number of pixels is a guess, here the size is known.
        with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
            return np.array(image)
    except (CorruptError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds for a bad file
        raise CorruptError(f"the alpha channel can't be read: {error}") from error
