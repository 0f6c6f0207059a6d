"""What an alpha channel's PNG has to be: all of its pixels, and nothing else."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ...errors import CorruptError
from .png import SIGNATURE

_CHUNK = struct.Struct(">I4s")  # length and kind; a checksum follows the content
_CHECKSUM = 4
_HEAD = struct.Struct(">IIBBBBB")  # width, height, depth, colour type, compression, filters, interlacing


def check_alpha_png(data: bytes, width: int, height: int, depth: int = 8) -> None:
    """Raise CorruptError unless a PNG is of that size, grey, of that depth in bits, not interlaced, and complete.

    Decoders fill up what is missing, and read texts, profiles and frames, which may grow without bound.
    """
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds[-1] != b"IEND" or set(kinds[1:-1]) != {b"IDAT"}:
        raise CorruptError("the alpha channel's PNG is not made of a head, pixels and an end")
    if chunks[0][1] != _HEAD.pack(width, height, depth, 0, 0, 0, 0):
        raise CorruptError(f"the alpha channel is no grey PNG of {depth} bits and {width}x{height} pixels")
    decompressor, samples = zlib.decompressobj(), 0
    wanted = height * (1 + width * depth // 8)  # a byte before each row says how it is filtered
    for _, content in chunks[1:-1]:
        try:
            samples += len(decompressor.decompress(content, wanted + 1 - samples))
        except zlib.error as error:
            raise CorruptError(f"the alpha channel can't be decompressed: {error}") from error
        if samples > wanted:
            break
    if samples != wanted or not decompressor.eof or decompressor.unused_data:
        raise CorruptError("the alpha channel has too many or too few samples")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk. Raises CorruptError for what is no PNG, or is cut short."""
    if not data.startswith(SIGNATURE):
        raise CorruptError("the alpha channel is no PNG")
    position = len(SIGNATURE)
    while position < len(data):
        start = position + _CHUNK.size
        length, kind = _CHUNK.unpack_from(data, position) if start <= len(data) else (0, b"")
        position = start + length + _CHECKSUM
        if position > len(data):
            raise CorruptError("the alpha channel's PNG ends early")
        yield kind, data[start : start + length]
