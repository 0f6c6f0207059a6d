"""What figures hold for: the photos of a folder, and the machine."""

from __future__ import annotations

import os
import platform
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..arrays import Pixels
from ..errors import InputError
from ..models.machine import kernel_for
from ..training.photos import SUFFIXES, read_photo, to_image

Photos = dict[str, Pixels]  # uint8 (h, w, 3) by name
CAP = "ONEDNN_MAX_CPU_ISA"  # of the environment: keeps oneDNN from vector instructions that the CPU has


def read_photos(folder: Path) -> Photos:
    """RGB pixels of all photos in a folder. Raises InputError where there is none, or one that can't be read."""
    photos = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            if path.stem in photos:
                raise InputError(f"{path}: there is another photo of that name: results are by name")
            photos[path.stem] = np.array(to_image(read_photo(str(path), path.read_bytes())))
    if not photos:
        raise InputError(f"there are no photos in {folder}")
    return photos


def demo_photo() -> Pixels:
    """The photo of `svcodec demo`, uint8 (600, 512, 3)."""
    with resources.files("svcodec.cli").joinpath("grace-hopper.jpg").open("rb") as file, Image.open(file) as image:
        return np.array(image.convert("RGB"))


def tiled_photo(width: int, height: int) -> Pixels:
    """The demo's photo, mirrored and tiled to a size without enlarging it: uint8 (height, width, 3)."""
    pixels = demo_photo()
    pixels = np.concatenate([pixels, pixels[:, ::-1]], 1)
    pixels = np.concatenate([pixels, pixels[::-1]], 0)
    times = [-(-side // have) for side, have in zip((height, width), pixels.shape, strict=False)]
    return np.tile(pixels, (*times, 1))[:height, :width]


def machine(threads: int | None = None) -> str:
    """What kind of machine this is and what it computes by, for results.

    Args:
        threads: that coding has; by default those that torch has here.
    """
    cap = os.environ.get(CAP)
    return (
        f"{platform.machine()}, {threads or torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"kernel {kernel_for('cpu').name}" + (f", {CAP}={cap}" if cap else "")
    )
