"""Pictures that are no photos, for the gate's benchmark: those that it learned from, and some that it never saw.

Each maker takes a photo, uint8 (h, w, 3), and a generator, and returns a picture, uint8 (h, w, 3) or (h, w) for grey.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..arrays import Pixels
from ..training import corrupted, drawn
from ..training.corrupted import levels
from ..training.drawn import SIZE, colour
from ..training.others import Maker
from .fashion_mnist.images import checked, read_npz


def scrambled_rows(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.permutation(photo)


def halftone(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Dots of ink on a tilted grid, as newspapers print them."""
    rows, columns = np.indices(photo.shape[:2])
    period, angle = rng.uniform(4, 10), rng.uniform(0, math.pi / 2)
    along, across = (
        np.cos(2 * math.pi / period * (rows * a + columns * b))
        for a, b in ((math.sin(angle), math.cos(angle)), (math.cos(angle), -math.sin(angle)))
    )
    return levels(255 * (photo.mean(2) / 255 > (2 + along + across) / 4))


def cartoon(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Flat shapes with outlines, drawn finely and downscaled."""
    image = Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(15, 60))):
        centre, reach = rng.uniform((0, 0), image.size), rng.uniform(40, 400)
        angles = np.sort(rng.uniform(0, 2 * math.pi, int(rng.integers(3, 12))))
        points = centre + reach * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.5, 1, (len(angles), 1))
        if rng.random() < 0.5:
            draw.polygon([(x, y) for x, y in points], colour(rng), "black", int(rng.integers(2, 9)))
        else:
            box = (*(centre - reach / 2), *(centre + reach * rng.uniform(0.1, 0.5, 2)))
            draw.ellipse(box, colour(rng), "black", int(rng.integers(2, 9)))
    return np.array(image.resize(SIZE, Image.Resampling.LANCZOS))


def stripes(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A test pattern: bars, checks or a sine wave."""
    rows, columns = np.indices(SIZE[::-1])
    period = int(rng.integers(4, 64))
    bars = (columns // period) % 2
    checks = (rows // period + columns // period) % 2
    wave = (1 + np.sin((rows * rng.uniform(-1, 1) + columns) * 2 * math.pi / period)) / 2
    share = (bars, checks, wave)[rng.integers(3)][..., None]
    return levels(np.array(colour(rng)) * (1 - share) + np.array(colour(rng)) * share)


def fractal(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A Julia set, its steps as colours."""
    rows, columns = np.indices(SIZE[::-1])
    z = ((columns - SIZE[0] / 2) + 1j * (rows - SIZE[1] / 2)) / 250
    c = 0.7885 * np.exp(1j * rng.uniform(0, 2 * math.pi))
    steps = np.zeros(SIZE[::-1], np.int64)
    for _ in range(60):
        inside = np.abs(z) < 2
        z = np.where(inside, z * z + c, z)
        steps += inside
    return rng.integers(0, 256, (61, 3), np.uint8)[steps]


def enlarged(images: Pixels) -> Maker:
    """The maker of small images (n, 28, 28), enlarged to 448 x 448 by repetition or bicubically."""

    def make(photo: Pixels, rng: np.random.Generator) -> Pixels:
        resample = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)[rng.integers(2)]
        return np.array(Image.fromarray(images[rng.integers(len(images))]).resize((448, 448), resample))

    return make


SMALL = {"MNIST": "mnist-test.npz", "Fashion-MNIST": "fashion-mnist.npz"}
UNSEEN = (scrambled_rows, halftone, cartoon, stripes, fractal)


def makers(data: Path) -> dict[str, Maker]:
    """All kinds by name, those that the gate never saw last; `data` holds mnist-test.npz and fashion-mnist.npz."""
    small = {name: enlarged(checked(read_npz(data / file, "test"), data / file)) for name, file in SMALL.items()}
    drawn_up = {maker.__name__.replace("_", " "): maker for maker in (*corrupted.MAKERS, *drawn.MAKERS, *UNSEEN)}
    return drawn_up | small
