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
from ..codec.model_files import AnyModel
from ..errors import InputError
from ..models.machine import kernel_for
from ..training.photos import is_image, read_photo, to_image

Photos = dict[str, Pixels]  # uint8 (h, w, 3) by name
CAP = "ONEDNN_MAX_CPU_ISA"  # of the environment: keeps oneDNN from vector instructions that the CPU has


def read_photos(folder: Path) -> Photos:
    """RGB pixels of all photos in a folder. Raises InputError where there is none, or one that can't be read."""
    photos = {}
    for path in sorted(folder.iterdir()):
        if is_image(path.name) and not path.name.startswith("."):
            if path.stem in photos:
                raise InputError(f"{path}: there is another photo of that name: results are by name")
            photos[path.stem] = np.array(to_image(read_photo(str(path), path.read_bytes())))
    if not photos:
        raise InputError(f"there are no photos in {folder}")
    return photos


def refuse_other_than_kodak(photos: Photos) -> None:
    """Raise InputError unless they can be the 24 Kodak images."""
    if len(photos) != 24 or any(sorted(pixels.shape) != [3, 512, 768] for pixels in photos.values()):
        raise InputError("these are not the 24 Kodak images, of 768 x 512 or 512 x 768 pixels")


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


def named(model: AnyModel) -> str:
    """A model's name and hash, for results."""
    return f"{model.name} {model.hash.hex()}"


def machine(threads: int | None = None, *, kernel: bool = True) -> str:
    """What kind of machine this is and what it computes by, for results.

    Args:
        threads: that coding has; by default those that torch has here.
        kernel: tell it, too; on a busy machine another one can be the fastest.
    """
    told = [platform.machine(), f"{threads or torch.get_num_threads()} threads", f"torch {torch.__version__}"]
    told += [f"kernel {kernel_for('cpu').name}"] if kernel else []
    told += [f"{CAP}={os.environ[CAP]}"] if os.environ.get(CAP) else []
    return ", ".join(told)
