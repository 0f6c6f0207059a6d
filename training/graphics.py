"""Pictures that are no photos, drawn at random: flat areas, gradients, pages of text, charts, photos on a page.

A model of photos alone has no reason to keep white paper white.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Colour = tuple[int, int, int]

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;()-      "))
PAPERS: tuple[Colour, ...] = ((255, 255, 255), (0, 0, 0))
PAPER_SHARE = 0.6  # of backgrounds that are white or black


def draw_graphic(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """A random graphic, or a part of a photo on a page: uint8 (3, s, s) of the same size as `crop`, a photo's."""
    kinds: tuple[Callable[[Tensor, np.random.Generator], Tensor], ...] = (_flat, _gradient, _page, _chart, _framed)
    return kinds[rng.integers(len(kinds))](crop, rng)


def _colour(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.5:
        return (int(rng.integers(256)),) * 3
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _background(rng: np.random.Generator) -> Colour:
    return PAPERS[rng.integers(len(PAPERS))] if rng.random() < PAPER_SHARE else _colour(rng)


def _flat(crop: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.tensor(_background(rng), dtype=torch.uint8).view(3, 1, 1).expand_as(crop)


def _gradient(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """From one colour to another in a random direction; a little noise in half of them hides the steps."""
    size = crop.shape[-1]
    start, end = (torch.tensor(_colour(rng)).view(3, 1, 1) for _ in range(2))
    place = torch.linspace(0, 1, size)
    angle = rng.uniform(0, np.pi / 2)
    across, down = np.cos(angle), np.sin(angle)
    part = (place * across + place[:, None] * down) / (across + down)
    noise = torch.from_numpy(rng.uniform(-0.5, 0.5, (3, size, size))) * int(rng.integers(2))
    return (start + (end - start) * part + noise).round().clamp(0, 255).to(torch.uint8)


def _page(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Lines of letters on a background, with margins."""
    background = _background(rng)
    ink = tuple(255 - level for level in background) if rng.random() < 0.7 else _colour(rng)

    def draw(on: ImageDraw.ImageDraw, size: int) -> None:
        height = int(rng.integers(9, 34) * size / crop.shape[-1])
        font = ImageFont.load_default(height)
        left, top = rng.integers(-size // 8, size // 3, 2).tolist()
        while top < size:
            on.text((left, top), "".join(rng.choice(LETTERS, 60)), fill=ink, font=font)
            top += height + int(rng.integers(2, max(3, height)))

    return _drawn(crop, background, draw, rng)


def _chart(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Boxes, discs and lines on a background."""

    def draw(on: ImageDraw.ImageDraw, size: int) -> None:
        for _ in range(int(rng.integers(2, 12))):
            corners = np.sort(rng.integers(-size // 4, size + size // 4, (2, 2)), 0).flatten().tolist()
            kind = rng.integers(3)
            if kind == 0:
                on.rectangle(corners, fill=_colour(rng))
            elif kind == 1:
                on.ellipse(corners, fill=_colour(rng))
            else:
                on.line(rng.integers(0, size, 8).tolist(), fill=_colour(rng), width=int(rng.integers(1, 6)))

    return _drawn(crop, _background(rng), draw, rng)


def _drawn(
    crop: Tensor, background: Colour, draw: Callable[[ImageDraw.ImageDraw, int], None], rng: np.random.Generator
) -> Tensor:
    """What `draw` draws, half of the time at twice the size and downscaled, for smooth edges."""
    size = crop.shape[-1]
    scale = int(rng.integers(1, 3))
    image = Image.new("RGB", (scale * size, scale * size), background)
    draw(ImageDraw.Draw(image), scale * size)
    return torch.from_numpy(np.array(image.reduce(scale))).permute(2, 0, 1)


def _framed(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """A part of the photo on a flat background."""
    size = crop.shape[-1]
    top, left = rng.integers(0, size // 2, 2).tolist()
    bottom, right = (int(rng.integers(edge + size // 4, size + size // 4)) for edge in (top, left))
    picture = _flat(crop, rng).clone()
    picture[:, top:bottom, left:right] = crop[:, top:bottom, left:right]
    return picture
