"""Learned or plain: whichever is shorter, found without trying both where one of them obviously wins."""

from __future__ import annotations

from ..arrays import Pixels
from ..bitstream.forms import Form, Plain
from ..bitstream.stack import Stack
from ..models.transforms import to_samples
from . import lossless, plain
from .ledger import Coded, Ledger
from .model import Model

QUICK = (1, 50)  # WebP's method and quality for a first look: a few percent longer than the shortest
THOROUGH = {effort: (4, 80) if effort < 4 else (6, 90) if effort < 9 else (6, 100) for effort in range(1, 10)}
LEAST_RATE = 0.2  # bits per sub-pixel: the networks give no picture less
DOUBTFUL_RATE = 1.5  # below it, and where samples are best stored as they are, a few crops are tried first
CROP, CROPS = 128, 2  # side of a crop in pixels, and how many there are in each direction
OBVIOUS = {Form.STORED: 0.99, Form.DEFLATED: 0.7, Form.WEBP: 0.7}  # plain: this much of what the crops lead to expect
ROWS = 8  # of so many rows one says whether a picture is drawn
DRAWN = 0.5  # share of pixels as their left neighbours: photos have 0.03 to 0.2, drawings from 0.7 on
EXACT = 1.25  # how much longer a drawing may be for having no loss
HEADER = 40  # bytes, about, by which a learned picture's header and account are longer than a plain one's
SURE = 0.9  # learned: this much of a quick WebP

learned = lossless.encode  # in codes, however long they are


def encode(model: Model, pixels: Pixels, effort: int) -> Plain | Coded:
    """A lossless picture in the shorter of both ways.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        effort: 1..9.
    """
    quick = plain.encode(pixels, *QUICK)
    if _obviously_plain(model, pixels, quick):
        return _shorter(quick, plain.encode(pixels, *THOROUGH[effort]))
    coded = learned(model, pixels, effort)
    if len(coded.codes) < SURE * len(quick.content):
        return coded
    best = _shorter(quick, plain.encode(pixels, *THOROUGH[effort]))
    return coded if len(coded.codes) + HEADER < len(best.content) else best


def as_drawing(pixels: Pixels) -> Plain | None:
    """A drawing as a plain picture, as a lossy tier may take more bytes for less; None for what is none.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
    """
    rows = pixels[::ROWS].reshape(-(-len(pixels) // ROWS), pixels.shape[1], -1)
    same = (rows[:, 1:] == rows[:, :-1]).all(-1).sum() / (rows.shape[0] * rows.shape[1])
    return plain.encode(pixels, *THOROUGH[5]) if same > DRAWN else None


def _shorter(one: Plain, other: Plain) -> Plain:
    return min(one, other, key=lambda plain: len(plain.content))


def _obviously_plain(model: Model, pixels: Pixels, quick: Plain) -> bool:
    rate = 8 * len(quick.content) / pixels.size
    if rate < LEAST_RATE:
        return True
    height, width = pixels.shape[:2]
    doubtful = rate < DOUBTFUL_RATE or quick.form is Form.STORED
    if not doubtful or height * width < 4 * (CROP * CROPS) ** 2:
        return False
    return rate < OBVIOUS[quick.form] * _learned_rate(model, pixels)


def _learned_rate(model: Model, pixels: Pixels) -> float:
    """Bits per sub-pixel in a few crops, with the least effort."""
    stack = Stack(model.residuals)
    stack.seal(0)
    coder = lossless.TileCoder(model, stack, pixels.ndim == 2, effort=1)
    samples = 0
    for top in _places(pixels.shape[0]):
        for left in _places(pixels.shape[1]):
            crop = pixels[top : top + CROP, left : left + CROP]
            coder.push(to_samples(crop, model.device), Ledger())
            samples += crop.size
    return stack.bits / samples


def _places(side: int) -> list[int]:
    """Where the crops begin, evenly spread."""
    return [max(0, (2 * i + 1) * side // (2 * CROPS) - CROP // 2) for i in range(CROPS)]
