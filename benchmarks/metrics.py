"""How far a decoded picture is from the original."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ..arrays import Pixels
from ..errors import MissingPackageError

SMALLEST_MS_SSIM = 161  # five scales under a window of 11 pixels
FLAT = 17  # pixels: the side of the square of one colour in whose middle a pixel is flat
BUTTERAUGLI = "butteraugli_main"  # libjxl's program


def ms_ssim(decoded: Pixels, original: Pixels) -> float | None:
    """Multi-scale structural similarity over RGB, 0..1; None for a picture with a side below 161 pixels."""
    from pytorch_msssim import ms_ssim as similarity

    if min(original.shape[:2]) < SMALLEST_MS_SSIM:
        return None
    pair = (torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() for pixels in (decoded, original))
    return float(similarity(*pair, data_range=255))


def ms_ssim_decibels(value: float) -> float:
    """MS-SSIM as it is plotted: -10 log10(1 - value)."""
    return -10 * math.log10(max(1e-12, 1.0 - value))


def has_butteraugli() -> bool:
    """Whether libjxl's program is there to measure with."""
    return shutil.which(BUTTERAUGLI) is not None


def butteraugli(decoded: Pixels, original: Pixels) -> float:
    """Butteraugli's distance of RGB pixels, its 3-norm over the picture: 0 for equal pictures, 1 is just seen.

    Raises:
        MissingPackageError: libjxl's program is not there, or can't measure.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("original.ppm", "decoded.ppm")]
        for path, pixels in zip(paths, (original, decoded), strict=True):
            Image.fromarray(pixels).save(path)
        try:
            done = subprocess.run([BUTTERAUGLI, *paths], capture_output=True, text=True, check=True)
            return float(done.stdout.rpartition("3-norm:")[2])
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            raise MissingPackageError(f"Butteraugli needs {BUTTERAUGLI} of libjxl's tools: {error}") from error


def butteraugli_decibels(distance: float) -> float | None:
    """Butteraugli's distance as it is plotted: -10 log10(distance); None for equal pictures."""
    return -10 * math.log10(distance) if distance else None


def flat_areas(original: Pixels) -> npt.NDArray[np.bool_]:
    """Where all pixels around have the colour of the pixel: (h, w) of (h, w, 3)."""
    from scipy.ndimage import maximum_filter, minimum_filter

    square = (FLAT, FLAT, 1)
    return np.asarray((maximum_filter(original, square) == minimum_filter(original, square)).all(-1))


def flat_deviation(decoded: Pixels, original: Pixels) -> int | None:
    """The largest deviation of a sample, 0..255, where the original is flat; None where it is nowhere."""
    flat = flat_areas(original)
    return int(np.abs(decoded.astype(int) - original)[flat].max()) if flat.any() else None
