"""PNG files chunk by chunk: what Pillow leaves out or can't read of them, and what it can't write."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from PIL import Image, PngImagePlugin

from ...bitstream.metadata import MAX_METADATA, MAX_TEXTS, Metadata
from ...errors import InputError
from . import exif
from .identify import open_picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_LIMIT = int(PngImagePlugin.MAX_TEXT_CHUNK)  # bytes of a profile or text that Pillow reads

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_OWN = (*_TEXTS, b"iCCP", b"eXIf")  # those that are read here, as Pillow refuses them where they are long
# Those that are read elsewhere, that belong to the samples, and that only help to show or write them.
_KNOWN = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"pHYs", b"tIME", b"acTL", b"fcTL", b"fdAT"}
_SILENT = {b"hIST", b"sPLT", b"iDOT"}
_XMP = "XML:com.adobe.xmp"
_PROFILE = "Raw profile type "  # how ImageMagick and ExifTool keep what PNG had no chunk for
_TIME = struct.Struct(">H5B")


def open_png(content: bytes) -> Image.Image:
    """A PNG as Pillow opens it, with texts, profile and EXIF in `info` however long and wherever they are.

    Texts are in `info["text"]`, by keyword.
    """
    parts, info, texts = [SIGNATURE], dict[str, Any](), dict[str, str]()
    position = len(SIGNATURE)
    for kind, start, end in chunks_of(content):
        if len(texts) > MAX_TEXTS:
            raise InputError(f"has more than {MAX_TEXTS} texts")
        if kind in _OWN and _is_intact(content, start, end):  # of a damaged one Pillow will complain
            _read(kind, content[start:end], info, texts)
        else:
            parts.append(content[position : end + 4])
        position = end + 4
    parts.append(content[position:])
    image = open_picture(b"".join(parts))
    image.info.update(info)
    if texts:
        image.info["text"] = texts
    return image


def time_of(content: bytes) -> datetime | None:
    """When a PNG was last changed. Raises ValueError for what is no time."""
    for kind, start, end in chunks_of(content):
        if kind == b"tIME" and end - start == _TIME.size:
            year, month, day, hour, minute, second = _TIME.unpack(content[start:end])
            return datetime(year, month, day, hour, minute, min(second, 59))  # 60 is a leap second
    return None


def code_points_of(content: bytes) -> tuple[int, int] | None:
    """Primaries and transfer function as the chunk cICP has them."""
    for kind, start, end in chunks_of(content):
        if kind == b"cICP" and end - start >= 2:
            return content[start], content[start + 1]
    return None


def behind(content: bytes) -> bytes:
    """What follows the end of the picture."""
    return b"".join(content[end + 4 :] for kind, _, end in chunks_of(content) if kind == b"IEND")


def left_out(content: bytes) -> list[str]:
    """Kinds of chunk that say something of the picture and are kept nowhere, and what of texts is not kept."""
    kinds = dict.fromkeys(kind for kind, _, _ in chunks_of(content))
    ancillary = [kind for kind in kinds if kind[0] & 0x20 and kind not in {*_OWN, *_KNOWN, *_SILENT}]
    return [*(f"PNG chunk {kind.decode('latin-1')}" for kind in ancillary), *_lost_of_texts(content)]


def raw_profile(texts: Mapping[str, str], *kinds: str) -> bytes | None:
    """What a text of ImageMagick's holds: a name, a length and so many bytes in hexadecimal, or None.

    Raises:
        ValueError: it holds something else.
    """
    text = next((texts[_PROFILE + kind] for kind in kinds if _PROFILE + kind in texts), None)
    if text is None:
        return None
    if "\n" not in text:  # as older versions of Pillow leave it when they turn a picture
        return bytes.fromhex(text)
    _, length, *lines = text.strip().split("\n")
    content = bytes.fromhex("".join(lines))
    if len(content) != int(length):
        raise ValueError(f"a raw profile has {len(content)} bytes, not {length.strip()}")
    return content


def is_raw_profile(keyword: str) -> bool:
    """Whether a text's keyword is that of such a profile, or of XMP, and not one of a text."""
    return keyword.startswith(_PROFILE) or keyword == _XMP


def is_keyword(keyword: str) -> bool:
    """Whether a PNG can hold a text of that name."""
    try:
        return 0 < len(keyword.encode("latin-1")) < 80 and "\0" not in keyword
    except UnicodeEncodeError:
        return False


