"""What an .svc file holds beside the picture: colour profile, EXIF, XMP and all that describes the picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..errors import InputError
from .deflated import inflated
from .fields import Reader, varint
from .sections import Section

MAX_METADATA = 1 << 24  # bytes of a metadata section once decompressed
MAX_TEXTS = 1 << 12
RESOLUTION_UNIT = 10_000  # parts of a dot per inch

_RESOLUTION = struct.Struct("<II")
_MODIFIED = struct.Struct("<H5B")
_COMPRESSED = {Section.ICC, Section.EXIF, Section.XMP, Section.TEXTS, Section.COMMENT, Section.PHOTOSHOP}
_BYTES = (Section.ICC, Section.EXIF, Section.XMP, Section.COMMENT, Section.PHOTOSHOP)


@dataclass(frozen=True)
class Text:
    """A text with its keyword, as PNG has them.

    Attributes:
        keyword: for example Title or Author.
        text: what it says.
        language: of the text, as RFC 5646 names it, or empty.
        translated: the keyword in this language, or empty.
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


@dataclass(frozen=True)
class Metadata:
    """What goes with a picture; None or empty where there is nothing.

    Attributes:
        icc: the ICC profile. This and all other fields take at most 16 MiB each.
        exif: the EXIF block from its TIFF header on.
        xmp: the XMP packet.
        resolution: horizontal and vertical, in 1/10000 dot per inch, 1 to 2^32 - 1.
        texts: with their keywords, in the file's order, at most 4096.
        comment: that of a JPEG or GIF, in no particular encoding.
        photoshop: image resource blocks of Photoshop one after another, among them IPTC's.
        modified: when the picture was last changed, in UTC to the second, without time zone.

    Raises:
        InputError: a field is out of its range.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[int, int] | None = None
    texts: tuple[Text, ...] = ()
    comment: bytes | None = None
    photoshop: bytes | None = None
    modified: datetime | None = None

    def __post_init__(self) -> None:
        for kind in _BYTES:
            if len(getattr(self, kind.name.lower()) or b"") > MAX_METADATA:
                raise InputError(_too_large(kind))
        if len(_write_texts(self.texts)) > MAX_METADATA:
            raise InputError(_too_large(Section.TEXTS))
        if len(self.texts) > MAX_TEXTS:
            raise InputError(f"the picture has more than {MAX_TEXTS} texts, which no .svc file holds")
        if self.resolution and not all(1 <= value < 1 << 32 for value in self.resolution):
            raise InputError(f"a resolution of {self.resolution} can't be written to a file")

    @property
    def sections(self) -> dict[Section, bytes]:
        """The content of the sections, by kind."""
        contents: dict[Section, bytes | None] = {kind: getattr(self, kind.name.lower()) for kind in _BYTES}
        contents[Section.RESOLUTION] = self.resolution and _RESOLUTION.pack(*self.resolution)
        contents[Section.TEXTS] = _write_texts(self.texts) or None
        if (time := self.modified) is not None:
            fields = (time.year, time.month, time.day, time.hour, time.minute, time.second)
            contents[Section.MODIFIED] = _MODIFIED.pack(*fields)
        return {
            kind: zlib.compress(content, 9) if kind in _COMPRESSED else content
            for kind, content in contents.items()
            if content is not None
        }

    @classmethod
    def of(cls, sections: Mapping[Section, bytes]) -> Metadata:
        """What sections hold, others than those of metadata left aside.

        Raises:
            CorruptError: one does not decompress.
            InputError, TruncatedError, ValueError, struct.error: one has other content than its kind.
        """
        known = {
            kind: inflated(sections[kind], MAX_METADATA, f"the section {kind.name.lower()}")
            for kind in _COMPRESSED
            if kind in sections
        }
        fields = {kind.name.lower(): known.get(kind) for kind in _BYTES}
        resolution, modified = sections.get(Section.RESOLUTION), sections.get(Section.MODIFIED)
        return cls(
            icc=fields["icc"],
            exif=fields["exif"],
            xmp=fields["xmp"],
            resolution=None if resolution is None else _read_resolution(resolution),
            texts=_read_texts(known.get(Section.TEXTS, b"")),
            comment=fields["comment"],
            photoshop=fields["photoshop"],
            modified=None if modified is None else datetime(*_MODIFIED.unpack(modified)),
        )


def _too_large(kind: Section) -> str:
    return f"the picture's {kind.name.lower()} has more than {MAX_METADATA:,} bytes, which no .svc file holds"


def _read_resolution(content: bytes) -> tuple[int, int]:
    horizontal, vertical = _RESOLUTION.unpack(content)
    return horizontal, vertical


def _write_texts(texts: tuple[Text, ...]) -> bytes:
    parts = []
    for text in texts:
        for part in (text.keyword, text.text, text.language, text.translated):
            content = part.encode(errors="replace")  # a string may hold half a character
            parts += [varint(len(content)), content]
    return b"".join(parts)


def _read_texts(content: bytes) -> tuple[Text, ...]:
    reader = Reader(content)
    texts: list[Text] = []
    while reader.more() and len(texts) <= MAX_TEXTS:
        texts.append(Text(*(reader.take(reader.varint()).decode() for _ in range(4))))
    return tuple(texts)


NOTHING = Metadata()
