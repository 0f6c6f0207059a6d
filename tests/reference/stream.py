"""The file: header, sections and checksum ("Layout" and "Sections")."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

MAGIC, VERSION = b"\x89SVC", 1
TIERS = ("sketch", "preview", "standard", "high", "lossless")
CODES, ACCOUNT, ALPHA, ICC, EXIF, XMP, PLAIN, FINE, CUT, FLATS, ANCILLARY = 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 128


class Malformed(ValueError):
    """It is no intact .svc file."""


class Reader:
    """Takes bytes from the front."""

    def __init__(self, data: bytes):
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise Malformed("cut short")
        return self.data[start : self.position]

    def u8(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def u32(self) -> int:
        """The next four."""
        return int.from_bytes(self.take(4), "little")

    def varint(self) -> int:
        """The next number in LEB128, at most five bytes."""
        value = 0
        for place in range(5):
            byte = self.u8()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if byte == 0 and place:
                    break
                return value
        raise Malformed("a varint is too long")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.data) - self.position)


@dataclass(frozen=True)
class Stream:
    """What a file holds: quality and tune are those that the networks take, sections are by kind.

    Of the four levels of tiles `levels` are there.
    """

    tier: str
    grey: bool
    quality: int
    tune: int
    size: tuple[int, int]  # height and width
    model: str
    hash: bytes
    sections: dict[int, bytes]
    levels: int


def parse(data: bytes) -> Stream:
    """Take a file apart."""
    reader = Reader(data)
    if reader.take(4) != MAGIC or reader.u8() != VERSION:
        raise Malformed("another format or version")
    tier, colour, quality = reader.take(3)
    tune = reader.u8() if quality else 0
    width, height = reader.varint(), reader.varint()
    model = reader.take(reader.u8()).decode("ascii")
    hash_ = reader.take(8 if model else 0)
    sections: dict[int, bytes] = {}
    while kind := reader.u8():
        if sections and kind <= max(sections):
            raise Malformed("kinds do not ascend")
        sections[kind] = reader.take(reader.varint())
    body = data[: reader.position]
    if reader.u32() != zlib.crc32(body) or reader.rest():
        raise Malformed("the checksum is wrong")
    unknown = any(FINE < kind < ANCILLARY and kind not in (CUT, FLATS) for kind in sections)
    if unknown or (CODES in sections) == (PLAIN in sections):
        raise Malformed("these sections do not make a picture")
    if tier >= len(TIERS) or colour > 3 or quality > 100 or tune > 1 or not (width and height):
        raise Malformed("a field is out of range")
    levels = sections.get(CUT, bytes([4]))
    if len(levels) != 1 or not 1 <= levels[0] <= (3 if CUT in sections else 4):
        raise Malformed("cut to no number of levels")
    if (colour > 1) != (FINE in sections):
        raise Malformed("sixteen bits by one account only")
    if CUT in sections and (PLAIN in sections or FINE in sections):
        raise Malformed("cut, and has no levels")
    if FLATS in sections and not quality:
        raise Malformed("areas of one colour beside what has no quality")
    # "where the tier takes none, latents have quality 50 and tune PSNR"
    size = height, width
    return Stream(TIERS[tier], not colour & 1, quality or 50, tune, size, model, hash_, sections, levels[0])
