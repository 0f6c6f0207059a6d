"""Photos as people have them: versions of a photo that the gate is to take for one.

Each maker takes an RGB photo and a generator, and returns a picture: RGB, or grey.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from ..arrays import Pixels

FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
SMALLEST = 128  # pixels of the shorter side of a version
LARGE = 1 << 21  # pixels, about, from which on versions are made of a reduced photo
DRAWN = 3  # versions of each photo
NOISE = 14.0  # sample units, of photos in little light
QUALITIES = (30, 96)  # of JPEG

Maker = Callable[[Image.Image, np.random.Generator], Image.Image]


def downscaled(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """To anything between its own size and SMALLEST pixels."""
    smallest = min(1.0, SMALLEST / min(photo.size))
    factor = float(np.exp(rng.uniform(np.log(smallest), 0.0)))
    size = (round(photo.width * factor), round(photo.height * factor))
    return photo.resize(size, FILTERS[rng.integers(len(FILTERS))], reducing_gap=3.0)


def enlarged(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A part of it, 1.2 to 3 times as large."""
    photo = downscaled(photo, rng)
    factor = rng.uniform(1.2, 3.0)
    size = [round(side / factor) for side in photo.size]
    left, top = (int(rng.integers(0, side - part + 1)) for side, part in zip(photo.size, size, strict=True))
    box = (left, top, left + size[0], top + size[1])
    return photo.resize((round(size[0] * factor), round(size[1] * factor)), FILTERS[rng.integers(len(FILTERS))], box)


def noisy(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With noise as sensors have it, more in the dark, and perhaps denoised."""
    photo = downscaled(photo, rng)
    samples = np.asarray(photo, np.float32)
    scale = rng.uniform(2.0, NOISE) * (1.3 - samples / 255 * 0.6)
    noise = rng.standard_normal(samples.shape, np.float32)
    if rng.random() < 0.5:  # of luma alone
        noise = noise[..., :1]
    picture = to_picture(samples + scale * noise)
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8))) if rng.random() < 0.3 else picture


def soft(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Out of focus, or shaken."""
    return downscaled(photo, rng).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3.0)))


def recompressed(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Through a JPEG, perhaps twice."""
    photo = downscaled(photo, rng)
    for _ in range(int(rng.integers(1, 3))):
        stream = io.BytesIO()
        photo.save(stream, "JPEG", quality=int(rng.integers(*QUALITIES)), subsampling=int(rng.integers(0, 3)))
        photo = Image.open(stream)
    return photo


def scanned(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A print on a scanner: soft, grainy, of less contrast, yellowed or of no colour, perhaps sharpened."""
    photo = downscaled(photo, rng).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))
    samples = np.asarray(ImageEnhance.Color(photo).enhance(rng.uniform(0.0, 1.0)), np.float32)
    paper, ink = np.array([250, 243, 228]) - rng.uniform(0, 30), rng.uniform(10, 50)
    grain = rng.standard_normal((*samples.shape[:2], 1), np.float32) * rng.uniform(1.0, 6.0)
    photo = to_picture(ink + samples / 255 * (paper - ink) + grain)
    if rng.random() < 0.5:
        photo = photo.filter(ImageFilter.UnsharpMask(2, int(rng.integers(50, 150)), 2))
    return recompressed(photo, rng) if rng.random() < 0.5 else photo


def grey(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    return downscaled(photo, rng).convert("L")


def edited(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With other brightness, contrast and colour, and sharpened."""
    photo = downscaled(photo, rng)
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color, ImageEnhance.Sharpness):
        photo = change(photo).enhance(rng.uniform(0.6, 1.6))
    return photo


MAKERS: tuple[Maker, ...] = (downscaled, enlarged, noisy, soft, recompressed, scanned, grey, edited)


def versions(photo: Image.Image, rng: np.random.Generator) -> Iterator[Pixels]:
    """A photo as it is, and DRAWN others."""
    yield np.asarray(photo)
    large = max(1, round((photo.width * photo.height / LARGE) ** 0.5))
    photo = photo.reduce(large)
    for maker in rng.permutation(len(MAKERS))[:DRAWN]:
        yield np.asarray(MAKERS[maker](photo, rng))


def to_picture(samples: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(samples).clip(0, 255).astype(np.uint8))
