"""The formats that decoded pictures are written in."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import InputError

if TYPE_CHECKING:
    from PIL import Image

_OPAQUE = ("JPEG", "BMP", "PPM")
_BARE = ("BMP", "PPM")  # which hold no metadata
_METADATA = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP"}


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
    "tiff": Format("TIFF", (".tiff", ".tif"), {"compression": "tiff_adobe_deflate"}),
    "jpg": Format("JPEG", (".jpg", ".jpeg"), {"quality": 95, "subsampling": 0}),
    "avif": Format("AVIF", (".avif",), {"quality": 100, "subsampling": "4:4:4"}),
    "bmp": Format("BMP", (".bmp",)),
    "ppm": Format("PPM", (".ppm", ".pgm", ".pnm")),
}


def format_of(target: str, other: Format) -> Format:
    """The format that a file's suffix names, or else the other one."""
    suffix = Path(target).suffix.lower()
    return next((known for known in FORMATS.values() if suffix in known.suffixes), other)


def write_picture(image: Image.Image, format: str, **options: Any) -> bytes:
    """A decoded picture as a file, with its metadata; what the format can't hold is warned of.

    Raises InputError if the format can't hold the picture, or Pillow can't write it.
    """
    if image.has_transparency_data and format in _OPAQUE:
        raise InputError(f"the picture has an alpha channel, which {format} can't hold: write .png or .webp")
    stream = io.BytesIO()
    try:
        image.save(stream, format, **options, **_metadata(image, format))
    except (KeyError, OSError, ValueError) as error:  # for example EXIF that is too long for a JPEG
        raise InputError(f"can't be written as {format}: {error}") from error
    return stream.getvalue()


def _metadata(image: Image.Image, format: str) -> dict[str, Any]:
    """ICC profile, EXIF and XMP as parameters of Pillow's `save`, which takes none of them from `info` unasked."""
    kept: dict[str, Any] = {key: image.info[key] for key in _METADATA if key in image.info}
    if kept and format in _BARE:
        warnings.warn(f"not kept in {format}: {', '.join(_METADATA[key] for key in kept)}", stacklevel=1)
        return {}
    if "xmp" not in kept:
        return kept
    from PIL import ExifTags, Image, PngImagePlugin

    if format == "PNG":
        kept["pnginfo"] = PngImagePlugin.PngInfo()
        kept["pnginfo"].add_itxt("XML:com.adobe.xmp", kept.pop("xmp"))
    if format == "TIFF":  # where all of it is tags
        tags = Image.Exif()
        tags.load(kept.get("exif", b""))
        tags[ExifTags.Base.XMLPacket] = kept.pop("xmp")
        kept["exif"] = tags
    return kept
