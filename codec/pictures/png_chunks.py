"""What an alpha channel's PNG may hold: pixels and nothing else."""

from __future__ import annotations

import struct

from ...errors import CorruptError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")  # length and kind of a chunk; a checksum follows its content
_CHECKSUM = 4


def refuse_other_chunks(data: bytes) -> None:
    """Raise CorruptError unless a PNG is header, pixels and end: texts, profiles and frames may grow without bound."""
    position, kinds = len(_SIGNATURE), []
    while position + _HEAD.size <= len(data):
        length, kind = _HEAD.unpack_from(data, position)
        if kind not in (b"IHDR", b"IDAT", b"IEND"):
            raise CorruptError(f"the alpha channel has a chunk {kind!r} beside its pixels")
        kinds.append(kind)
        position += _HEAD.size + length + _CHECKSUM
    if not data.startswith(_SIGNATURE) or position != len(data) or kinds[:1] != [b"IHDR"]:
        raise CorruptError("the alpha channel is no PNG, or is cut short")
