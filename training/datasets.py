"""The data sets of the first paper and Tiny ImageNet: small square pictures, split, cropped and augmented as it says.

A data set is what a user has on disk: an archive, or a folder with the files of one. 15% of the training images, drawn
with a fixed seed, are held out (the paper's test set); where a data set has test images of its own, these are the test.
"""

from __future__ import annotations

import math
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError, OutOfMemoryError
from ..family.squares import square
from .photos import BROKEN_STREAM, BROKEN_ZIP, contents, image_files, read_photo, to_image

HELD_OUT = 0.15  # of the training images
RGB = 3
CIFAR_SIDE = 32
CIFAR_BATCHES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
CELEBA_SIZE = 178, 218  # of the aligned images
CELEBA_CORNER, CELEBA_CROP = (40, 15), 148  # rows and columns left out above and to the left
CELEBA_SPLITS = "list_eval_partition.txt"
TESTING = {"test", "val", "valid", "validation"}  # folders, in letters of any case
MAX_TURN, MAX_ZOOM, MAX_SHIFT = 5.0, 0.05, 0.05  # of random affine maps: degrees, share, share of the side

Decoded = tuple[str, Tensor]  # "train" or "test", and an image, uint8 (3, side, side)


@dataclass
class ImageSet:
    """Images of one size, uint8 (n, 3, side, side) each.

    Attributes:
        training: to train on.
        held_out: what validation measures.
        testing: what results are reported for.
        augmented: whether training images are flipped and moved at random.
    """

    training: Tensor
    held_out: Tensor
    testing: Tensor
    augmented: bool
    _on: dict[torch.device, Tensor] = field(default_factory=dict, init=False, repr=False)

    def batch(self, count: int, size: int, device: torch.device) -> Tensor:
        """Random training images, with replacement: integers, float (count, 3, size, size).

        Raises InputError where the images have another size.
        """
        if size != self.training.shape[-1]:
            raise InputError(f"the images have {self.training.shape[-1]} pixels a side, not {size}")
        if device not in self._on:
            self._on[device] = self.training.to(device)
        images = self._on[device]
        chosen = images[torch.randint(len(images), (count,), device=device)].float()
        return augment(chosen) if self.augmented else chosen

    def validation(self, count: int) -> Tensor:
        """The first of those that are held out: integers, float (count, 3, side, side)."""
        return self.held_out[:count].float()


def load(name: str, path: Path, side: int) -> ImageSet:
    """A data set.

    Args:
        name: one of `DATASETS`.
        path: where it is; see docs/selfvae.md for the files of each.
        side: that images are to have, in pixels.

    Raises:
        InputError: there is no such data set, or files are missing or something else.
        OutOfMemoryError: memory ran out.
    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}: it is one of {', '.join(DATASETS)}")
    if not path.exists():
        raise InputError(f"{path}: there is no such folder or file")
    read, augmented = DATASETS[name]
    found: dict[str, list[Tensor]] = {"train": [], "test": []}
    for split, image in read(path, side):
        found[split].append(image)
    count = len(found["train"])
    if (held_out := round(HELD_OUT * count)) < 1 or held_out == count:
        raise InputError(f"{path} has {count} training images of {name}: see docs/selfvae.md for the files it may hold")
    images = torch.stack(found["train"])
    order = torch.from_numpy(np.random.default_rng(0).permutation(count))
    kept_back = images[order[:held_out]]
    testing = torch.stack(found["test"]) if found["test"] else kept_back
    return ImageSet(images[order[held_out:]], kept_back, testing, augmented)


def augment(images: Tensor) -> Tensor:
    """Half of the images mirrored, and half turned, zoomed and moved a little: integers, float (n, 3, h, w)."""
    count = len(images)

    def drawn(largest: float) -> Tensor:
        return largest * (2 * torch.rand(count, dtype=images.dtype, device=images.device) - 1)

    images = torch.where(drawn(1.0)[:, None, None, None] < 0, images.flip(3), images)
    turn, zoom = drawn(math.radians(MAX_TURN)), 1 + drawn(MAX_ZOOM)
    down, across = drawn(2 * MAX_SHIFT), drawn(2 * MAX_SHIFT)  # pictures are 2 wide to `affine_grid`
    cosine, sine = zoom * torch.cos(turn), zoom * torch.sin(turn)
    maps = torch.stack([torch.stack([cosine, -sine, across], 1), torch.stack([sine, cosine, down], 1)], 1)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    turned = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False).round().clamp(0, 255)
    return torch.where(drawn(1.0)[:, None, None, None] < 0, turned, images)


def _cifar10(path: Path, side: int) -> Iterator[Decoded]:
    """Its binary files, in a folder or in the archive that they come in; arrays; or folders of images."""
    if path.is_file() and path.suffix == ".npz":
        yield from _arrays(path, side)
        return
    batches = _cifar_files(path) if path.is_dir() else _cifar_archive(path)
    if path.is_dir() and not batches:
        yield from _folder(path, side)
        return
    for split, names in CIFAR_BATCHES.items():
        for name in names:
            if name not in batches:
                raise InputError(f"{path} has no {name} of CIFAR-10")
            records = np.frombuffer(batches[name], np.uint8)
            size = 1 + RGB * CIFAR_SIDE**2
            if not len(records) or len(records) % size:
                raise InputError(f"{path}: {name} is no whole binary file of CIFAR-10")
            for record in records.reshape(-1, size):
                image = torch.from_numpy(record[1:].reshape(RGB, CIFAR_SIDE, CIFAR_SIDE).copy())
                yield split, square(to_image(image), side)


def _cifar_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*_batch*.bin")}


def _cifar_archive(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() and member.name.endswith(".bin") else None
                if content is not None:
                    found[Path(member.name).name] = content.read()
            while archive.fileobj and archive.fileobj.read(1 << 20):  # to the end, where the checksum is
                pass
    except (tarfile.TarError, *BROKEN_STREAM) as error:
        told = str(error).partition("\n")[0]
        raise InputError(f"{path} is no archive of CIFAR-10's binary files: {told}") from error
    return found


def _arrays(path: Path, side: int) -> Iterator[Decoded]:
    """`x_train` and `x_test`, uint8 (n, h, w, 3), of a NumPy archive."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            splits: dict[str, NDArray[np.uint8]] = {split: arrays[f"x_{split}"] for split in ("train", "test")}
    except MemoryError as error:
        raise OutOfMemoryError(f"{path}: its arrays don't fit in memory") from error
    except (AttributeError, LookupError, TypeError, *BROKEN_ZIP) as error:
        raise InputError(f"{path} is no NumPy archive with x_train and x_test: {error}") from error
    for split, images in splits.items():
        if not isinstance(images, np.ndarray):
            raise InputError(f"{path}: x_{split} is no array")
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != RGB or 0 in images.shape[1:]:
            raise InputError(f"{path}: x_{split} must be uint8 (n, h, w, 3), not {images.dtype} {images.shape}")
        for image in images:
            yield split, square(Image.fromarray(image), side)