def written(data: bytes, metadata: Metadata) -> bytes:
    """A PNG of Pillow's with texts, XMP and time."""
    chunks = PngImagePlugin.PngInfo()
    if metadata.xmp:
        chunks.add_itxt(_XMP, metadata.xmp)
    for text in metadata.texts:
        if text.language or text.translated:
            chunks.add_itxt(text.keyword, text.text, text.language, text.translated)
        else:
            chunks.add_text(text.keyword, text.text)
    if metadata.comment:
        chunks.add_text("Comment", _decoded(metadata.comment))
    if metadata.photoshop:
        lines = metadata.photoshop.hex("\n", -36)
        profile = f"\niptc\n{len(metadata.photoshop):8d}\n{lines}\n"
        chunks.add_text(f"{_PROFILE}iptc", profile, zip=len(profile) <= TEXT_LIMIT)
    if metadata.modified:
        time = metadata.modified
        chunks.add(b"tIME", _TIME.pack(time.year, time.month, time.day, time.hour, time.minute, time.second))
    added = io.BytesIO()
    for kind, content, *_ in chunks.chunks:
        PngImagePlugin.putchunk(added, kind, content)
    end = len(SIGNATURE) + 12 + 13  # after IHDR
    return data[:end] + added.getvalue() + data[end:]


def _decoded(comment: bytes) -> str:
    """A comment of JPEG's, which does not say how it is encoded."""
    try:
        return comment.decode("utf-8")
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def chunks_of(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk, and from where to where its content reaches; a broken one ends the list."""
    position = len(SIGNATURE)
    while position + 12 <= len(content):
        end = position + 8 + int.from_bytes(content[position : position + 4], "big")
        if end + 4 > len(content):
            return
        kind = content[position + 4 : position + 8]
        yield kind, position + 8, end
        if kind == b"IEND":
            return
        position = end + 4


def _is_intact(content: bytes, start: int, end: int) -> bool:
    return zlib.crc32(content[start - 4 : end]) == int.from_bytes(content[end : end + 4], "big")


def _lost_of_texts(content: bytes) -> list[str]:
    lost = []
    languages: dict[str, set[str | bytes | None]] = {}
    for kind, start, end in chunks_of(content):
        if kind not in _TEXTS or not _is_intact(content, start, end):
            continue
        keyword, texts = content[start:end].partition(b"\0")[0].decode("latin-1"), dict[str, Any]()
        if not keyword:
            lost.append("text without a keyword")
        elif not _read(kind, content[start:end], {}, texts):
            lost.append(f"text {keyword} that can't be read")
        for text in texts.values():
            languages.setdefault(keyword, set()).add(text.lang)
    return lost + [f"language of text {keyword}" for keyword, of_it in languages.items() if len(of_it) > 1]


def _read(kind: bytes, content: bytes, info: dict[str, Any], texts: dict[str, str]) -> bool:
    """Add what a chunk holds; whether it can be read."""
    if kind == b"eXIf":
        info["exif"] = exif.PREFIX + content
        return True
    keyword, _, rest = content.partition(b"\0")
    if kind == b"iCCP":
        info["icc_profile"] = _inflated(rest[1:], MAX_METADATA)
        return info["icc_profile"] is not None
    room = MAX_METADATA - sum(map(len, texts.values()))
    language = translated = ""
    if kind == b"iTXt":
        flags, rest = rest[:2], rest[2:]
        languages, translation, rest = [*rest.split(b"\0", 2), b"", b""][:3]
        language, translated = languages.decode("ascii", "replace"), translation.decode("utf-8", "replace")
        held = _inflated(rest, room) if flags[:1] == b"\x01" else rest
    else:
        held = _inflated(rest[1:], room) if kind == b"zTXt" else rest
    if held is None:
        return False
    name = keyword.decode("latin-1")
    if name == _XMP:
        info["xmp"] = held
    elif name:
        try:
            text = held.decode("utf-8" if kind == b"iTXt" else "latin-1")
        except UnicodeDecodeError:
            return False
        before = f"{texts[name]}\n" if name in texts else ""  # a keyword may stand there twice
        texts[name] = PngImagePlugin.iTXt(before + text, language, translated)
    return True


def _inflated(data: bytes, most: int) -> bytes | None:
    """The content of a zlib stream, or None where it is broken or ends early. Raises InputError for one too long."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, most + 1)
    except zlib.error:
        return None
    if len(content) > most:
        raise InputError(f"a profile or the texts of the PNG have more than {MAX_METADATA:,} bytes")
    return content if inflater.eof else None
