"""What the formats carry that Pillow does not hand on, or hands on as something else."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Mapping
from typing import Any

from PIL import ExifTags

from . import boxes, colours, exif, gif, jpeg, png, xmp
from .collection import Collection
from .pillow_info import FIELDS, from_info
from .xmp import XmpError

_REFERENCE = {(xmp.NOTE, "HasExtendedXMP")}
# What ImageMagick and ExifTool call what they keep as a text.
_RAW_PROFILES = {"exif": ("exif", "APP1"), "xmp": ("xmp",), "icc": ("icc", "icm"), "photoshop": ("8bim", "iptc")}
_NO_TEXTS = ("compression", "icc_profile_type")  # texts in `info` of TIFF and HEIF
_LIGHT = ("content_light_level", "mastering_display_colour_volume", "nominal_diffuse_white_luminance")
_EXTRA_SAMPLES, _SUB_IFDS, _ASSOCIATED_ALPHA = int(ExifTags.Base.ExtraSamples), int(ExifTags.Base.SubIFDs), 1
_BMP_4, _BMP_5 = 108, 124  # sizes of headers
_ICC_RESOURCE, _EXIF_RESOURCE, _XMP_RESOURCE = 0x040F, 0x0422, 0x0424
_X_RESOLUTION, _COLOR_MAP = int(ExifTags.Base.XResolution), int(ExifTags.Base.ColorMap)
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


def collect(found: Collection) -> None:
    """Add what the file has of its own kind."""
    if found.image.format in _OF_FORMATS:
        _OF_FORMATS[found.image.format](found)


def _made(found: Collection) -> None:
    """Of an image that Pillow made of another: what is in `info` as a PNG or a JPEG has it there."""
    texts = {key: value for key, value in found.info.items() if isinstance(key, str) and isinstance(value, str)}
    _texts(found, {key: value for key, value in texts.items() if key not in FIELDS and key not in _NO_TEXTS})
    if "gamma" in found.info or "chromaticity" in found.info:
        _png_colours(found)
    _tga(found)
    _whole_xmp(found, ())  # of which a JPEG's segments are gone


def _png(found: Collection) -> None:
    texts = found.info.get("text") or getattr(found.image, "text", None) or {}
    found.put(texts=())
    _texts(found, texts)
    if found.content:
        found.lost += png.left_out(found.content)
        found.behind = png.behind(found.content)
        try:
            found.add(modified=png.time_of(found.content))
        except ValueError:
            found.lost.append("modification time that is none")
    _png_colours(found)


def _texts(found: Collection, texts: Mapping[str, str]) -> None:
    """Texts, and what ImageMagick keeps as one."""
    for name, kinds in _RAW_PROFILES.items():
        try:
            profile = png.raw_profile(texts, *kinds)
        except ValueError:
            found.lost.append(f"raw profile {kinds[0]} that can't be read")
            continue
        if name == "exif" and profile and profile.startswith(jpeg.XMP):
            found.add(xmp=profile.removeprefix(jpeg.XMP))
            continue
        if name == "exif" and profile:
            profile = exif.bare(profile)
        if name == "photoshop" and profile and not profile.startswith(b"8BIM"):
            profile = jpeg.blocks_of({jpeg.IPTC: profile})
        found.add(**{name: profile})
    kept = {keyword: text for keyword, text in texts.items() if not png.is_raw_profile(keyword)}
    found.put(texts=(*found.metadata.texts, *from_info({"text": kept}).texts))


def _png_colours(found: Collection) -> None:
    info = found.info
    code_points = png.code_points_of(found.content) if found.content else None
    if code_points:
        _code_points(found, *code_points)
    elif "srgb" not in info and not found.metadata.icc:
        try:
            found.add(icc=colours.of_gamma(info.get("gamma"), info.get("chromaticity"), found.grey))
        except ValueError:
            found.lost.append("gamma and chromaticities that are no colours")


def _code_points(found: Collection, primaries: int, transfer: int) -> None:
    try:
        profile = colours.of_code_points(primaries, transfer, found.grey)
    except ValueError as error:
        found.lost.append(f"colours of {error}")
    else:
        found.add(icc=profile)


def _jpeg(found: Collection) -> None:
    segments: jpeg.Segments = getattr(found.image, "applist", [])
    if found.info.get("jfif_unit") not in (1, 2):
        found.forget_resolution()  # Pillow's guess, or EXIF's, which has it
    comments = jpeg.comments(segments)
    if len(comments) > 1 and found.metadata.comment == comments[-1]:
        found.put(comment=b"\n".join(comments))
    if "photoshop" in found.info:
        found.put(photoshop=jpeg.photoshop_of(segments) or None)
    _whole_xmp(found, segments)
    frames = getattr(found.image, "n_frames", 1)
    if frames > 1:
        found.lost.append("the file's second picture" if frames == 2 else f"{frames - 1} more pictures of the file")
    elif jpeg.has_gain_map(segments):
        found.lost.append("gain map")
    else:
        found.behind = jpeg.behind(found.content or b"")
    found.lost += jpeg.left_out(segments)


def _whole_xmp(found: Collection, segments: jpeg.Segments) -> None:
    packet = found.metadata.xmp or b""
    try:
        found.put(xmp=jpeg.whole_xmp(packet, segments) or None)
    except XmpError:
        found.lost.append("extended XMP that can't be read")
        with contextlib.suppress(XmpError):
            found.put(xmp=xmp.without(packet, _REFERENCE) or None)


def _tiff(found: Collection) -> None:
    tags: Mapping[int, Any] = getattr(found.image, "tag_v2", {})
    found.put(exif=exif.of_tiff(found.image))
    if _X_RESOLUTION not in tags:  # Pillow takes 1 then
        found.forget_resolution()
    palette = tags.get(_COLOR_MAP, ()) if found.image.mode in ("P", "PA") else ()
    if any(value not in (257 * (value >> 8), 256 * (value >> 8)) for value in palette):
        found.lost.append("palette's colours of more than 8 bits")
    resources = tags.get(_IMAGE_RESOURCES)
    iptc = tags.get(_IPTC_OF_TIFF)
    if isinstance(iptc, tuple) and all(isinstance(word, int) for word in iptc):  # bytes in words of the file's order
        iptc = struct.pack(f"{getattr(tags, '_endian', '<')}{len(iptc)}L", *iptc)
    if not isinstance(resources, bytes):
        resources = jpeg.blocks_of({jpeg.IPTC: iptc}) if isinstance(iptc, bytes) else b""
    found.add(photoshop=resources)
    found.lost += [name for tag, name in _COLOURS_OF_TIFF.items() if tag in tags and not found.metadata.icc]
    extra = tags.get(_EXTRA_SAMPLES, ())
    alpha = found.image.has_transparency_data
    if len(extra) > alpha:
        found.lost.append(_further_channels(len(extra) - alpha))
    if alpha and _ASSOCIATED_ALPHA in extra:
        found.lost.append("colours as alpha multiplied them")
    if _SUB_IFDS in tags:
        found.lost.append("further pictures of the file")
    others = sorted(set(tags) - _OF_FILE - set(_COLOURS_OF_TIFF) - exif.TAGS_OF_TIFF)
    if others:
        found.lost.append(f"TIFF tags {', '.join(map(str, others))}")


def _further_channels(count: int) -> str:
    return "a further channel" if count == 1 else f"{count} further channels"


def _heif(found: Collection) -> None:
    info = found.info
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


def _jpeg2000(found: Collection) -> None:
    fields, others = boxes.of_jp2(found.content or b"")
    found.add(icc=fields.get("icc"), exif=exif.bare(fields.get("exif", b"")), xmp=fields.get("xmp"))
    if "iptc" in fields:
        found.add(photoshop=jpeg.blocks_of({jpeg.IPTC: fields["iptc"]}))
    found.lost += others


def _gif(found: Collection) -> None:
    fields, others = gif.of_gif(found.content or b"")
    found.add(**fields)
    found.lost += others


def _icon(found: Collection) -> None:
    others = len(found.info.get("sizes", ())) - 1
    if others > 0:
        found.lost.append(f"{others} smaller versions of the picture")


def _psd(found: Collection) -> None:
    resources = {number: content for number, _, content in getattr(found.image, "resources", [])}
    found.add(exif=resources.pop(_EXIF_RESOURCE, None), xmp=resources.pop(_XMP_RESOURCE, None))
    resources.pop(_ICC_RESOURCE, None)
    found.add(photoshop=jpeg.blocks_of(resources))
    channels = int.from_bytes((found.content or b"")[12:14], "big")
    if (further := channels - len(found.image.getbands())) > 0:
        found.lost.append(f"{_further_channels(further)}, perhaps alpha")


def _bmp(found: Collection) -> None:
    """The profile of a header of version 5, or what one of version 4 says of its colours."""
    header = (found.content or b"")[14:138]
    size, kind = int.from_bytes(header[:4], "little"), header[56:60]
    if size == _BMP_5 and kind == b"DEBM":
        start, length = (int.from_bytes(header[place : place + 4], "little") for place in (112, 116))
        found.add(icc=(found.content or b"")[14 + start : 14 + start + length])
    elif size == _BMP_5 and kind == b"KNIL":
        found.lost.append("linked ICC profile")
    elif size in (_BMP_4, _BMP_5) and kind == bytes(4) and any(header[60:108]):
        found.lost.append("primaries and gamma")


def _tga(found: Collection) -> None:
    text = found.info.get("id_section")
    found.add(comment=text if isinstance(text, bytes) else None)


def _dds(found: Collection) -> None:
    """Faces of a cube and pictures of an array, of which Pillow reads the first."""
    content = found.content or b""
    faces = 6 if len(content) > 115 and content[113] & 2 else 1
    if content[84:88] == b"DX10":
        faces *= max(1, int.from_bytes(content[140:144], "little"))
    if faces > 1:
        found.lost.append(f"{faces - 1} further faces or pictures")


_OF_FORMATS: dict[str | None, Callable[[Collection], None]] = {
    None: _made,
    "AVIF": _heif,
    "BMP": _bmp,
    "DDS": _dds,
    "GIF": _gif,
    "HEIF": _heif,
    "ICNS": _icon,
    "ICO": _icon,
    "JPEG": _jpeg,
    "JPEG2000": _jpeg2000,
    "MPO": _jpeg,
    "PNG": _png,
    "PSD": _psd,
    "TGA": _tga,
    "TIFF": _tiff,
}