def _folder(path: Path, side: int) -> Iterator[Decoded]:
    """Images anywhere below folders, or in archives, of names in TESTING are to test on, all others to train on."""
    for name, data in image_files(path):
        parts = Path(name.lower()).parts[path.is_file() : -1]  # PATH itself may have any name
        split = "test" if TESTING & set(parts) else "train"
        yield split, square(to_image(read_photo(name, data)), side)


def _celeba(path: Path, side: int) -> Iterator[Decoded]:
    """The aligned images, 178 x 218, in a folder or archive; splits by CelebA's own list, if that is there."""
    splits = _celeba_splits(path)
    top, left = CELEBA_CORNER
    for name, data in image_files(path):
        image = to_image(read_photo(name, data))
        if image.size != CELEBA_SIZE:
            width, height = image.size
            raise InputError(f"{name} has {width} x {height} pixels: CelebA's aligned images have 178 x 218")
        if splits and Path(name).name not in splits:
            raise InputError(f"{name} is not in {CELEBA_SPLITS}")
        crop = image.crop((left, top, left + CELEBA_CROP, top + CELEBA_CROP))
        yield splits.get(Path(name).name, "train"), square(crop, side)


def _celeba_splits(path: Path) -> Mapping[str, str]:
    """ "train" or "test" by file name; the list's validation images train. Nothing where no list is there or beside."""
    lists = {content for _, content in contents(path, lambda name: Path(name).name == CELEBA_SPLITS)}
    if (beside := path.parent / CELEBA_SPLITS).is_file():
        lists.add(beside.read_bytes())
    if len(lists) > 1:
        raise InputError(f"{path} has several files {CELEBA_SPLITS}, which differ")
    if not lists:
        return {}
    rows = [line.split() for line in lists.pop().decode("utf-8", "replace").splitlines() if line.strip()]
    if not rows or any(len(row) != 2 or row[1] not in ("0", "1", "2") or "\ufffd" in row[0] for row in rows):
        raise InputError(f"{path}: {CELEBA_SPLITS} is no list of CelebA's splits")
    return {name: "test" if split == "2" else "train" for name, split in rows}


Reader = Callable[[Path, int], Iterable[Decoded]]

DATASETS: dict[str, tuple[Reader, bool]] = {  # by name, and whether the paper augments it
    "cifar10": (_cifar10, True),
    "imagenette64": (_folder, True),
    "celeba": (_celeba, False),
    "tiny-imagenet": (_folder, True),
    "folder": (_folder, False),
}
