"""What figures hold for: the photos of a folder, and the machine."""

from __future__ import annotations

import platform
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..arrays import Pixels
from ..errors import InputError
from ..training.photos import SUFFIXES

Photos = dict[str, Pixels]  # uint8 (h, w, 3) by name


def read_photos(folder: Path) -> Photos:
    """RGB pixels of all photos in a folder. Raises InputError where there is none."""
    photos = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            with Image.open(path) as image:
                photos[path.stem] = np.array(image.convert("RGB"))
    if not photos:
        raise InputError(f"there are no photos in {folder}")
    return photos


def demo_photo() -> Pixels:
    """The photo of `svcodec demo`, uint8 (600, 512, 3)."""
    with resources.files("svcodec.cli").joinpath("grace-hopper.jpg").open("rb") as file, Image.open(file) as image:
        return np.array(image.convert("RGB"))


def machine() -> str:
    """What kind of machine this is, for results."""
    return f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
