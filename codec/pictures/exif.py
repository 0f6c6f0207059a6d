"""EXIF blocks, which are small TIFF files: orientation and position changed in place, so that all else stays as it is.

Pillow's `Image.Exif` writes a block anew, without the thumbnail and with texts cut to ASCII; here bytes that nobody
asked to change are the same afterwards. The functions raise ExifError for a block whose fields point outside of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

ORIENTATION = int(ExifTags.Base.Orientation)
PREFIX = b"Exif\x00\x00"

_GPS = int(ExifTags.IFD.GPSInfo)
_INTEROP = int(ExifTags.IFD.Interop)
_LONG = 4
_MAX_ENTRIES = 1000  # of a directory: more are an attack on whoever follows them
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# The tags of a TIFF that describe the photo; the others describe the file. XP...: Windows' title, comment and so on.
_OF_TIFF = (
    ExifTags.Base.DocumentName,
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.PageName,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Rating,
    ExifTags.Base.RatingPercent,
    ExifTags.Base.Copyright,
    ExifTags.Base.XPTitle,
    ExifTags.Base.XPComment,
    ExifTags.Base.XPAuthor,
    ExifTags.Base.XPKeywords,
    ExifTags.Base.XPSubject,
    ExifTags.IFD.Exif,
    ExifTags.IFD.GPSInfo,
)
_DIRECTORIES = (int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo))
_LAYOUT = {*range(254, 267), 273, 277, 278, 279, 284, 513, 514, *range(529, 533)}
TAGS_OF_TIFF = frozenset(int(tag) for tag in _OF_TIFF)


class ExifError(Exception):
    """A block that is not the TIFF file that it should be."""


@dataclass(frozen=True)
class Entry:
    """One entry of a directory: where it stands, and where its values stand."""

    place: int
    tag: int
    kind: int
    start: int
    length: int


def bare(block: bytes) -> bytes:
    """A block from its TIFF header on."""
    while block.startswith(PREFIX):  # twice in some files
        block = block.removeprefix(PREFIX)
    return block


def entries(data: bytes) -> Iterator[Entry]:
    """The entries of the first directory of a TIFF file or EXIF block."""
    return _entries(data, _number(data, 4, _LONG))


def value_of(data: bytes, entry: Entry) -> int:
    """The first of an entry's values, a whole number."""
    return _number(data, entry.start, _SIZES.get(entry.kind, 1))


def orientation_of(block: bytes | None) -> int:
    """How a picture is to be turned: 1 to 8, 1 for not at all, and where there is no block that can be read."""
    try:
        found = [value_of(block, entry) for entry in entries(block) if entry.tag == ORIENTATION] if block else []
    except ExifError:
        found = []
    return found[0] if found and 1 <= found[0] <= 8 else 1


def upright(block: bytes) -> bytes:
    """The block of a picture that is not to be turned."""
    changed = bytearray(block)
    for entry in entries(block):
        if entry.tag == ORIENTATION:
            size = _SIZES.get(entry.kind, 2)
            changed[entry.start : entry.start + size] = (1).to_bytes(size, _order(block))
    return bytes(changed)


