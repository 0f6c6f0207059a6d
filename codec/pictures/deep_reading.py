"""Samples of sixteen bits of Pillow images.

Pillow has a mode for grey ones without alpha. Others it cuts to eight bits: imagecodecs reads these from the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from ...arrays import Deep
from ...errors import InputError
from .depth import is_unloaded

GREY_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_FORMATS = ("PNG", "TIFF", "SVC", None)  # whose samples are coded; None has an image that was made in memory
_LARGEST = 65535
_OTHERS = "svcodec codes 8 bits, or in PNG and TIFF 16: convert it to one of these first"
_WHITE_IS_ZERO = 0
_UNASSOCIATED_ALPHA = 2
# TIFF's orientation: whether rows and columns change places, then quarter turns to the left.
_TURNS = {
    1: (False, 0),
    2: (True, 3),
    3: (False, 2),
    4: (True, 1),
    5: (True, 0),
    6: (False, 3),
    7: (True, 2),
    8: (False, 1),
}


def deep_samples(image: Image.Image, content: bytes | None) -> Deep:
    """Samples of an image of more than eight bits: uint16 (h, w) grey, (h, w, 2) with alpha, (h, w, 3) or (h, w, 4).

    Args:
        image: opened, grey ones perhaps loaded.
        content: of its file, or None where it can't be had; needed for all that is not grey.

    Raises:
        InputError: there are no sixteen bits per sample, or they can't be read exactly.
    """
    if image.format not in _FORMATS or image.mode == "F":
        raise InputError(f"has more than 8 bits per sample; {_OTHERS}")
    pending = is_unloaded(image)
    tags: Any = getattr(image, "tag_v2", {}) if pending and image.format == "TIFF" else {}
    if tags:
        _check_tags(tags)
    if image.mode in GREY_MODES:
        samples = _grey(image)
    elif pending and content is not None:
        samples = _colours(image, content, int(tags.get(ExifTags.Base.Orientation, 1)))
    else:
        raise InputError("has 16 bits per sample, of which Pillow has kept 8: pass the file's path instead")
    if tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO:
        samples = _LARGEST - samples
    key = image.info.get("transparency")
    return samples if key is None else _with_transparent(samples, key)


def imagecodecs() -> Any:
    """The package that reads what Pillow cuts to eight bits. Raises InputError where it is not installed."""
    try:
        return importlib.import_module("imagecodecs")
    except ImportError as error:
        raise InputError('16 bits in colour or with alpha need imagecodecs: pip install "svcodec[deep]"') from error


def _check_tags(tags: Any) -> None:
    """Refuse what a TIFF's samples can be but unsigned integers of sixteen bits."""
    depths = set(tags.get(ExifTags.Base.BitsPerSample, (1,)))
    formats = set(tags.get(ExifTags.Base.SampleFormat, (1,)))
    if depths != {16} or formats != {1}:
        kinds = {1: "unsigned", 2: "signed", 3: "floating-point"}
        found = " and ".join(str(kinds.get(kind, "other")) for kind in sorted(formats))
        depth = " and ".join(map(str, sorted(depths)))
        raise InputError(f"has {found} samples of {depth} bits; {_OTHERS}")
    extra = tags.get(ExifTags.Base.ExtraSamples, ())
    if extra and tuple(extra) != (_UNASSOCIATED_ALPHA,):
        raise InputError("has 16 bits per sample and a channel that is no alpha, or one that colours are multiplied by")


def _grey(image: Image.Image) -> Deep:
    samples = np.asarray(image)
    if samples.min(initial=0) < 0 or samples.max(initial=0) > _LARGEST:
        raise InputError("has samples beyond 16 bits, from 0 to 65535: scale it first")
    return samples.astype(np.uint16)


def _colours(image: Image.Image, content: bytes, orientation: int) -> Deep:
    """Those of a file that is still to be loaded."""
    if image.mode not in ("RGB", "RGBA"):
        raise InputError(f"has colour mode {image.mode}; svcodec codes grey and RGB: convert it to one of these first")
    codecs = imagecodecs()
    if image.format == "PNG":
        image.load()  # cut to eight bits, but what stands behind the samples is read too
    samples = codecs.png_decode(content) if image.format == "PNG" else codecs.tiff_decode(content)
    if samples.dtype != np.uint16 or samples.ndim != 3:
        raise InputError(f"has 16 bits per sample, but is read as {samples.dtype} of shape {samples.shape}")
    if image.format == "TIFF" and samples.shape[0] == len(image.getbands()) != samples.shape[2]:
        samples = np.moveaxis(samples, 0, -1)  # stored channel by channel
    transposed, turns = _TURNS.get(orientation, _TURNS[1])
    return np.rot90(np.swapaxes(samples, 0, 1) if transposed else samples, turns)


def _with_transparent(samples: Deep, key: int | Sequence[int]) -> Deep:
    """Samples with an alpha channel that is clear where they have one certain grey or colour."""
    channels = 1 if isinstance(key, int) else len(key)
    colours = samples.reshape(*samples.shape[:2], -1)[..., :channels]  # imagecodecs may have added the alpha itself
    opaque = (colours != np.array(key, np.uint16)).any(-1)
    return np.dstack([colours, np.where(opaque, _LARGEST, 0).astype(np.uint16)])
