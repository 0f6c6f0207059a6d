"""Pictures written without a model: as lossless WebP, as deflated samples or as they are. Needs no torch."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..arrays import Pixels, tiles
from ..bitstream.deflated import inflated
from ..bitstream.fields import Reader, varint
from ..bitstream.forms import Form, Plain
from ..bitstream.stack import checksum
from ..errors import CorruptError, StreamError
from .tiling import Where, assemble, size_of, whole

WEBP_SIDE = 2048  # of tiles, as WebP takes 40 bytes of memory for a pixel
DEFLATED = 1 << 16  # samples of the largest picture that is deflated: in larger ones WebP finds as much and more
_CHUNKS = struct.Struct("<4sI4s4sI")  # RIFF, size, WEBP, VP8L, size
_START = struct.Struct("<BI")  # signature; width - 1 and height - 1, 14 bits each
_SIGNATURE = 0x2F


def encode(pixels: Pixels, method: int, quality: int) -> Plain:
    """The shortest form of a picture.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        method: of WebP, 0 (fast) to 6.
        quality: how much time WebP may take, 0 to 100; it is lossless at all of them.
    """
    forms = {Form.WEBP: webp(pixels, method, quality)}
    if pixels.size <= DEFLATED:
        forms[Form.DEFLATED] = zlib.compress(pixels.tobytes(), 9)
    if min(map(len, forms.values())) >= pixels.size:
        forms = {Form.STORED: pixels.tobytes()}
    form = min(forms, key=lambda form: (len(forms[form]), form))
    return Plain(form, checksum(pixels), forms[form])


def decode(plain: Plain, size: tuple[int, int], grey: bool, wanted: Where | None = None) -> Pixels:
    """The pixels that `encode` was given, or a part of them: uint8 (h, w, 3), or (h, w) for grey.

    Args:
        plain: as `encode` returned it.
        size: of the picture.
        grey: whether it has one channel.
        wanted: the part; of a WebP no more tiles are read than it takes, and only the whole is checked. None for that.

    Raises:
        CorruptError: the content is not that of a picture of this size, or not that of the picture encoded.
    """
    shape = size if grey else (*size, 3)
    wanted = wanted or whole(size)
    try:
        if plain.form is Form.WEBP:
            pixels = _read_webp(plain.content, size, grey, wanted)
        else:
            pixels = np.frombuffer(_samples(plain, int(np.prod(shape))), np.uint8).reshape(shape)[wanted]
    except (CorruptError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds for a bad file
        raise CorruptError(f"the plain picture can't be read: {error}") from error
    if wanted == whole(size) and checksum(pixels) != plain.checksum:
        raise CorruptError("the decoded picture is not the one that was encoded: its checksum differs")
    return pixels


def _samples(plain: Plain, count: int) -> bytes:
    samples = plain.content
    if plain.form is Form.DEFLATED:
        samples = inflated(plain.content, count, "the plain picture")
    if len(samples) != count:
        raise CorruptError(f"the plain picture has {len(samples)} samples, not {count}")
    return samples


def webp(pixels: Pixels, method: int, quality: int) -> bytes:
    """The content of the form WEBP, whatever its length; arguments are those of `encode`."""
    return b"".join(_write_tiles(pixels, method, quality))


def _write_tiles(pixels: Pixels, method: int, quality: int) -> Iterator[bytes]:
    for rows, columns in tiles(pixels.shape[:2], WEBP_SIDE):
        file = io.BytesIO()
        tile = Image.fromarray(np.ascontiguousarray(pixels[rows, columns])).convert("RGB")
        try:
            tile.save(file, "WEBP", lossless=True, method=method, quality=quality)
        except ValueError as error:  # for samples like these there is one reason only
            raise MemoryError(f"WebP: {error}") from error
        *_, length = _CHUNKS.unpack_from(file.getbuffer())
        yield varint(length)
        yield file.getvalue()[_CHUNKS.size : _CHUNKS.size + length]


def _read_webp(content: bytes, size: tuple[int, int], grey: bool, wanted: Where) -> Pixels:
    from PIL import _webp  # not there in every build of Pillow, and the other forms need it not

    reader = Reader(content)
    places = list(tiles(size, WEBP_SIDE))
    chunks = [_take(reader) for _ in places]
    if reader.more():
        raise CorruptError("bytes follow the plain picture")
    for chunk, place in zip(chunks, places, strict=True):  # before anything of the claimed size is allocated
        signature, claimed = _START.unpack_from(chunk)
        if signature != _SIGNATURE or ((claimed >> 14 & 0x3FFF) + 1, (claimed & 0x3FFF) + 1) != size_of(place):
            raise CorruptError("a tile of the plain picture has another size")

    def give(number: int) -> Pixels:
        chunk = chunks[number]
        padding = len(chunk) % 2
        length = _CHUNKS.size - 8 + len(chunk) + padding
        head = _CHUNKS.pack(b"RIFF", length, b"WEBP", b"VP8L", len(chunk))
        # Not Pillow's own class: its limit on the number of pixels is a guess, here the size is known.
        decoded = _webp.WebPAnimDecoder(head + chunk + bytes(padding)).get_next()
        if decoded is None:
            raise CorruptError("a tile of the plain picture is damaged")
        tile = np.frombuffer(decoded[0], np.uint8).reshape(*size_of(places[number]), 4)
        return tile[..., 0] if grey else tile[..., :3]

    return assemble(places, wanted, grey, give)


def _take(reader: Reader) -> bytes:
    try:
        return reader.take(reader.varint())
    except StreamError as error:
        raise CorruptError(f"a tile of the plain picture is cut short: {error}") from error
