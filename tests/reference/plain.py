"""What takes no model: plain pictures, areas of one colour, alpha ("Plain", "Flats"; the table of sections)."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from .stream import Malformed, Reader, Stream

STORED, DEFLATED, WEBP = 0, 1, 2
SIDE = 2048


def tiles(size: tuple[int, int], side: int) -> list[tuple[slice, slice]]:
    """Rows and columns of tiles, from left to right, then from top to bottom."""
    height, width = size
    return [
        (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def read_plain(section: bytes, stream: Stream) -> npt.NDArray[np.uint8]:
    """Samples (h, w), or (h, w, 3) in colour."""
    reader = Reader(section)
    form, checksum = reader.u8(), reader.u32()
    shape = stream.size if stream.grey else (*stream.size, 3)
    if form == WEBP:
        pixels = np.empty(shape, np.uint8)
        for rows, columns in tiles(stream.size, SIDE):
            tile = webp(reader.take(reader.varint()))
            pixels[rows, columns] = tile[..., 1] if stream.grey else tile
    elif form in (STORED, DEFLATED):
        samples = reader.rest() if form == STORED else zlib.decompress(reader.rest())
        pixels = np.frombuffer(samples, np.uint8).reshape(shape)
    else:
        raise Malformed("an unknown form")
    if reader.rest() or zlib.crc32(pixels.tobytes()) != checksum:
        raise Malformed("a plain picture is damaged")
    return pixels


def webp(chunk: bytes) -> npt.NDArray[np.uint8]:
    """Lossless WebP, RGB (h, w, 3), of what stands in its chunk VP8L."""
    padded = chunk + bytes(len(chunk) % 2)
    file = b"WEBPVP8L" + struct.pack("<I", len(chunk)) + padded
    with Image.open(io.BytesIO(b"RIFF" + struct.pack("<I", len(file)) + file)) as image:
        return np.array(image.convert("RGB"))


def read_flats(section: bytes, stream: Stream) -> npt.NDArray[np.int16]:
    """The samples in areas of one colour, -1 elsewhere: (h, w, 1), or (h, w, 3) in colour."""
    reader = Reader(zlib.decompress(section))
    count, channels = reader.u8(), 1 if stream.grey else 3
    colours = [list(reader.take(channels)) for _ in range(count)]
    samples = np.full((*stream.size, channels), -1, np.int16)
    for rows, columns in tiles(stream.size, 8):
        number = reader.u8()
        if number > count:
            raise Malformed("a colour that is not there")
        if number:
            samples[rows, columns] = colours[number - 1]
    if reader.rest() or not count:
        raise Malformed("more than the areas, or none")
    return samples


def read_alpha(section: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    """A grey PNG of 8 or 16 bits, (h, w)."""
    with Image.open(io.BytesIO(section)) as image:
        return np.array(image)
