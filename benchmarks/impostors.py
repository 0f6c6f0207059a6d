"""Pictures that are no photos, for the gate's benchmark: made from photos, drawn, or of other data sets.

Each maker takes a photo, uint8 (h, w, 3), and a generator, and returns a picture, uint8 (h, w, 3) or (h, w) for grey.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ..arrays import Pixels

Maker = Callable[[Pixels, np.random.Generator], Pixels]

SIZE = (768, 512)  # of what is drawn
WORDS = (
    "the quick brown fox jumps over a lazy dog while settings file edit view tools help network likelihood picture "
    "decode stream error model and of in to is that for with as not be this are or from at which but"
)
FONTS = [
    str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"))
    for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold")
]


def uniform_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, photo.shape, np.uint8)


def gaussian_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return levels(rng.normal(rng.uniform(64, 192), rng.uniform(15, 80), photo.shape))


def scrambled_pixels(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.permutation(photo.reshape(-1, 3)).reshape(photo.shape)


def scrambled_blocks(photo: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = (side // 8 for side in photo.shape[:2])
    blocks = photo[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8, 3).swapaxes(1, 2)
    shuffled = rng.permutation(blocks.reshape(rows * columns, 8, 8, 3))
    return shuffled.reshape(rows, columns, 8, 8, 3).swapaxes(1, 2).reshape(rows * 8, columns * 8, 3)


def inverted(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return 255 - photo


def salt_and_pepper(photo: Pixels, rng: np.random.Generator) -> Pixels:
    hit = rng.random(photo.shape[:2]) < rng.uniform(0.1, 0.5)
    return np.where(hit[..., None], 255 * rng.integers(0, 2, (*photo.shape[:2], 1)), photo).astype(np.uint8)


def jpeg(photo: Pixels, rng: np.random.Generator) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=int(rng.integers(2, 6)))
    return np.array(Image.open(stream))


def heavy_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return levels(photo + rng.normal(0, rng.uniform(40, 100), photo.shape))


def posterised(photo: Pixels, rng: np.random.Generator) -> Pixels:
    steps = int(rng.integers(2, 5)) - 1
    return levels(np.rint(photo / 255 * steps) / steps * 255)


def glitched(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Bands of rows are displaced, each colour by its own distance, and some hold other bytes."""
    result = photo.copy()
    top = 0
    while top < len(photo):
        band = slice(top, top + int(rng.integers(2, 16)))
        for colour in range(3):
            result[band, :, colour] = np.roll(photo[band, :, colour], int(rng.integers(-200, 200)), 1)
        if rng.random() < 0.2:
            result[band] = rng.integers(0, 256, result[band].shape, np.uint8)
        top = band.stop
    return result


