"""Training of the photo model, part by part: what `svcodec train ladder` and `likelihoods` do.

Needs torch, NumPy and Pillow only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..models.photo import LEVELS, PhotoNetwork
from .checkpoints import load_average
from .distortion import SMALLEST_SIDE
from .drawn import SIZE
from .loop import train
from .objectives import OBJECTIVES
from .photos import Photos
from .settings import Settings
from .weights import load_weights

CROP_MULTIPLE = 2 ** (LEVELS + 1)  # likelihoods take even sides, down to y_K's


def train_part(part: str, sources: Sequence[Path], folder: Path, settings: Settings, start: Path | None = None) -> None:
    """Train the ladder or the likelihoods on photos; likelihoods are those of a ladder, which stays as it is.

    Args:
        part: "ladder" or "likelihoods".
        sources: folders of images or of zip archives of images.
        folder: for checkpoints and logs; where it has a checkpoint of the part, training goes on from it.
        settings: how to train.
        start: a model file whose weights are taken where the folder has no checkpoint. Training goes through its grids.

    Raises:
        InputError: there are too few photos, one can't be read, the crops have no fit size, or there is no ladder.
        ModelError: `start` can't be loaded.
    """
    check_crop(settings.crop, SMALLEST_SIDE if part == "ladder" else CROP_MULTIPLE)
    if part == "likelihoods" and not start and not (folder / "ladder.pt").exists():
        raise InputError(f"there is no ladder to start from: train it first, into {folder}, or give a model by --start")
    net = PhotoNetwork()
    if start:
        load_weights(net, start)
    for name in OBJECTIVES:
        if name != part and (folder / f"{name}.pt").exists():
            load_average(net, OBJECTIVES[name].parts, folder / f"{name}.pt")
    photos = Photos(sources, smallest=settings.crop)
    print(f"{len(photos.training)} photos to train on, {len(photos.held_out)} held out", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    train(net, OBJECTIVES[part], photos, folder, settings)


def check_crop(size: int, least: int = CROP_MULTIPLE) -> None:
    """Raises InputError if the networks can't be trained or calibrated on crops of that many pixels a side."""
    if not least <= size <= min(SIZE) or size % CROP_MULTIPLE:
        raise InputError(
            f"crops of {size} pixels: their sides have to be multiples of {CROP_MULTIPLE}, from {least} to {min(SIZE)}"
        )
