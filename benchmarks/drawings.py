"""Pictures that are no photos, as people have them: drawn, uint8 (512, 768, 3), always the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ..arrays import Pixels
from ..training.corrupted import levels
from ..training.drawn import SIZE, sentence, windows
from .conditions import demo_photo

PAPER = (249, 244, 233)
COLOURS = (
    ("white", "#e0e0e0", "#808080", "#404040", "#1e1e1e", "black"),
    ("#ff0000", "#c62828", "#ef6c00", "#ffee58", "#2e7d32", "#00ff00"),
    ("#0000ff", "#1565c0", "#80deea", "#6a1b9a", "#f8bbd0", "#795548"),
    ("#fdf6e3", "#f5f5f5", "#eceff1", "#263238", "#0d47a1", "#fff8e1"),
)


def page() -> Pixels:
    """Black text on white."""
    image = Image.new("RGB", SIZE, "white")
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(0)
    draw.text((60, 36), sentence(rng, 4), "black", ImageFont.load_default(26))
    face = ImageFont.load_default(15)
    for line in range(18):
        if line % 6 != 5:
            draw.text((60, 90 + 22 * line), sentence(rng, 14), "black", face)
    return np.array(image)


def chart() -> Pixels:
    """Bars, a curve, axes and their labels."""
    image = Image.new("RGB", SIZE, "white")
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(1)
    face = ImageFont.load_default(14)
    heights = np.cumsum(rng.integers(-20, 45, 12)) + 120
    for tick in range(0, 401, 50):
        draw.line((80, 440 - tick, 720, 440 - tick), "#dddddd")
        draw.text((44, 432 - tick), f"{tick}", "#333333", face)
    for index, height in enumerate(heights):
        left = 100 + 51 * index
        draw.rectangle((left, 440 - int(height), left + 33, 440), "#1f77b4")
        draw.text((left + 4, 448), f"{2010 + index}", "#333333", face)
    curve = [(117 + 51 * index, 400 - int(0.8 * height)) for index, height in enumerate(heights[::-1])]
    draw.line(curve, "#d62728", 3, "curve")
    draw.line((80, 40, 80, 440, 720, 440), "black", 2)
    draw.text((300, 12), sentence(rng, 4), "black", ImageFont.load_default(18))
    return np.array(image)


def screenshot() -> Pixels:
    """Windows with bars, buttons, lists and text."""
    return windows(np.empty(0, np.uint8), np.random.default_rng(5))


def gradient() -> Pixels:
    """From one colour to another across the picture, and to a third down it."""
    across, down = np.linspace(0, 1, SIZE[0])[None, :, None], np.linspace(0, 1, SIZE[1])[:, None, None]
    left, right, below = (np.array(colour, float) for colour in ((30, 60, 120), (250, 240, 220), (120, 40, 90)))
    return levels((left + (right - left) * across) * (1 - down) + below * down)


def flat_colours() -> Pixels:
    """Squares of one colour each."""
    rows = [
        np.hstack([np.full((128, 128, 3), Image.new("RGB", (1, 1), name).getpixel((0, 0))) for name in row])
        for row in COLOURS
    ]
    return np.vstack(rows).astype(np.uint8)


def scanned_page() -> Pixels:
    """The page on paper that is not white, a little askew and soft, under uneven light and noise."""
    paper = Image.fromarray(levels(page() / 255 * np.array(PAPER, float)))
    turned = paper.rotate(0.8, Image.Resampling.BICUBIC, fillcolor=PAPER).filter(ImageFilter.GaussianBlur(0.7))
    light = np.linspace(1, 0.93, SIZE[0])[None, :, None]
    return levels(np.asarray(turned) * light + np.random.default_rng(2).normal(0, 1.5, (*SIZE[::-1], 1)))


def leaflet() -> Pixels:
    """A photo beside text on white, and a bar of one colour."""
    pixels = page()
    pixels[-80:] = (13, 71, 161)
    pixels[110:410, 480:736] = demo_photo()[::2, ::2]
    return pixels


PICTURES: dict[str, Callable[[], Pixels]] = {
    maker.__name__.replace("_", " "): maker
    for maker in (page, chart, screenshot, leaflet, gradient, flat_colours, scanned_page)
}