def windows(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A screenshot: a few overlapping windows with bars, buttons, lists and text."""
    image = Image.new("RGB", SIZE, colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 6))):
        left, top = int(rng.integers(-50, 400)), int(rng.integers(-20, 250))
        width, height = int(rng.integers(300, 700)), int(rng.integers(200, 450))
        dark = rng.random() < 0.3
        paper, ink = ("#202124", "#e8eaed") if dark else ("#ffffff", "#202020")
        draw.rectangle((left, top, left + width, top + height), paper, "#808080")
        draw.rectangle((left, top, left + width, top + 28), colour(rng))
        draw.text((left + 8, top + 5), sentence(rng, 3), "white", font(rng, 14))
        face = font(rng, int(rng.integers(11, 16)))
        for y in range(top + 36, top + height - 50, 18):
            draw.text((left + 150, y), sentence(rng, int(rng.integers(2, 9))), ink, face)
            draw.text((left + 10, y), sentence(rng, 1), colour(rng), face)
        for x in range(left + 10, left + width - 90, 100):
            draw.rounded_rectangle((x, top + height - 34, x + 80, top + height - 8), 5, colour(rng), "#606060")
            draw.text((x + 10, top + height - 30), sentence(rng, 1), "white", face)
    return np.array(image)


def text(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A page of paragraphs."""
    paper, ink = (("white", "black"), ("#fdf6e3", "#073642"), ("#1e1e1e", "#d4d4d4"))[rng.integers(3)]
    image = Image.new("RGB", SIZE, paper)
    draw = ImageDraw.Draw(image)
    size = int(rng.integers(11, 28))
    face, y = font(rng, size), 20
    while y < SIZE[1]:
        if rng.random() < 0.85:
            draw.text((30, y), sentence(rng, int(rng.integers(4, 1400 // size // 5))), ink, face)
        y += round(size * 1.35)
    return np.array(image)


def line_art(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Polygons, ellipses and curves of thin lines, drawn finely and downscaled."""
    image = Image.new("L", (2 * SIZE[0], 2 * SIZE[1]), 255)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(40, 120))):
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        reach = rng.uniform(20, 400)
        width = int(rng.integers(2, 7))
        kind = rng.integers(3)
        if kind == 0:
            points = [(x + reach * rng.normal() / 2, y + reach * rng.normal() / 2) for _ in range(rng.integers(3, 8))]
            draw.line([*points, points[0]], 0, width, "curve")
        elif kind == 1:
            draw.ellipse((x - reach / 2, y - reach / 3, x + reach / 2, y + reach / 3), None, 0, width)
        else:
            angles = np.linspace(0, rng.uniform(3, 12), 80)
            curve = [(x + reach * a / 8 * math.cos(a), y + reach * a / 8 * math.sin(a)) for a in angles]
            draw.line(curve, 0, width, "curve")
    return np.array(image.resize(SIZE, Image.Resampling.LANCZOS))


def x_ray(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Soft tissue and bones, bright on black, under the noise of few quanta."""
    centre = (rng.uniform(300, 470), rng.uniform(200, 310))
    soft = np.zeros(SIZE[::-1])
    for _ in range(int(rng.integers(3, 6))):
        flesh = Image.new("L", SIZE)
        (x, y), (a, b) = rng.normal(centre, 30), rng.uniform(100, 280, 2)
        ImageDraw.Draw(flesh).ellipse((x - a, y - b, x + a, y + b), int(rng.integers(20, 60)))
        soft += np.asarray(flesh.filter(ImageFilter.GaussianBlur(25)))
    for _ in range(int(rng.integers(5, 14))):
        bone = Image.new("L", SIZE)
        draw, value = ImageDraw.Draw(bone), int(rng.integers(30, 90))
        x, y, dx, dy = *rng.normal(centre, (120, 90)), *rng.uniform(-150, 150, 2)
        width = int(rng.integers(8, 30))
        draw.line((x, y, x + dx, y + dy), value, width)
        for end in ((x, y), (x + dx, y + dy)):
            draw.circle(end, width * 0.8, value)
        soft += np.asarray(bone.filter(ImageFilter.GaussianBlur(3)))
    return levels(soft + rng.normal(0, rng.uniform(2, 8), soft.shape))


def enlarged(images: Pixels) -> Maker:
    """The maker of small images (n, 28, 28), enlarged to 448 x 448 by repetition or bicubically."""

    def make(photo: Pixels, rng: np.random.Generator) -> Pixels:
        resample = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)[rng.integers(2)]
        return np.array(Image.fromarray(images[rng.integers(len(images))]).resize((448, 448), resample))

    return make


def makers(data: Path) -> dict[str, Maker]:
    """All kinds by name; `data` holds mnist-test.npz and fashion-mnist.npz."""
    drawn = (
        uniform_noise,
        gaussian_noise,
        scrambled_pixels,
        scrambled_blocks,
        windows,
        text,
        line_art,
        x_ray,
        salt_and_pepper,
        heavy_noise,
        jpeg,
        posterised,
        glitched,
        inverted,
    )
    with np.load(data / "mnist-test.npz") as mnist, np.load(data / "fashion-mnist.npz") as fashion:
        small = {"MNIST": enlarged(mnist["test_images"]), "Fashion-MNIST": enlarged(fashion["test_images"])}
    return {maker.__name__.replace("_", " "): maker for maker in drawn} | small


def levels(values: npt.NDArray[np.floating]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(20, 236, 3))
    return red, green, blue


def font(rng: np.random.Generator, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS[rng.integers(len(FONTS))], size)


def sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS.split(), words)).capitalize()
