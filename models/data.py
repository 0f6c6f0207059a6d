"""Photos to train on: folders and zip archives of images, held-out photos apart, random crops."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

SUFFIXES = {".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".ppm"}
HELD_OUT_EVERY = 24  # of the photos sorted by archive and name, every 24th is held out
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
MAX_NOISE = 3.0  # largest standard deviation, in levels
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
CR, CB = 1.402, 1.772  # red and blue less luma, for each step of JPEG's Cr and Cb


def image_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every image in a folder, or in the zip archives in it, sorted; a file stands for itself."""
    for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if Path(name).suffix.lower() in SUFFIXES:
                        yield f"{path.stem}/{name}", archive.read(name)
        elif path.suffix.lower() in SUFFIXES:
            yield str(path.relative_to(source)) if source.is_dir() else path.name, path.read_bytes()


def read_photo(data: bytes) -> Tensor:
    """uint8 (3, h, w)."""
    with Image.open(io.BytesIO(data)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def soften(photo: Tensor, rng: np.random.Generator) -> Tensor:
    """A downscaled photo as cameras and scanners give them: soft, noisy, or of half the resolution in colour.

    Sensors see one colour at each pixel, lenses blur, JPEG and Photo CD halve the resolution of chroma: pixels of
    downscaled photos are far sharper than this.

    Args:
        photo: uint8 (3, h, w).
    Returns:
        likewise: half of the time a part of it, enlarged up to twofold, with noise; half of the time with its chroma at
        half resolution; perhaps as it is.
    """
    levels = photo.float()
    if rng.random() < 0.5:
        image = Image.fromarray(photo.permute(1, 2, 0).numpy())
        size, scale = image.size, rng.uniform(0.5, 1.0)
        resample = FILTERS[rng.integers(len(FILTERS))]
        enlarged = np.asarray(image.resize(size, resample, (0.0, 0.0, size[0] * scale, size[1] * scale)))
        noise = rng.normal(0.0, rng.uniform(0.0, MAX_NOISE), enlarged.shape)
        levels = torch.from_numpy(enlarged + noise).float().permute(2, 0, 1)
    if rng.random() < 0.5:
        levels = halve_chroma(levels, rng)
    return levels.round().clamp(0, 255).to(torch.uint8)


def halve_chroma(levels: Tensor, rng: np.random.Generator) -> Tensor:
    """Chroma at half the resolution, interpolated: float (3, h, w) of the same, at random on one of the usual grids.

    Half of the time luma and chroma are integers, as in a JPEG, else as fine as in a scan that is rounded only once.
    """
    luma = torch.einsum("c,chw->hw", torch.tensor(LUMA), levels)
    half = F.avg_pool2d((levels[::2] - luma)[None], 2, ceil_mode=True)
    mode, aligned = ("bilinear", "bicubic")[rng.integers(2)], bool(rng.integers(2))
    red, blue = F.interpolate(half, luma.shape, mode=mode, align_corners=aligned)[0]
    if rng.random() < 0.5:
        luma, red, blue = luma.round(), (red / CR).round() * CR, (blue / CB).round() * CB
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    return luma + torch.stack([red, green, blue])


class Photos:
    """Photos in memory, drawn in proportion to their area."""

    def __init__(self, sources: list[Path], smallest: int):
        """Read all photos whose sides are at least `smallest` pixels. Raises ValueError if there are too few."""
        files = [file for source in sources for file in image_files(source)]
        self.held_out_names = [name for name, _ in files[::HELD_OUT_EVERY]]
        photos = [(index, read_photo(data)) for index, (_, data) in enumerate(files)]
        photos = [(index, photo) for index, photo in photos if min(photo.shape[1:]) >= smallest]
        self.held_out = [photo for index, photo in photos if index % HELD_OUT_EVERY == 0]
        self.training = [photo for index, photo in photos if index % HELD_OUT_EVERY]
        if not self.training or not self.held_out:
            raise ValueError(f"there are too few photos with sides of at least {smallest} pixels")
        area = np.cumsum([photo[0].numel() for photo in self.training], dtype=float)
        self.share = area / area[-1]

    def batch(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """Random crops, half of them softened, flipped and transposed: integer levels, float (count, 3, size, size)."""
        crops = []
        for _ in range(count):
            photo = self.training[int(np.searchsorted(self.share, rng.random()))]
            top, left = (int(rng.integers(0, side - size + 1)) for side in photo.shape[1:])
            crop = photo[:, top : top + size, left : left + size]
            if rng.random() < 0.5:
                crop = soften(crop, rng)
            if rng.random() < 0.5:
                crop = crop.flip(2)
            if rng.random() < 0.5:
                crop = crop.transpose(1, 2)
            crops.append(crop)
        return torch.stack(crops).float()

    def validation(self, count: int) -> Tensor:
        """Central crops of the `count` largest held-out photos, every second one softened.

        float (count, 3, size, size), size 64 to 256 in 64s.

        Raises ValueError if one of them is smaller.
        """
        largest = sorted(self.held_out, key=lambda photo: min(photo.shape[1:]), reverse=True)[:count]
        size = min(256, *(side for photo in largest for side in photo.shape[1:]))
        if size < 64:
            raise ValueError("held-out photos must have sides of at least 64 pixels")
        crops = [central_crop(photo, size - size % 64) for photo in largest]
        rng = np.random.default_rng(0)
        return torch.stack([soften(crop, rng) if i % 2 else crop for i, crop in enumerate(crops)]).float()


def central_crop(photo: Tensor, size: int) -> Tensor:
    """(3, size, size) from the middle of (3, h, w)."""
    top, left = ((side - size) // 2 for side in photo.shape[1:])
    return photo[:, top : top + size, left : left + size]
