"""What a picture carries beside its samples, as it was opened, edited or given."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

from ...bitstream.metadata import Metadata
from . import exif, icc, xmp
from .collection import Collection
from .formats import collect
from .pillow_info import FIELDS, from_info, says_resolution
from .xmp import XmpError

_GAIN_MAP = {(xmp.GAIN_MAP, xmp.EVERYTHING)}
_MOTION = {(xmp.GOOGLE_CAMERA, "(MotionPhoto|MicroVideo).*")}
_NAMES = {"gain map": _GAIN_MAP, "video of a motion photo": _MOTION}
_TRAILERS = {*_GAIN_MAP, *_MOTION, (xmp.GOOGLE_CONTAINER, "Directory")}  # XMP on what follows the picture in the file
_PADDING = b"\0\xff\r\n "
_STRAY = 16  # bytes, of which so few behind a picture are no data


def carried(
    image: Image.Image, content: bytes | None, grey: bool, given: Mapping[str, Any]
) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a loaded picture, and names of what no .svc file holds of it.

    Args:
        image: loaded.
        content: of its file, or None where it can't be had.
        grey: whether it has no colours.
        given: parameters of `Image.save` in place of what `image.info` has, None or empty to leave something out.
    """
    found = Collection(image, content, grey)
    collect(found)
    _exif(found, given)
    _trailers(found)
    if any(isinstance(shape, tuple) and len(set(shape)) > 1 for shape in _shapes(found.info)):
        found.lost.append("shape of the pixels")
    if "dpi" not in given and found.metadata.resolution is None and says_resolution(found.info.get("dpi")):
        found.lost.append("resolution")
    replacement = from_info(given)
    found.put(**{field: getattr(replacement, field) for key, field in FIELDS.items() if key in given})
    if "icc_profile" not in given and found.info.get("icc_profile", b"") is None:
        found.lost.append("ICC profile that can't be read")
    if found.metadata.icc:
        found.put(icc=icc.fitting(found.metadata.icc, grey))
        if found.metadata.icc is None:
            found.lost.append("ICC profile for other colours than the picture has")
    return found.metadata, tuple(dict.fromkeys(found.lost))


def _shapes(info: Mapping[Any, Any]) -> list[Any]:
    """How wide and high pixels are, as PNG, HEIF, JPEG and TIFF say it."""
    density = info.get("jfif_density") if info.get("jfif_unit") == 0 else None
    without_unit = info.get("resolution") if "dpi" not in info and says_resolution(info.get("resolution")) else None
    return [info.get("aspect"), info.get("pixel_aspect_ratio"), density, without_unit]


def _exif(found: Collection, given: Mapping[str, Any]) -> None:
    """EXIF as it was edited; no orientation of a picture that may have been turned since it was opened."""
    before = exif.orientation_of(found.metadata.exif)
    anew = found.image.format == "TIFF" or "exif" in given  # Pillow turns a TIFF when it loads it
    if not anew:
        anew = _take_edits(found)
        if found.image.format is None and before == exif.orientation_of(found.metadata.exif):
            _drop_orientation(found)
            anew = True
    if anew and found.metadata.xmp:
        in_xmp = xmp.orientation_of(found.metadata.xmp)
        if found.image.format is None and in_xmp != 1 == before:
            found.lost.append(_turned("XMP", in_xmp))
        with contextlib.suppress(XmpError):
            found.put(xmp=xmp.without(found.metadata.xmp, xmp.ORIENTATION))


def _take_edits(found: Collection) -> bool:
    """Take over what was changed in `getexif()`; whether anything was."""
    try:
        edited = exif.edited(found.image)
    except Exception:  # Pillow raises many kinds for EXIF that can't be read, which nobody has edited then
        return False
    if edited is not None:
        found.put(exif=edited or None)
    return edited is not None


def _drop_orientation(found: Collection) -> None:
    orientation = exif.orientation_of(found.metadata.exif)
    if orientation != 1 and found.metadata.exif:
        found.put(exif=exif.upright(found.metadata.exif))
        found.lost.append(_turned("EXIF", orientation))


def _turned(where: str, orientation: int) -> str:
    return f"{where} orientation {orientation}, as the picture may have been turned since it was opened"


def _trailers(found: Collection) -> None:
    """Name what follows the picture in the file, and keep no XMP about it."""
    packet = found.metadata.xmp or b""
    names = []
    if any(space.encode() in packet for space, _ in _TRAILERS):
        names = [name for name, about in _NAMES.items() if xmp.has(packet, about)]
        with contextlib.suppress(XmpError):
            found.put(xmp=xmp.without(packet, _TRAILERS))
    if not names and len(found.behind.strip(_PADDING)) > _STRAY:
        names = ["data behind the picture"]
    found.lost += names
