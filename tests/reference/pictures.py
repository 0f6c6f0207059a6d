"""From a file to its picture: the order of variables by tier ("Order")."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .ladder import Ladder, Latents
from .likelihoods import pop_gist, pop_level
from .lower_bits import read_fine
from .plain import read_alpha, read_plain, tiles
from .planes import Size, cut, sizes, to_opponent, to_rgb
from .stack import Floats, Stack
from .stream import ALPHA, CODES, FINE, PLAIN, Malformed, Reader, Stream, parse
from .weights import Model

Samples = npt.NDArray[np.uint8 | np.uint16]
TILE, HALO = 1024, 32
Where = Sequence[slice]
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
    parts = tiles(stream.size, TILE)
    stacks = [Stack(codes, model.density) for codes in _stacks(stream.sections[CODES], len(parts))]
    decoded = _lossless(stream, model, stacks) if stream.tier == "lossless" else _lossy(stream, model, stacks)
    pixels = np.empty((*stream.size, 3), np.uint8)
    for part, stack, samples in zip(parts, stacks, decoded, strict=True):
        pixels[part] = samples
        sealed = np.ascontiguousarray(samples[..., 1]) if stream.grey else samples
        if stack.unseal() != zlib.crc32(sealed.tobytes()):
            raise Malformed("the picture is not the one that was encoded")
    return pixels[..., 1] if stream.grey else pixels


def _stacks(section: bytes, count: int) -> list[bytes]:
    """The codes of each tile."""
    if count == 1:
        return [section]
    reader = Reader(section)
    lengths = [4 * reader.varint() for _ in range(4 * count)]
    parts = [reader.take(length) for length in lengths]
    if reader.rest():
        raise Malformed("the codes are longer than their parts")
    return [b"".join(parts[tile::count]) for tile in range(count)]


def _lossy(stream: Stream, model: Model, stacks: list[Stack]) -> Iterator[npt.NDArray[np.uint8]]:
    whole = Ladder(model, stream.quality, stream.tune, sizes(stream.size))
    level, features = whole.gist(Latents(stacks[0]))
    if stream.tier in ("preview", "high"):
        level = to_opponent(pop_gist(model, stacks[0], level, features, stream.grey))
    for (rows, columns), stack in zip(tiles(stream.size, TILE), stacks, strict=True):
        around = [
            slice(max(0, side.start - HALO), min(side.stop + HALO, end))
            for side, end in zip((rows, columns), stream.size, strict=True)
        ]
        picture = _tile(stream, model, stack, cut(level, around, 3), cut(features, around, 4), (rows, columns), around)
        if stream.grey:
            red, green, blue = picture
            picture = np.stack([(red + green + blue) * np.float32(1 / 3)] * 3)
        yield _samples(np.floor(picture + np.float32(0.5)))


def _tile(
    stream: Stream, model: Model, stack: Stack, level: Floats, features: Floats, inside: Where, around: Where
) -> Floats:
    """The mean of a tile's samples, from y_3 and the features of level 4 there and around."""
    ladder = Ladder(model, stream.quality, stream.tune, sizes([side.stop - side.start for side in around]))
    place = [
        slice(side.start - start.start, side.stop - start.start) for side, start in zip(inside, around, strict=True)
    ]
    details = {"preview": 0, "standard": 3, "high": 3}
    n = details[stream.tier] if stream.tier in details else int(stack.pop_uniform(1, 2)[0])
    if n == 3 and stream.tier == "sketch":
        raise Malformed("a sketch of three levels")
    for k in (3, 2, 1):
        mask = np.zeros((1, *ladder.sizes[k]), bool)
        cut(mask, place, k)[...] = True
        level, features = ladder.step(k, level, features, Latents(stack) if k > 3 - n else UNCODED, mask[0])
    return to_rgb(cut(level, place, 0))


def _lossless(stream: Stream, model: Model, stacks: list[Stack]) -> Iterator[npt.NDArray[np.uint8]]:
    for (rows, columns), stack in zip(tiles(stream.size, TILE), stacks, strict=True):
        size = rows.stop - rows.start, columns.stop - columns.start
        level = _gist(stream, model, stack, size)
        for k in (3, 2, 1):
            level = pop_level(model, stack, k, level, sizes(size)[k - 1], stream.grey)
        yield _samples(level)


def _gist(stream: Stream, model: Model, stack: Stack, size: Size) -> Floats:
    """y_3 of a tile."""
    latents = Latents(stack, [] if stack.pop_uniform(1, 1)[0] else None)
    level, features = Ladder(model, stream.quality, stream.tune, sizes(size)).gist(latents)
    gist = pop_gist(model, stack, level, features, stream.grey)
    latents.give_back()
    return gist


def _samples(planes: Floats) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.clip(planes, 0, 255).astype(np.uint8).transpose(1, 2, 0))