def only_orientation(orientation: int) -> bytes:
    """A block that says nothing else."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def without_gps(block: bytes) -> bytes:
    """A block that does not say where the picture was taken."""
    changed = bytearray(block)
    start = _number(block, 4, _LONG)
    found = [entry for entry in entries(block) if entry.tag == _GPS]
    for entry in found:
        directory = value_of(block, entry)
        for inner in _entries(block, directory):
            changed[inner.start : inner.start + inner.length] = bytes(inner.length)
            changed[inner.place : inner.place + 12] = bytes(12)
    if found:
        count = _number(block, start, 2)
        end = start + 2 + 12 * count + 4
        kept = [block[entry.place : entry.place + 12] for entry in entries(block) if entry.tag != _GPS]
        rest = b"".join(kept) + block[end - 4 : end] + bytes(12 * len(found))
        changed[start:end] = len(kept).to_bytes(2, _order(block)) + rest
    return bytes(changed)


def to_block(tags: Image.Exif) -> bytes | None:
    """A block of tags as Pillow has them, or None for none; their texts are the bytes that they were read from."""
    return _block_of(tags, [*tags, *_DIRECTORIES])


def of_tiff(image: Image.Image) -> bytes | None:
    """What describes the photo among the tags of an opened TIFF, as a block, or None where nothing does."""
    return _block_of(image.getexif(), TAGS_OF_TIFF)


def for_tiff(block: bytes) -> dict[int, Any]:
    """The tags of a block for Pillow to write into a TIFF, of whose layout they say nothing."""
    stored = Image.Exif()
    stored.load(block)
    return {tag: _value(stored, tag) for tag in stored if tag not in _LAYOUT}


def edited(image: Image.Image) -> bytes | None:
    """The block of an image whose `getexif()` was changed (empty where all was taken out), None where it was not."""
    if getattr(image, "_exif", None) is None:
        return None  # nobody asked for it, and it need not be parsed
    reference = Image.new("L", (1, 1))
    keys = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
    reference.info = {key: image.info[key] for key in keys if key in image.info}
    now, before = image.getexif(), reference.getexif()
    of_text = "exif" not in image.info and "Raw profile type exif" in image.info
    if not of_text and getattr(now, "_loaded_exif", None) != image.info.get("exif"):
        return None  # it is `info` that was changed
    return None if now.tobytes() == before.tobytes() else to_block(now) or b""


def is_readable(block: bytes) -> bool:
    """Whether Pillow reads a block, and values that overlap don't make it many times as large."""
    try:
        found = list(entries(block))
        for entry in [entry for entry in found if entry.tag in _DIRECTORIES]:
            found += _entries(block, value_of(block, entry))
        if sum(entry.length for entry in found) > len(block):
            return False
        tags = Image.Exif()
        tags.load(block)
        return to_block(tags) is not None
    except Exception:  # Pillow raises many kinds for a bad block
        return False


class _Text(str):
    """A text that is written as the bytes that Pillow took for Latin-1, or as UTF-8 where it can't be that."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        try:
            return super().encode("latin-1")
        except UnicodeEncodeError:
            return super().encode("utf-8", "replace")


def _block_of(tags: Image.Exif, wanted: Iterable[int]) -> bytes | None:
    kept = Image.Exif()
    kept.endian = tags.endian
    for tag in wanted:
        if (value := _value(tags, tag)) not in (None, {}):
            kept[tag] = value
    return bare(kept.tobytes()) if kept else None


def _value(tags: Image.Exif, tag: int) -> Any:
    """The value of a tag, a dictionary for a directory, None where there is none."""
    if tag not in _DIRECTORIES:
        return _with_texts(tags.get(tag))
    values = dict(tags.get_ifd(tag))
    if _INTEROP in values:
        values[_INTEROP] = tags.get_ifd(_INTEROP)
    return _with_texts(values)


def _with_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {tag: _with_texts(inner) for tag, inner in value.items()}
    return _Text(value) if isinstance(value, str) else value


def _order(data: bytes) -> Any:
    order = {b"II": "little", b"MM": "big"}.get(data[:2])
    if order is None:
        raise ExifError("it does not begin as a TIFF file does")
    return order


def _number(data: bytes, start: int, size: int) -> int:
    if not 0 <= start <= len(data) - size:
        raise ExifError("a field points outside")
    return int.from_bytes(data[start : start + size], _order(data))


def _entries(data: bytes, start: int) -> Iterator[Entry]:
    count = _number(data, start, 2)
    if count > _MAX_ENTRIES:
        raise ExifError("a directory has too many entries")
    for index in range(count):
        place = start + 2 + 12 * index
        tag, kind, number = _number(data, place, 2), _number(data, place + 2, 2), _number(data, place + 4, 4)
        length = number * _SIZES.get(kind, 1)
        values = place + 8 if length <= 4 else _number(data, place + 8, _LONG)
        if values + min(length, len(data) + 1) > len(data):
            raise ExifError("a field points outside")
        yield Entry(place, tag, kind, values, length)
