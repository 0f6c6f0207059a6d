"""Metadata under the names of Pillow: in an image's `info`, and as parameters of its `save`.

| key | value | as in Pillow |
| --- | --- | --- |
| icc_profile, exif, xmp | bytes | all formats; `exif` begins with `Exif\\0\\0` |
| dpi | two numbers | JPEG, PNG, TIFF |
| comment | bytes | JPEG, GIF |
| text | str by keyword | `PngImageFile.text`, with its `iTXt` where a language is known |
| photoshop | bytes by number | JPEG: Photoshop's image resources, 0x0404 is IPTC |
| modified | datetime | |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from numbers import Real
from typing import Any

from PIL import Image, PngImagePlugin

from ...bitstream.metadata import RESOLUTION_UNIT, Metadata, Text
from ...errors import InputError
from . import exif, jpeg

# The keys, with the fields of Metadata that they stand for.
FIELDS = {
    "icc_profile": "icc",
    "exif": "exif",
    "xmp": "xmp",
    "dpi": "resolution",
    "comment": "comment",
    "text": "texts",
    "photoshop": "photoshop",
    "modified": "modified",
}

_BYTES = (bytes, bytearray, memoryview, str)
_TYPES: dict[str, tuple[type, ...]] = {
    "exif": (*_BYTES, Image.Exif),
    "dpi": (tuple, list, int, float),
    "text": (Mapping,),
    "photoshop": (Mapping,),
    "modified": (datetime,),
}
_MOST = (1 << 32) - 1  # of a resolution's units that are kept
_MOST_DPI = _MOST / RESOLUTION_UNIT


def refuse_others(parameters: Mapping[str, Any]) -> None:
    """Raise InputError for a parameter of `Image.save` that is no metadata of its kind; None stands for nothing."""
    for key, value in parameters.items():
        if value is not None and not isinstance(value, _TYPES.get(key, _BYTES)):
            raise InputError(f"{key} can't be of type {type(value).__name__}")
        if value and key in _REQUIRED and not _REQUIRED[key][0](value):
            raise InputError(f"{key} takes {_REQUIRED[key][1]}")


def _is_resolution(dpi: Any) -> bool:
    pair = dpi if isinstance(dpi, (tuple, list)) else (dpi, dpi)
    return len(pair) <= 2 and all(isinstance(value, Real) and 0 <= float(value) <= _MOST_DPI for value in pair)


def _are_texts(texts: Mapping[Any, Any]) -> bool:
    return all(isinstance(part, str) for item in texts.items() for part in item)


def _are_resources(resources: Mapping[Any, Any]) -> bool:
    """Mappings are those which Pillow has read, of the resolution."""
    return all(
        isinstance(number, int) and 0 <= number < 1 << 16 and isinstance(content, (bytes, Mapping))
        for number, content in resources.items()
    )


_REQUIRED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "dpi": (_is_resolution, f"one number or two, from 0 to {_MOST_DPI:.0f}"),
    "text": (_are_texts, "strings by keyword"),
    "photoshop": (_are_resources, "bytes by numbers from 0 to 65535"),
}


def from_info(info: Mapping[Any, Any]) -> Metadata:
    """The metadata that `info` has; what is of another type is none."""
    block = info.get("exif")
    if isinstance(block, Image.Exif):
        block = exif.to_block(block)
    resources = info.get("photoshop")
    modified = info.get("modified")
    return Metadata(
        icc=_bytes(info.get("icc_profile")),
        exif=exif.bare(_bytes(block) or b"") or None,
        xmp=_bytes(info.get("xmp")),
        resolution=_resolution(info.get("dpi")),
        texts=_texts(info.get("text")),
        comment=_bytes(info.get("comment")),
        photoshop=(jpeg.blocks_of(dict(resources)) or None) if isinstance(resources, Mapping) else None,
        modified=_utc(modified) if isinstance(modified, datetime) else None,
    )


def to_info(metadata: Metadata) -> dict[str, Any]:
    """The inverse of `from_info`."""
    info: dict[str, Any] = {
        "icc_profile": metadata.icc,
        "exif": metadata.exif and exif.PREFIX + metadata.exif,
        "xmp": metadata.xmp,
        "dpi": metadata.resolution and tuple(value / RESOLUTION_UNIT for value in metadata.resolution),
        "comment": metadata.comment,
        "text": {text.keyword: _itxt(text) for text in metadata.texts},
        "photoshop": metadata.photoshop and jpeg.resources_of(metadata.photoshop),
        "modified": metadata.modified,
    }
    return {key: value for key, value in info.items() if value}


def _utc(time: datetime) -> datetime:
    """A time as it is stored: in UTC, which one without time zone is in already, and to the second."""
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.replace(microsecond=0)


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode(errors="replace") or None
    return bytes(value) or None if isinstance(value, (bytes, bytearray, memoryview)) else None


def says_resolution(dpi: Any) -> bool:
    """Whether `info["dpi"]` says something, be it more than is kept."""
    return any(value and not math.isnan(value) for value in _values(dpi))


def _resolution(dpi: Any) -> tuple[int, int] | None:
    values = [value * RESOLUTION_UNIT for value in _values(dpi)]
    if not values or not all(math.isfinite(value) and 1 <= round(value) <= _MOST for value in values):
        return None
    return round(values[0]), round(values[1])


def _values(dpi: Any) -> list[float]:
    """Horizontal and vertical, or nothing where they are no numbers."""
    try:
        return [float(value) for value in ((tuple(dpi) * 2)[:2] if isinstance(dpi, (tuple, list)) else (dpi, dpi))]
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return []


def _texts(texts: Any) -> tuple[Text, ...]:
    if not isinstance(texts, Mapping):
        return ()
    return tuple(
        Text(str(keyword), str(text), str(getattr(text, "lang", None) or ""), str(getattr(text, "tkey", None) or ""))
        for keyword, text in texts.items()
    )


def _itxt(text: Text) -> str:
    if not (text.language or text.translated):
        return text.text
    return PngImagePlugin.iTXt(text.text, text.language, text.translated)
