"""How far a decoded picture is from the original."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..arrays import Pixels
from ..errors import MissingPackageError

SMALLEST_SSIMULACRA2 = 256  # pixels of a side: six scales, of which the last has 8
_STRIP = 1 << 8  # rows whose errors are computed at once


def psnr(decoded: npt.NDArray[Any], original: npt.NDArray[Any]) -> float:
    """dB over all samples of eight bits; infinite for equal pictures."""
    total = sum(
        float(np.square(decoded[row : row + _STRIP].astype(np.float64) - original[row : row + _STRIP]).sum())
        for row in range(0, len(original), _STRIP)
    )
    return 10 * math.log10(255**2 * original.size / total) if total else math.inf


def ssimulacra2(decoded: Pixels, original: Pixels) -> float | None:
    """SSIMULACRA 2 of pixels, up to 100 for equal pictures; None for a picture with a side below 256 pixels.

    Raises:
        MissingPackageError: the package `ssimulacra2` is not installed.
    """
    try:
        from ssimulacra2 import compute_ssimulacra2
    except ImportError as error:
        raise MissingPackageError("SSIMULACRA 2 needs the package ssimulacra2: pip install ssimulacra2") from error

    if min(original.shape[:2]) < SMALLEST_SSIMULACRA2:
        return None
    return float(compute_ssimulacra2(*map(_as_bmp, (original, decoded))))


def _as_bmp(pixels: Pixels) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(file, "BMP")
    return file
