"""The codecs that Pillow brings."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, features

from ...arrays import Pixels
from ...errors import MissingPackageError
from .peer import Peer, Setting, settings_of

LAYERS = tuple([rate] for rate in (200, 100, 60, 40, 30, 20, 15, 10, 7))  # compression ratios of JPEG 2000


def jpeg() -> Peer:
    return with_pillow(
        "jpeg",
        "JPEG",
        "jpg",
        settings_of("quality", 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95),
        optimize=True,
        progressive=True,
    )


def webp() -> Peer:
    settings = settings_of("quality", 0, 1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    return with_pillow("webp", "WEBP", "webp", settings, method=6)


def avif() -> Peer:
    settings = settings_of("quality", 0, 10, 20, 30, 40, 50, 60, 70, 80, 90)
    return with_pillow("avif", "AVIF", "avif", settings, speed=6, subsampling="4:4:4")


def jpeg2000() -> Peer:
    settings = settings_of("quality_layers", *LAYERS)
    return with_pillow("jpeg2000", "JPEG2000", "jpg_2000", settings, irreversible=True, quality_mode="rates")


def png() -> Peer:
    return with_pillow("png", "PNG", "zlib", ({},), optimize=True)


def webp_lossless() -> Peer:
    return with_pillow("webp-lossless", "WEBP", "webp", ({},), lossless=True, method=6, quality=100)


def with_pillow(
    name: str, image_format: str, feature: str | None, settings: tuple[Setting, ...], **always: Any
) -> Peer:
    """A codec of Pillow's or of a plugin.

    Args:
        name, settings: of the peer.
        image_format: as Pillow names it.
        feature: what Pillow must have been built with; None for a plugin's format.
        always: options of every encoding.

    Raises:
        MissingPackageError: this build of Pillow lacks it.
    """
    if feature is not None and not features.check(feature):
        raise MissingPackageError(f"{name}: this build of Pillow has no {image_format}")
    version = features.version(feature) if feature else None

    def encode(pixels: Pixels, setting: Setting) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, image_format, **always, **setting)
        return buffer.getvalue()

    def decode(data: bytes) -> Pixels:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"))

    options = "".join(f", {key} {value}" for key, value in always.items())
    return Peer(name, f"{image_format} {version or ''} by Pillow{options}", settings, encode, decode)
