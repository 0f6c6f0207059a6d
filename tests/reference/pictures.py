"""From a file to its picture: the order of variables by tier ("Order")."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from .ladder import Ladder, Latents
from .likelihoods import pop_gist, pop_level
from .lower_bits import read_fine
from .plain import read_alpha, read_plain, tiles
from .planes import Size, sizes, to_opponent, to_rgb
from .stack import Floats, Stack
from .stream import ALPHA, CODES, FINE, PLAIN, Malformed, Stream, parse
from .weights import Model

Samples = npt.NDArray[np.uint8 | np.uint16]
TILE = 1024
UNCODED = Latents(None)


def decode(data: bytes, model: Model | None = None) -> Samples:
    """The samples of a file, (h, w) or (h, w, channels), alpha last. A plain picture needs no model."""
    stream = parse(data)
    alpha = read_alpha(stream.sections[ALPHA]) if ALPHA in stream.sections else None
    if PLAIN in stream.sections:
        samples = read_plain(stream.sections[PLAIN], stream)
    else:
        if stream.hash != model.hash:
            raise Malformed("it was made with another model")
        samples = _decoded(stream, model)
    if FINE in stream.sections:
        samples = read_fine(stream.sections[FINE], samples)
    return samples if alpha is None else np.dstack([samples, alpha])


def _decoded(stream: Stream, model: Model) -> npt.NDArray[np.uint8]:
    stack = Stack(stream.sections[CODES], model.density)
    pixels = _lossless(stream, model, stack) if stream.tier == "lossless" else _lossy(stream, model, stack)
    pixels = pixels[..., 1] if stream.grey else pixels
    if stack.unseal() != zlib.crc32(pixels.tobytes()):
        raise Malformed("the picture is not the one that was encoded")
    return pixels


def _lossy(stream: Stream, model: Model, stack: Stack) -> npt.NDArray[np.uint8]:
    ladder = Ladder(model, stream.quality, stream.tune, sizes(stream.size))
    coded = Latents(stack)
    details = {"preview": 0, "standard": 3, "high": 3}
    n = details[stream.tier] if stream.tier in details else int(stack.pop_uniform(1, 2)[0])
    if n == 3 and stream.tier == "sketch":
        raise Malformed("a sketch of three levels")
    level, features = ladder.gist(coded)
    if stream.tier in ("preview", "high"):
        level = to_opponent(pop_gist(model, stack, level, features, stream.grey))
    for k in (3, 2, 1):
        level, features = ladder.step(k, level, features, coded if k > 3 - n else UNCODED)
    picture = to_rgb(level)
    if stream.grey:
        red, green, blue = picture
        picture = np.stack([(red + green + blue) * np.float32(1 / 3)] * 3)
    return _samples(np.floor(picture + np.float32(0.5)))


def _lossless(stream: Stream, model: Model, stack: Stack) -> npt.NDArray[np.uint8]:
    pixels = np.empty((*stream.size, 3), np.uint8)
    parts = tiles(stream.size, TILE)
    sides = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in parts]
    levels = [_gist(stream, model, stack, size) for size in sides]
    for k in (3, 2, 1):
        levels = [
            pop_level(model, stack, k, level, sizes(size)[k - 1], stream.grey)
            for size, level in zip(sides, levels, strict=True)
        ]
    for part, level in zip(parts, levels, strict=True):
        pixels[part] = _samples(level)
    return pixels


def _gist(stream: Stream, model: Model, stack: Stack, size: Size) -> Floats:
    """y_3 of a tile."""
    latents = Latents(stack, [] if stack.pop_uniform(1, 1)[0] else None)
    level, features = Ladder(model, stream.quality, stream.tune, sizes(size)).gist(latents)
    gist = pop_gist(model, stack, level, features, stream.grey)
    latents.give_back()
    return gist


def _samples(planes: Floats) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.clip(planes, 0, 255).astype(np.uint8).transpose(1, 2, 0))
