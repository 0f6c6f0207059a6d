"""Metadata left out on request."""

from __future__ import annotations

from dataclasses import replace

from ...bitstream.metadata import Metadata
from ...errors import InputError
from ..arguments import STRIPS
from . import exif, jpeg, xmp
from .picture import Picture

_ANY_GPS = {("", "(?i)gps.*")}
_GPS_RESOURCES = (0x0422, 0x0423, 0x0424)  # EXIF twice and XMP, as Photoshop keeps them


def stripped(picture: Picture, what: str | None) -> Picture:
    """A picture without a part of its metadata; what can't be read goes with it.

    Args:
        picture: as it was read.
        what: "gps" for GPS positions, "all" for everything but the colour profile and the orientation, or None.

    Raises:
        InputError: there is nothing of this name.
    """
    if what is None:
        return picture
    if not isinstance(what, str) or what not in STRIPS:
        raise InputError(f"there is no strip {what!r}: it is one of {', '.join(STRIPS)}")
    if what == "all":
        return replace(picture, metadata=_only_looks(picture.metadata), dropped=())
    metadata, lost = _without_gps(picture.metadata)
    return replace(picture, metadata=metadata, dropped=(*picture.dropped, *lost))


def _only_looks(metadata: Metadata) -> Metadata:
    orientation = exif.orientation_of(metadata.exif)
    if orientation == 1 and metadata.xmp:
        orientation = xmp.orientation_of(metadata.xmp)
    return Metadata(icc=metadata.icc, exif=None if orientation == 1 else exif.only_orientation(orientation))


def _without_gps(metadata: Metadata) -> tuple[Metadata, list[str]]:
    lost = []
    block, packet, blocks = metadata.exif, metadata.xmp, metadata.photoshop
    try:
        block = block and exif.without_gps(block)
    except exif.ExifError:
        block = None
        lost.append("EXIF that can't be read")
    try:
        packet = packet and xmp.without(packet, _ANY_GPS)
    except xmp.XmpError:
        packet = None
        lost.append("XMP that can't be read")
    resources = jpeg.resources_of(blocks or b"")
    if resources.keys() & set(_GPS_RESOURCES):
        kept = {number: content for number, content in resources.items() if number not in _GPS_RESOURCES}
        blocks = jpeg.blocks_of(kept) or None
    texts = tuple(text for text in metadata.texts if "gps" not in text.keyword.lower())
    return replace(metadata, exif=block, xmp=packet, photoshop=blocks, texts=texts), lost
