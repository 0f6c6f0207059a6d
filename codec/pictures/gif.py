"""GIF files block by block: the extensions of applications, which Pillow leaves out."""

from __future__ import annotations

from collections.abc import Iterator

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B  # by which blocks begin
_APPLICATION = 0xFF
_NAME = slice(1, 12)  # of the application, behind its length
_FIELDS = {b"XMP DataXMP": "xmp", b"ICCRGBG1012": "icc"}
_SILENT = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}  # how often an animation is shown
# Behind XMP, which is in no sub-blocks: a reader that takes it for some comes to the end from any of these.
_MAGIC = b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def of_gif(content: bytes) -> tuple[dict[str, bytes], list[str]]:
    """What a GIF carries and Pillow leaves out: icc and xmp by name, and names of what else."""
    found: dict[str, bytes] = {}
    others = []
    for extension in _applications(content):
        name, data = extension[_NAME], extension[_NAME.stop :]
        if name in _FIELDS:
            found.setdefault(_FIELDS[name], data[: -len(_MAGIC)] if data.endswith(_MAGIC) else _joined(data))
        elif name not in _SILENT:
            others.append(f"GIF extension {name.decode('latin-1')}")
    return found, others


def _applications(content: bytes) -> Iterator[bytes]:
    """The sub-blocks of each extension of an application; what is no block is skipped, as Pillow does."""
    position = 13 + _palette(content[10:11])
    while position < len(content) and content[position] != _END:
        if content[position] == _EXTENSION:
            start = position + 2
        elif content[position] == _IMAGE:
            start = position + 11 + _palette(content[position + 9 : position + 10])
        else:
            position += 1
            continue
        end = start
        while size := int.from_bytes(content[end : end + 1], "big"):
            end += 1 + size
        if content[position : position + 2] == bytes([_EXTENSION, _APPLICATION]):
            yield content[start : end + 1]
        position = end + 1


def _palette(flags: bytes) -> int:
    """How many bytes a palette takes, if there is one."""
    number = int.from_bytes(flags, "big")
    return 3 << ((number & 7) + 1) if number & 0x80 else 0


def _joined(data: bytes) -> bytes:
    parts, start = [], 0
    while start < len(data):
        end = start + 1 + data[start]
        parts.append(data[start + 1 : end])
        start = end
    return b"".join(parts)
