"""Pictures that are no photos, for the ladder to learn from: on photos alone, white paper need not stay white."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..arrays import Pixels
from . import drawn

OF_EACH_KIND = 20
WHITE_OR_BLACK = 0.6  # of flat areas


def graphics(photos: Sequence[Tensor]) -> list[Tensor]:
    """Some of every kind, the same every time, perhaps with parts of photos in them: uint8 (3, h, w) each."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(photos), OF_EACH_KIND)
    shown = [photos[index].permute(1, 2, 0).numpy() for index in chosen]
    return [torch.from_numpy(_rgb(kind(photo, rng))).permute(2, 0, 1) for kind in KINDS for photo in shown]


def _flat(photo: Pixels, rng: np.random.Generator) -> Pixels:
    colour = np.full(3, 255 * rng.integers(2)) if rng.random() < WHITE_OR_BLACK else rng.integers(0, 256, 3)
    return np.broadcast_to(colour.astype(np.uint8), (*drawn.SIZE[::-1], 3))


def _framed(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A part of a photo on a flat background."""
    page = _flat(photo, rng).copy()
    top, left = (int(rng.integers(0, side // 2)) for side in page.shape[:2])
    part = photo[: page.shape[0] - top - 8, : page.shape[1] - left - 8]
    page[top : top + part.shape[0], left : left + part.shape[1]] = part
    return page


def _rgb(pixels: Pixels) -> Pixels:
    return np.array(np.broadcast_to(pixels.reshape(*pixels.shape[:2], -1), (*pixels.shape[:2], 3)))


KINDS = (_flat, _framed, drawn.gradient, drawn.text, drawn.windows, drawn.chart, drawn.line_art, drawn.regions)
