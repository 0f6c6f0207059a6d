"""Pictures out: as Pillow images, and as files of other formats, with all that they carry."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from ...bitstream.metadata import NOTHING, RESOLUTION_UNIT, Metadata
from ...errors import DroppedWarning, InputError
from . import exif, icc, jpeg, png
from .deep_writing import MODES, with_samples
from .picture import Picture
from .pillow_info import from_info, to_info

_COMMON = {"icc", "exif", "xmp"}
# What a format holds of the fields of Metadata, as it is written here. Others hold nothing.
_HOLDS = {
    "PNG": {field.name for field in fields(Metadata)},
    "JPEG": {*_COMMON, "resolution", "comment", "photoshop"},
    "TIFF": {*_COMMON, "resolution", "photoshop"},
    "WEBP": _COMMON,
    "AVIF": _COMMON,
    "HEIF": _COMMON,
    "BMP": {"resolution"},
}
_NAMES = {
    "icc": "ICC profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "resolution": "resolution",
    "texts": "texts",
    "comment": "comment",
    "photoshop": "IPTC and other blocks of Photoshop",
    "modified": "modification time",
}
_PARSING = ("TIFF", "AVIF")  # formats for which Pillow reads EXIF, and does not write it as it is
_MOST_OF_JPEG = 65535  # dots per inch, which it holds as a whole number
_OPAQUE = ("JPEG", "PPM", "BMP")
_DEEP = ("PNG", "TIFF")
_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG = 700, 33723, 34377


def to_image(picture: Picture) -> Image.Image:
    """The picture as a Pillow image of mode L, LA, RGB, RGBA or I;16 and format SVC, with its metadata in `info`.

    They stand there under the names that Pillow's `save` takes as parameters: `icc_profile`, `exif` and `xmp` (bytes),
    `dpi`, `comment`; and `text`, `photoshop` and `modified`. For sixteen bits in colour or with alpha there is no mode.
    """
    image = Image.fromarray(picture.pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    return _opened(image, picture.metadata)


def to_array(picture: Picture) -> npt.NDArray[Any]:
    """The samples of a picture, uint8 or uint16: (h, w) grey, (h, w, 2) with alpha, (h, w, 3) RGB or (h, w, 4) RGBA."""
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def to_file(picture: Picture, format: str, options: Mapping[str, Any]) -> bytes:
    """The picture as a file of another format. Arguments and errors are those of `write_picture`."""
    if picture.pixels.dtype != np.uint16:
        return write_picture(to_image(picture), format, **options)
    refuse_format(format, deep=True, alpha=picture.alpha is not None)
    samples = np.atleast_3d(to_array(picture))
    pixel = _opened(Image.new(MODES[samples.shape[2]], (1, 1)), picture.metadata)
    return with_samples(write_picture(pixel, format, **options), format.upper(), samples)


def write_picture(image: Image.Image, format: str, **options: Any) -> bytes:
    """A decoded picture as a file of another format, with all of its metadata that this format holds.

    Pillow's own `save` writes what it is given, and leaves the rest of `info`. Here a `DroppedWarning` names what the
    format does not hold.

    Args:
        image: by `decode`, or opened from an .svc file.
        format: PNG, JPEG, TIFF, WEBP, AVIF, BMP, PPM or another one that Pillow writes.
        options: of Pillow's `save` for this format.

    Returns:
        The content of the file.

    Raises:
        InputError: the format does not hold the picture, or Pillow can't write it.
    """
    if not isinstance(image, Image.Image):
        raise InputError(f"expected a Pillow image, not {type(image).__name__}")
    refuse_format(format, deep=image.mode == "I;16", alpha=image.has_transparency_data)
    format = format.upper()
    image.load()
    metadata, lost = _held(image, from_info(image.info), format)
    stream = io.BytesIO()
    try:
        image.save(stream, format, **{**_parameters(metadata, format), **options})
        data = png.written(stream.getvalue(), metadata) if format == "PNG" else stream.getvalue()
    except Exception as error:  # Pillow raises many kinds, for example for EXIF that is too long for a JPEG
        raise InputError(f"can't be written as {format}: {error}") from error
    if lost:
        warnings.warn(f"not kept in {format}: {', '.join(lost)}", DroppedWarning, stacklevel=2)
    return data


def refuse_format(format: str, *, deep: bool, alpha: bool) -> None:
    """Raise InputError for a format that does not hold such a picture.

    Args:
        format: as for `write_picture`.
        deep: the picture has sixteen bits per sample.
        alpha: it has an alpha channel.
    """
    if not isinstance(format, str):
        raise InputError(f"a format is given by its name, not as {type(format).__name__}")
    format = format.upper()
    if alpha and format in _OPAQUE:
        raise InputError(f"the picture has an alpha channel, which {format} can't hold: write .png or .webp")
    if deep and format not in _DEEP:
        raise InputError(f"the picture has 16 bits per sample, which {format} can't hold here: write .png or .tif")


def _opened(image: Image.Image, metadata: Metadata) -> Image.Image:
    image.format = "SVC"  # so that it counts as opened: what Pillow makes of it has none
    image.info.update(to_info(metadata))
    return image


def _held(image: Image.Image, metadata: Metadata, format: str) -> tuple[Metadata, list[str]]:
    """What a format holds of the metadata, and names of the rest."""
    held = _HOLDS.get(format, set())
    names = [name for name in _NAMES if name not in held and getattr(metadata, name)]
    lost = [_name(metadata, name) for name in names]
    metadata = replace(metadata, **{name: getattr(NOTHING, name) for name in names})
    if metadata.exif and format in _PARSING and not exif.is_readable(metadata.exif):
        lost.append("EXIF that can't be read")
        metadata = replace(metadata, exif=None)
    if format == "PNG" and (unfit := [text.keyword for text in metadata.texts if not png.is_keyword(text.keyword)]):
        lost.append(f"texts whose keywords PNG does not hold ({', '.join(map(repr, unfit))})")
        metadata = replace(metadata, texts=tuple(text for text in metadata.texts if png.is_keyword(text.keyword)))
    if metadata.comment and format == "JPEG" and len(metadata.comment) > jpeg.MAX_SEGMENT:
        lost.append("comment, which is too long")
        metadata = replace(metadata, comment=None)
    if format == "JPEG" and metadata.resolution and not _fits_jpeg(metadata.resolution):
        lost.append(f"resolution, which JPEG holds from 1 to {_MOST_OF_JPEG:,} dots per inch")
        metadata = replace(metadata, resolution=None)
    if metadata.icc:
        grey = image.getbands()[0] != "R" and format != "WEBP" and (format, image.mode) != ("AVIF", "LA")
        profile = icc.fitting(metadata.icc, grey)
        if profile is None:
            lost.append("ICC profile for other colours than the file has")
        elif format == "PNG" and len(profile := icc.trimmed(profile)) > png.TEXT_LIMIT:
            lost.append(
                f"ICC profile of {len(profile):,} bytes, as Pillow opens no PNG with more than {png.TEXT_LIMIT:,}"
            )
            profile = None
        metadata = replace(metadata, icc=profile)
    return metadata, lost


def _fits_jpeg(resolution: tuple[int, int]) -> bool:
    return all(1 <= round(value / RESOLUTION_UNIT) <= _MOST_OF_JPEG for value in resolution)


def _name(metadata: Metadata, field: str) -> str:
    keywords = [text.keyword for text in metadata.texts]
    return f"texts ({', '.join(keywords)})" if field == "texts" else _NAMES[field]


def _parameters(metadata: Metadata, format: str) -> dict[str, Any]:
    """For Pillow's `save`, which takes a profile from `info` unless it is told otherwise, and nothing else."""
    parameters: dict[str, Any] = {"icc_profile": metadata.icc or b"", "comment": metadata.comment or b""}
    if metadata.resolution:
        parameters["dpi"] = tuple(value / RESOLUTION_UNIT for value in metadata.resolution)
    if metadata.exif:
        parameters["exif"] = exif.PREFIX + metadata.exif
    if metadata.xmp and format not in ("PNG", "TIFF"):
        parameters["xmp"] = metadata.xmp
    if format == "JPEG":
        packet, parameters["extra"] = jpeg.segments_of(metadata.photoshop, metadata.xmp)
        parameters["xmp"] = packet or b""
    if format == "TIFF":
        parameters["tiffinfo"] = _tiff_tags(metadata)
    return parameters


def _tiff_tags(metadata: Metadata) -> Mapping[int, Any]:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (exif.for_tiff(metadata.exif) if metadata.exif else {}).items():
        tags[tag] = value
    blocks = metadata.photoshop or b""
    iptc = jpeg.resources_of(blocks).get(jpeg.IPTC)
    for tag, content in {_XMP_TAG: metadata.xmp, _PHOTOSHOP_TAG: blocks, _IPTC_TAG: iptc}.items():
        if content:
            tags[tag] = content
    return tags
