"""Pictures that nobody took: screenshots, pages, charts and the like, drawn for the gate to learn from.

Each maker takes a photo, which it does not look at, and a generator, as those of `corrupted` do.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ..arrays import Pixels
from .corrupted import levels

SIZE = (768, 512)  # of what is drawn
WORDS = (
    "the quick brown fox jumps over a lazy dog while settings file edit view tools help network likelihood picture "
    "decode stream error model and of in to is that for with as not be this are or from at which but"
)


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
        draw.text((left + 8, top + 5), sentence(rng, 3), "white", ImageFont.load_default(14))
        face = ImageFont.load_default(int(rng.integers(11, 16)))
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
    face, y = ImageFont.load_default(size), 20
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


def chart(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Bars or lines over a grid, with axes and labels."""
    image = Image.new("RGB", SIZE, "white")
    draw, face = ImageDraw.Draw(image), ImageFont.load_default(14)
    for y in range(60, 460, 50):
        draw.line((60, y, 740, y), "#d0d0d0")
        draw.text((20, y - 8), str(460 - y), "black", face)
    draw.text((250, 20), sentence(rng, 4), "black", ImageFont.load_default(20))
    for ink in [colour(rng) for _ in range(int(rng.integers(1, 5)))]:
        heights = 450 - rng.uniform(0, 380, 18)
        if rng.random() < 0.5:
            for i, top in enumerate(heights):
                draw.rectangle((70 + 37 * i, top, 95 + 37 * i, 460), ink)
        else:
            draw.line([(75 + 37 * i, top) for i, top in enumerate(heights)], ink, 3)
    draw.line((60, 40, 60, 460, 740, 460), "black", 2)
    return np.array(image)


def regions(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A map: flat cells around random places, some with borders."""
    places = rng.uniform((0, 0), SIZE[::-1], (int(rng.integers(20, 60)), 2))
    rows, columns = np.indices(SIZE[::-1])
    nearest = np.full(SIZE[::-1], np.inf)
    cells = np.zeros(SIZE[::-1], np.int64)
    for index, (row, column) in enumerate(places):
        distance = (rows - row) ** 2 + (columns - column) ** 2
        cells[distance < nearest] = index
        nearest = np.minimum(nearest, distance)
    result = rng.integers(0, 256, (len(places), 3), np.uint8)[cells]
    if rng.random() < 0.5:
        border = (cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))
        result[border] = 0
    return result


def matrix_code(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Black and white modules of 4 to 16 pixels."""
    side = int(rng.integers(4, 17))
    modules = rng.integers(0, 2, (-(-SIZE[1] // side), -(-SIZE[0] // side)), np.uint8)
    return 255 * modules.repeat(side, 0).repeat(side, 1)[: SIZE[1], : SIZE[0]]


def gradient(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """From one colour to another, straight or around a point."""
    rows, columns = np.indices(SIZE[::-1]) / SIZE[0]
    angle, (x, y) = rng.uniform(0, 2 * math.pi), rng.uniform(0, 1, 2)
    straight = rows * math.sin(angle) + columns * math.cos(angle)
    values = straight if rng.random() < 0.5 else np.hypot(rows - y, columns - x)
    share = ((values - values.min()) / np.ptp(values))[..., None]
    return levels(np.array(colour(rng)) * (1 - share) + np.array(colour(rng)) * share)


def tiny(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A letter or a shape cut out of the photo, of 28 x 28 pixels, many times enlarged."""
    stencil = Image.new("L", (112, 112))
    draw = ImageDraw.Draw(stencil)
    if rng.random() < 0.5:
        draw.text(tuple(rng.uniform(5, 30, 2)), chr(int(rng.integers(48, 123))), 255, ImageFont.load_default(90))
        shade = np.full((28, 28), 255.0)
    else:
        draw.polygon([tuple(point) for point in rng.uniform(5, 107, (int(rng.integers(4, 9)), 2))], 255)
        shade = np.asarray(Image.fromarray(photo).convert("L").resize((28, 28)), np.float64)
    image = Image.fromarray(levels(shade * np.asarray(stencil.resize((28, 28))) / 255))
    side = 28 * int(rng.integers(8, 21))
    resample = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(3)]
    return np.array(image.resize((side, side), resample))


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(20, 236, 3))
    return red, green, blue


def sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS.split(), words)).capitalize()


MAKERS = (windows, text, line_art, x_ray, chart, regions, matrix_code, gradient, tiny)
