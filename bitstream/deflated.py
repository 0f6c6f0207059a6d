"""Content in zlib streams, never more of it than there may be."""

from __future__ import annotations

import zlib

from ..errors import CorruptError


def inflated(data: bytes, most: int, what: str) -> bytes:
    """The content of a zlib stream that fills `data`, at most so many bytes.

    Raises CorruptError, which says of what, for one that is broken, incomplete, longer or followed by other data.
    """
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise CorruptError(f"{what} can't be decompressed: {error}") from error
    if len(content) > most or not inflater.eof or inflater.unused_data:
        raise CorruptError(f"{what} is too large, incomplete or followed by other data")
    return content
