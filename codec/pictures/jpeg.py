"""JPEG files segment by segment: what Pillow leaves out of them and what it can't write."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from . import xmp
from .xmp import XmpError

XMP = b"http://ns.adobe.com/xap/1.0/\x00"
EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"
PHOTOSHOP = b"Photoshop 3.0\x00"
IPTC = 0x0404  # of Photoshop's image resources

_EXTENDED_HEAD = struct.Struct(">32sII")  # which main packet it belongs to, all of it, where this part begins
MAX_SEGMENT = 65533  # bytes of its content
_MAX_XMP = MAX_SEGMENT - len(XMP)
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # but those within coded samples
_END, _ALONE = 0xD9, 0x01  # markers without a segment
_GAIN_MAP = b"urn:iso:std:iso:ts:21496"
# Beginnings of segments that are read elsewhere, or say how the samples are coded.
_KNOWN = {
    "APP0": (b"JFIF", b"JFXX"),
    "APP1": (b"Exif\x00\x00", XMP, EXTENDED),
    "APP2": (b"ICC_PROFILE\x00", b"MPF\x00", _GAIN_MAP),
    "APP12": (b"Ducky",),
    "APP13": (PHOTOSHOP, b"Adobe_CM"),
    "APP14": (b"Adobe",),
    "COM": (b"",),
}

Segments = Sequence[tuple[str, bytes]]  # name and content, as Pillow's `applist` has them


def comments(segments: Segments) -> list[bytes]:
    """All comments; Pillow keeps the last."""
    return [content for name, content in segments if name == "COM"]


def photoshop_of(segments: Segments) -> bytes:
    """The image resource blocks one after another."""
    blocks = [content for name, content in segments if name == "APP13" and content.startswith(PHOTOSHOP)]
    return b"".join(block.removeprefix(PHOTOSHOP) for block in blocks)


def has_gain_map(segments: Segments) -> bool:
    """Whether the file says that a gain map follows."""
    return any(name == "APP2" and content.startswith(_GAIN_MAP) for name, content in segments)


def whole_xmp(main: bytes, segments: Segments) -> bytes:
    """The main packet with the extended one that it refers to.

    Raises:
        XmpError: the extended packet is not complete, or can't be read.
    """
    parts = [content for name, content in segments if name == "APP1" and content.startswith(EXTENDED)]
    reference = re.search(rb"""HasExtendedXMP\s*(?:=\s*["']|>)\s*([0-9A-Fa-f]{32})""", main)
    if not reference and not parts:
        return main
    if not reference:
        raise XmpError("nothing refers to the extended part")
    found: dict[int, bytes] = {}
    whole = None
    for content in parts:
        if len(content) >= len(EXTENDED) + _EXTENDED_HEAD.size:
            guid, length, start = _EXTENDED_HEAD.unpack_from(content, len(EXTENDED))
            if guid.upper() == reference[1].upper():
                whole, found[start] = length, content[len(EXTENDED) + _EXTENDED_HEAD.size :]
    position = 0
    for start in sorted(found):
        if start != position:
            raise XmpError("a part is missing")
        position += len(found[start])
    if position != whole:
        raise XmpError("a part is missing")
    return xmp.merged(main, b"".join(found[start] for start in sorted(found)))


def segments_of(photoshop: bytes | None, packet: bytes | None) -> tuple[bytes | None, bytes]:
    """What a JPEG is to hold: the main XMP packet, and the segments with the rest of it and Photoshop's blocks.

    Raises:
        XmpError: the packet can't be split.
    """
    parts = []
    if packet and len(packet) > _MAX_XMP:
        packet, extended, name = xmp.split(packet)
        room = MAX_SEGMENT - len(EXTENDED) - _EXTENDED_HEAD.size
        for start in range(0, len(extended), room):
            head = EXTENDED + _EXTENDED_HEAD.pack(name, len(extended), start)
            parts.append(_segment(0xE1, head + extended[start : start + room]))
    if photoshop:
        room = MAX_SEGMENT - len(PHOTOSHOP)
        parts += [
            _segment(0xED, PHOTOSHOP + photoshop[start : start + room]) for start in range(0, len(photoshop), room)
        ]
    return packet, b"".join(parts)


def left_out(segments: Segments) -> list[str]:
    """Names of segments that say something of the picture and are kept nowhere."""
    names = []
    for name, content in segments:
        if not any(content.startswith(start) for start in _KNOWN.get(name, ())):
            label = re.match(rb"[\x20-\x7e]{0,40}", content)
            names.append(f"JPEG {name} ({label[0].decode()})" if label and label[0] else f"JPEG {name}")
    return list(dict.fromkeys(names))


def behind(content: bytes) -> bytes:
    """What follows the end of the first picture; nothing where that is not found."""
    position = 2
    while found := _MARKER.search(content, position):
        marker, start = found[0][1], found.end()
        if marker == _END:
            return content[start:]
        position = start if marker == _ALONE else start + int.from_bytes(content[start : start + 2], "big")
    return b""


def blocks_of(resources: dict[int, bytes]) -> bytes:
    """Image resource blocks of their content by number, as Pillow's `info["photoshop"]` has it."""
    parts = []
    for number, content in resources.items():
        if isinstance(content, bytes):  # Pillow reads some of them
            padding = bytes(len(content) % 2)
            parts.append(b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + padding)
    return b"".join(parts)


def resources_of(blocks: bytes) -> dict[int, bytes]:
    """The content of image resource blocks by number."""
    found: dict[int, bytes] = {}
    position = 0
    while blocks[position : position + 4] == b"8BIM" and position + 12 <= len(blocks):
        number, name_length = struct.unpack_from(">HB", blocks, position + 4)
        position += 7 + name_length + (name_length + 1) % 2
        length = int.from_bytes(blocks[position : position + 4], "big")
        found[number] = blocks[position + 4 : position + 4 + length]
        position += 4 + length + length % 2
    return found


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content
