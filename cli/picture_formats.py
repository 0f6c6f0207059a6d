"""The formats that decoded pictures are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """A format that pictures are written in.

    Attributes:
        name: as Pillow calls it.
        suffixes: of its files; the first is given to files that are named here.
        options: of Pillow's `save`, so that the file holds the decoded pixels (JPEG, AVIF: nearly).
    """

    name: str
    suffixes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


FORMATS = {
    "png": Format("PNG", (".png",)),
    "webp": Format("WEBP", (".webp",), {"lossless": True, "exact": True}),
    "tiff": Format("TIFF", (".tiff", ".tif")),  # not compressed: Pillow can not, where there is EXIF
    "jpg": Format("JPEG", (".jpg", ".jpeg"), {"quality": 95, "subsampling": 0}),
    "avif": Format("AVIF", (".avif",), {"quality": 100, "subsampling": "4:4:4"}),
    "bmp": Format("BMP", (".bmp",)),
    "ppm": Format("PPM", (".ppm", ".pgm", ".pnm")),
}


def format_of(target: str, other: Format) -> Format:
    """The format that a file's suffix names, or else the other one."""
    suffix = Path(target).suffix.lower()
    return next((known for known in FORMATS.values() if suffix in known.suffixes), other)
