"""What a picture carries beside its samples, collected from an opened Pillow image and its file."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import ExifTags, Image

from ...bitstream.metadata import Metadata
from . import boxes, colours, exif, icc, jpeg, png, xmp
from .pillow_info import from_info
from .xmp import XmpError

_ORIENTATION_IN_XMP = {(xmp.TIFF, "Orientation")}
_REFERENCE = {(xmp.NOTE, "HasExtendedXMP")}
_GAIN_MAP = {(xmp.GAIN_MAP, xmp.EVERYTHING)}
_MOTION = {(xmp.GOOGLE_CAMERA, "(MotionPhoto|MicroVideo).*")}
_TRAILERS = {*_GAIN_MAP, *_MOTION, (xmp.GOOGLE_CONTAINER, "Directory")}  # XMP on what follows the picture in the file
# What ImageMagick and ExifTool call what they keep as a text.
_RAW_PROFILES = {"exif": ("exif", "APP1"), "xmp": ("xmp",), "icc": ("icc", "icm"), "photoshop": ("8bim", "iptc")}
_LIGHT = ("content_light_level", "mastering_display_colour_volume", "nominal_diffuse_white_luminance")
_IPTC, _ICC_RESOURCE, _EXIF_RESOURCE, _XMP_RESOURCE = 0x0404, 0x040F, 0x0422, 0x0424
_X_RESOLUTION = int(ExifTags.Base.XResolution)
_IMAGE_RESOURCES, _IPTC_OF_TIFF = int(ExifTags.Base.ImageResources), int(ExifTags.Base.IPTCNAA)
_COLOURS_OF_TIFF = {301: "transfer function", 318: "white point", 319: "primary chromaticities"}
# Tags that say how the samples of a TIFF lie in it, and those that are read elsewhere.
_OF_FILE = {
    *range(254, 267),
    *(273, 274, 288, 289, 290, 291, 292, 293, 296, 297, 317, 320, 321, 330, 347, 700),
    *range(277, 285),
    *range(322, 326),
    *range(338, 344),
    *range(512, 522),
    *range(529, 533),
    *(_IMAGE_RESOURCES, _IPTC_OF_TIFF, int(ExifTags.Base.InterColorProfile)),
}


class _Collection:
    """What was found so far, and the names of what is lost."""

    def __init__(self, image: Image.Image, content: bytes | None, info: Mapping[Any, Any], grey: bool) -> None:
        self.image = image
        self.content = content
        self.info = info
        self.grey = grey
        self.metadata = from_info(info)
        self.lost: list[str] = []

    def found(self, **fields: Any) -> None:
        """Take over what the collection has not got yet."""
        new = {name: value for name, value in fields.items() if value and not getattr(self.metadata, name)}
        self.metadata = replace(self.metadata, **new)


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
    of_texts = image.format == "PNG"  # whose texts stand in `info` too, under any key
    info = {key: value for key, value in image.info.items() if not (of_texts and isinstance(value, str))}
    found = _Collection(image, content, {**info, **given}, grey)
    if "icc_profile" in image.info and image.info["icc_profile"] is None and "icc_profile" not in given:
        found.lost.append("ICC profile that can't be read")
    collect = {"PNG": _png, "JPEG": _jpeg, "MPO": _jpeg, "TIFF": _tiff, "HEIF": _heif, "AVIF": _heif}
    collect |= {"JPEG2000": _jpeg2000, "PSD": _psd}
    if image.format in collect:
        collect[image.format](found)
    elif "gamma" in image.info or "chromaticity" in image.info:  # made of a PNG
        _png_colours(found)
    shapes = [info.get(key) for key in ("aspect", "pixel_aspect_ratio")]  # of PNG and of HEIF
    shapes.append(info.get("jfif_density") if info.get("jfif_unit") == 0 else None)
    if any(isinstance(shape, tuple) and len(set(shape)) > 1 for shape in shapes):
        found.lost.append("shape of the pixels")
    _exif(found, given)
    _trailers(found)
    for key in ("icc_profile", "xmp", "dpi", "comment", "text", "photoshop", "modified"):
        if key in given:  # once more, as a file has some of them at two places
            name = {"icc_profile": "icc", "dpi": "resolution", "text": "texts"}.get(key, key)
            found.metadata = replace(found.metadata, **{name: getattr(from_info(given), name)})
    if found.metadata.icc:
        fitting = icc.fitting(found.metadata.icc, grey)
        if fitting is None:
            found.lost.append("ICC profile for other colours than the picture has")
        found.metadata = replace(found.metadata, icc=fitting)
    return found.metadata, tuple(dict.fromkeys(found.lost))


def _png(found: _Collection) -> None:
    texts: dict[str, str] = dict(found.info.get("text") or getattr(found.image, "text", None) or {})
    for name, kinds in _RAW_PROFILES.items():
        try:
            profile = png.raw_profile(texts, *kinds)
        except ValueError:
            found.lost.append(f"raw profile {kinds[0]} that can't be read")
            continue
        if name == "exif" and profile and profile.startswith(jpeg.XMP):
            name, profile = "xmp", profile.removeprefix(jpeg.XMP)
        if name == "exif" and profile:
            profile = exif.bare(profile)
        if name == "photoshop" and profile and not profile.startswith(b"8BIM"):
            profile = jpeg.blocks_of({_IPTC: profile})
        found.found(**{name: profile})
    kept = {keyword: text for keyword, text in texts.items() if not png.is_raw_profile(keyword)}
    found.metadata = replace(found.metadata, texts=from_info({"text": kept}).texts)
    if found.content:
        found.lost += png.left_out(found.content)
        try:
            found.found(modified=png.time_of(found.content))
        except ValueError:
            found.lost.append("modification time that is none")
    _png_colours(found)


def _png_colours(found: _Collection) -> None:
    info = found.image.info
    code_points = png.code_points_of(found.content) if found.content else None
    if code_points:
        _code_points(found, *code_points)
    elif "srgb" not in info:
        try:
            found.found(icc=colours.of_gamma(info.get("gamma"), info.get("chromaticity"), found.grey))
        except ValueError:
            found.lost.append("gamma and chromaticities that are no colours")


def _code_points(found: _Collection, primaries: int, transfer: int) -> None:
    try:
        profile = colours.of_code_points(primaries, transfer, found.grey)
    except ValueError as error:
        found.lost.append(f"colours of {error}")
    else:
        found.found(icc=profile)


def _jpeg(found: _Collection) -> None:
    segments: jpeg.Segments = getattr(found.image, "applist", [])
    if found.info.get("jfif_unit") not in (1, 2) and found.info.get("dpi") == found.image.info.get("dpi"):
        found.metadata = replace(found.metadata, resolution=None)  # Pillow's guess, or EXIF's, which has it
    comments = jpeg.comments(segments)
    if len(comments) > 1 and found.metadata.comment == comments[-1]:
        found.metadata = replace(found.metadata, comment=b"\n".join(comments))
    if "photoshop" in found.image.info:
        found.metadata = replace(found.metadata, photoshop=jpeg.photoshop_of(segments) or None)
    try:
        found.metadata = replace(found.metadata, xmp=jpeg.whole_xmp(found.metadata.xmp or b"", segments) or None)
    except XmpError:
        found.lost.append("extended XMP that can't be read")
        with contextlib.suppress(XmpError):
            found.metadata = replace(found.metadata, xmp=xmp.without(found.metadata.xmp or b"", _REFERENCE) or None)
    frames = getattr(found.image, "n_frames", 1)
    if frames > 1:
        found.lost.append("the file's second picture" if frames == 2 else f"{frames - 1} more pictures of the file")
    elif jpeg.has_gain_map(segments):
        found.lost.append("gain map")
    found.lost += jpeg.left_out(segments)


def _tiff(found: _Collection) -> None:
    tags: Mapping[int, Any] = getattr(found.image, "tag_v2", {})
    found.metadata = replace(found.metadata, exif=exif.of_tiff(found.image))
    if _X_RESOLUTION not in tags:  # Pillow takes 1 then
        found.metadata = replace(found.metadata, resolution=None)
    resources = tags.get(_IMAGE_RESOURCES)
    iptc = tags.get(_IPTC_OF_TIFF)
    if isinstance(iptc, tuple) and all(isinstance(word, int) for word in iptc):  # bytes in words of the file's order
        iptc = struct.pack(f"{getattr(tags, '_endian', '<')}{len(iptc)}L", *iptc)
    if not isinstance(resources, bytes):
        resources = jpeg.blocks_of({_IPTC: iptc}) if isinstance(iptc, bytes) else b""
    found.found(photoshop=resources)
    found.lost += [name for tag, name in _COLOURS_OF_TIFF.items() if tag in tags and not found.metadata.icc]
    others = sorted(set(tags) - _OF_FILE - set(_COLOURS_OF_TIFF) - exif.TAGS_OF_TIFF)
    if others:
        found.lost.append(f"TIFF tags {', '.join(map(str, others))}")


def _heif(found: _Collection) -> None:
    info = found.image.info
    nclx = info.get("nclx_profile") or {}
    code_points = (nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None
    if found.content:
        inside = boxes.Boxes(found.content)
        code_points = code_points or inside.code_points
        if b"tmap" in inside.items:
            found.lost.append("gain map")
    if code_points and not found.metadata.icc:
        _code_points(found, *map(int, code_points))
    if info.get("depth_images"):
        found.lost.append("depth map")
    for kind in info.get("aux") or ():
        found.lost.append("gain map" if "gainmap" in str(kind).lower() else f"picture of kind {kind}")
    found.lost += [f"HEIF metadata {block.get('type')}" for block in info.get("metadata") or ()]
    found.lost += [key.replace("_", " ") for key in _LIGHT if key in info]


def _jpeg2000(found: _Collection) -> None:
    fields, others = boxes.of_jp2(found.content or b"")
    found.found(icc=fields.get("icc"), exif=exif.bare(fields.get("exif", b"")), xmp=fields.get("xmp"))
    if "iptc" in fields:
        found.found(photoshop=jpeg.blocks_of({_IPTC: fields["iptc"]}))
    found.lost += others


def _psd(found: _Collection) -> None:
    resources = {number: content for number, _, content in getattr(found.image, "resources", [])}
    found.found(exif=resources.pop(_EXIF_RESOURCE, None), xmp=resources.pop(_XMP_RESOURCE, None))
    resources.pop(_ICC_RESOURCE, None)
    found.found(photoshop=jpeg.blocks_of(resources))


def _exif(found: _Collection, given: Mapping[str, Any]) -> None:
    """EXIF as it was given, or edited, or read; no orientation of a picture that may have been turned since."""
    image, changed = found.image, "exif" in given
    turned = image.format == "TIFF"  # by Pillow, when it loads one
    if changed:
        found.metadata = replace(found.metadata, exif=from_info(given).exif)
    elif image.format != "TIFF":
        before = found.metadata.exif
        with contextlib.suppress(Exception):  # Pillow raises many kinds for EXIF that can't be read, and none edits it
            edited = exif.edited(image)
            if edited is not None:
                changed = True
                found.metadata = replace(found.metadata, exif=edited or None)
        if image.format is None and not _edited_orientation(before, found.metadata.exif if changed else None):
            turned = True
            orientation = _orientation(found.metadata.exif)
            if orientation != 1 and found.metadata.exif:
                found.metadata = replace(found.metadata, exif=exif.upright(found.metadata.exif))
                found.lost.append(
                    f"EXIF orientation {orientation}, as the picture may have been turned since it was opened"
                )
    if (changed or turned) and found.metadata.xmp:
        with contextlib.suppress(XmpError):
            found.metadata = replace(found.metadata, xmp=xmp.without(found.metadata.xmp, _ORIENTATION_IN_XMP))


def _edited_orientation(before: bytes | None, after: bytes | None) -> bool:
    return after is not None and _orientation(before) != _orientation(after)


def _orientation(block: bytes | None) -> int:
    try:
        return exif.orientation_of(block) if block else 1
    except exif.ExifError:
        return 1


def _trailers(found: _Collection) -> None:
    """No XMP about pictures and videos that follow in the file."""
    packet = found.metadata.xmp
    if not packet or not any(space.encode() in packet for space, _ in _TRAILERS):
        return
    if xmp.has(packet, _GAIN_MAP):
        found.lost.append("gain map")
    if xmp.has(packet, _MOTION):
        found.lost.append("video of a motion photo")
    with contextlib.suppress(XmpError):
        found.metadata = replace(found.metadata, xmp=xmp.without(packet, _TRAILERS))
