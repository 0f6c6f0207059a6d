"""Fashion-MNIST and MNIST from the files that a user has: IDX files, NumPy archives, folders of images."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...training.photos import BROKEN_ZIP, is_image
from .vae import SIDE

IDX_NAMES = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}
TORCHVISION_NAMES = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST"}
UINT8_RANK_3 = 0x0803


@dataclass(frozen=True)
class Data:
    """Images, float (n, 1, 28, 28) in [0, 1]."""

    train: Tensor
    test: Tensor
    foreign: Tensor


def load(folder: Path, train: int | None = None, test: int | None = None) -> Data:
    """The first `train` and `test` images (all without) of Fashion-MNIST, and as many of MNIST's test images.

    Raises InputError where a data set is missing or is not one of 28 x 28 images.
    """
    return Data(
        as_floats(read_images(folder, "fashion-mnist", "train")[:train]),
        as_floats(read_images(folder, "fashion-mnist", "test")[:test]),
        as_floats(read_images(folder, "mnist", "test")[:test]),
    )


def as_floats(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images)[:, None].float() / 255


def read_images(folder: Path, dataset: str, split: str) -> NDArray[np.uint8]:
    """Images of a data set, from the first of these that is there.

    `DATASET.npz` and `DATASET-SPLIT.npz` with an array `SPLIT_images` or `x_SPLIT`; an IDX file in `DATASET/`, in
    `DATASET/raw/` (torchvision's) or in the folder itself, compressed by gzip or not; images in `DATASET/SPLIT/`. Where
    DATASET is the name of a folder, torchvision's `FashionMNIST` and `MNIST` do as well.

    Args:
        dataset: "fashion-mnist" or "mnist".
        split: "train" or "test".

    Returns:
        uint8 (n, 28, 28).

    Raises:
        InputError: there is none of these, or its content is something else.
    """
    for path in (folder / f"{dataset}.npz", folder / f"{dataset}-{split}.npz"):
        if path.exists():
            return checked(read_npz(path, split), path)
    homes = [folder / name for name in (dataset, TORCHVISION_NAMES[dataset])]
    if dataset == folder.name or TORCHVISION_NAMES[dataset] == folder.name:
        homes.append(folder)
    for home in homes:
        for path in (home / sub / (IDX_NAMES[split] + end) for sub in (".", "raw") for end in ("", ".gz")):
            if path.exists():
                return checked(read_idx(path), path)
        if (home / split).is_dir():
            return checked(read_folder(home / split), home / split)
    raise InputError(f"{folder} has no {split} images of {dataset}: see docs/likelihood.md for the files it may hold")


def checked(images: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise InputError(f"{path} holds {images.dtype} of shape {images.shape}, not bytes of {SIDE} x {SIDE} images")
    return images


def read_npz(path: Path, split: str) -> NDArray[np.uint8]:
    """The images of a NumPy archive. Raises InputError where it has none of this split, or can't be read."""
    try:
        with np.load(path) as arrays:
            for key in (f"{split}_images", f"x_{split}"):
                if key in arrays:
                    return np.asarray(arrays[key])
    except (AttributeError, TypeError, *BROKEN_ZIP) as error:
        raise InputError(f"{path} is no NumPy archive: {error}") from error
    raise InputError(f"{path} has neither {split}_images nor x_{split}")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The images of an IDX file, .gz or not: uint8 (n, h, w). Raises InputError for anything else."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        magic, *shape = struct.unpack(">4I", data[:16])
        if magic != UINT8_RANK_3:
            raise ValueError("it is not one of images")
        return np.frombuffer(bytearray(data[16:]), np.uint8).reshape(shape)
    except (EOFError, OSError, ValueError, struct.error) as error:
        raise InputError(f"{path} is no whole IDX file: {error}") from error


def read_folder(folder: Path) -> NDArray[np.uint8]:
    """All images in a folder and the folders in it, sorted by name, as grey: uint8 (n, h, w).

    Raises InputError where there is none, or where their sizes differ.
    """
    images = []
    for path in sorted(folder.rglob("*")):
        if is_image(path.name):
            with Image.open(path) as image:
                images.append(np.array(image.convert("L")))
    if len({image.shape for image in images}) != 1:
        raise InputError(f"{folder} has no images, or images of several sizes")
    return np.stack(images)
