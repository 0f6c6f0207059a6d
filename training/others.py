"""Pictures that are no photos, for the gate to learn from: spoiled photos, noise and what programs draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from ..arrays import Pixels
from . import corrupted, drawn
from .versions import SMALLEST, downscaled

Maker = Callable[[Pixels, np.random.Generator], Pixels]
MAKERS: tuple[Maker, ...] = (
    *(maker for maker in corrupted.MAKERS if maker is not corrupted.inverted),
    *drawn.MAKERS,
)
DRAWN = 4  # for each photo
LARGEST = 1200  # pixels of the longer side


def others(photo: Image.Image, rng: np.random.Generator) -> Iterator[Pixels]:
    """DRAWN pictures, each uint8 (h, w, 3) or (h, w), made of a photo in some size or drawn beside it."""
    photo = photo.copy()
    photo.thumbnail((LARGEST, LARGEST))
    for index in rng.permutation(len(MAKERS))[:DRAWN]:
        yield part(MAKERS[index](np.asarray(downscaled(photo, rng)), rng), rng)


def part(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Half of the time a part of a picture, which begins anywhere."""
    if rng.random() < 0.5:
        return pixels
    slices = []
    for side in pixels.shape[:2]:
        length = int(rng.integers(min(side, SMALLEST), side + 1))
        start = int(rng.integers(0, side - length + 1))
        slices.append(slice(start, start + length))
    return pixels[slices[0], slices[1]]
