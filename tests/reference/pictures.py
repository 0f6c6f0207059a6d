"""From a file to its picture: the order of variables by tier ("Order")."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .ladder import Ladder, Latents
from .likelihoods import pop_gist, pop_level
from .lower_bits import read_fine
from .plain import read_alpha, read_flats, read_plain, tiles
from .planes import Size, cut, sizes, to_opponent, to_rgb
from .stack import Floats, Stack
from .stream import ALPHA, CODES, FINE, FLATS, PLAIN, Malformed, Reader, Stream, parse
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
    parts = _places(stream)
    stacks = [Stack(codes, model.density) for codes in _stacks(stream.sections[CODES], len(parts), stream.levels)]
    lossless = stream.tier == "lossless"
    k = 4 - stream.levels if lossless else 0
    decoded = _lossless(stream, model, stacks) if lossless else _lossy(stream, model, stacks)
    flats = read_flats(stream.sections[FLATS], stream) if FLATS in stream.sections else None
    planes = np.empty((3, *sizes(stream.size)[k]), np.uint8)
    for part, stack, samples in zip(parts, stacks, decoded, strict=True):
        if flats is not None:
            samples = np.where(flats[part] < 0, samples, flats[part]).astype(np.uint8)
        cut(planes, part, k)[...] = samples.transpose(2, 0, 1)
        sealed = np.ascontiguousarray(samples[..., 1]) if stream.grey else samples
        if stream.levels == 4 and stack.unseal() != zlib.crc32(sealed.tobytes()):
            raise Malformed("the picture is not the one that was encoded")
    return planes[1] if stream.grey else np.ascontiguousarray(planes.transpose(1, 2, 0))


def _places(stream: Stream) -> list[Where]:
    """Of its tiles."""
    whole = stream.tier == "lossless" or max(stream.size) <= TILE
    return tiles(stream.size, TILE if whole else TILE // 2)


def _stacks(section: bytes, count: int, levels: int) -> list[bytes]:
    """The codes of each tile."""
    reader = Reader(section)
    lengths = [4 * reader.varint() for _ in range(4 * count)]
    parts = [reader.take(length) for length in lengths]
    if reader.rest():
        raise Malformed("the codes are longer than their parts")
    return [b"".join(parts[tile::count][:levels]) for tile in range(count)]


def _lossy(stream: Stream, model: Model, stacks: list[Stack]) -> Iterator[npt.NDArray[np.uint8]]:
    coarse, of_coarse = Ladder(model, stream.quality, stream.tune, sizes(stream.size)).coarse(Latents(stacks[0]))
    places = _places(stream)
    level, features = (np.empty((channels, *sizes(stream.size)[k]), np.float32) for channels, k in ((3, 1), (96, 2)))
    counts = []
    for inside, stack in zip(places, stacks, strict=True):
        y, above, count = _down(stream, model, stack, inside, cut(coarse, inside, 5), cut(of_coarse, inside, 6))
        cut(level, inside, 1)[...], cut(features, inside, 2)[...] = y, above
        counts.append(count)
    for inside, stack, count in zip(places, stacks, counts, strict=True):
        around = [
            slice(max(0, side.start - HALO), min(side.stop + HALO, end))
            for side, end in zip(inside, stream.size, strict=True)
        ]
        here = [
            slice(side.start - start.start, side.stop - start.start) for side, start in zip(inside, around, strict=True)
        ]
        of_levels = sizes([side.stop - side.start for side in around])
        mask = np.zeros((1, *of_levels[1]), bool)
        cut(mask, here, 1)[...] = True
        picture, _ = Ladder(model, stream.quality, stream.tune, of_levels).step(
            1, cut(level, around, 1), cut(features, around, 2), Latents(stack) if count == 3 else UNCODED, mask[0]
        )
        picture = to_rgb(cut(picture, here, 0))
        if stream.grey:
            red, green, blue = picture
            picture = np.stack([(red + green + blue) * np.float32(1 / 3)] * 3)
        yield _samples(np.floor(picture + np.float32(0.5)))


def _down(
    stream: Stream, model: Model, stack: Stack, inside: Where, level: Floats, features: Floats
) -> tuple[Floats, Floats, int]:
    """y_1 of a tile, the features of level 2, and how many levels of its details there are."""
    of_levels = sizes([side.stop - side.start for side in inside])
    ladder = Ladder(model, stream.quality, stream.tune, of_levels)
    for k in (5, 4):
        level, features = ladder.step(k, level, features, Latents(stack))
    if stream.tier in ("preview", "high"):
        level = to_opponent(pop_gist(model, stack, level, features, stream.grey))
    details = {"preview": 0, "standard": 3, "high": 3}
    coded = stream.levels > 1 and stream.tier not in details
    count = int(stack.pop_uniform(1, 2)[0]) if coded else details.get(stream.tier, 0)
    if count == 3 and stream.tier == "sketch":
        raise Malformed("a sketch of three levels")
    count = min(count, stream.levels - 1)
    for k in (3, 2):
        level, features = ladder.step(k, level, features, Latents(stack) if k > 3 - count else UNCODED)
    return level, features, count


def _lossless(stream: Stream, model: Model, stacks: list[Stack]) -> Iterator[npt.NDArray[np.uint8]]:
    for (rows, columns), stack in zip(_places(stream), stacks, strict=True):
        size = rows.stop - rows.start, columns.stop - columns.start
        level = _gist(stream, model, stack, size)
        for k in (3, 2, 1)[: stream.levels - 1]:
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
