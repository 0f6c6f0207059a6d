"""JPEG XL, by imagecodecs."""

from __future__ import annotations

import numpy as np

from .peer import Peer, Setting, import_for, settings_of

EFFORT = 7


def lossy() -> Peer:
    return _with_imagecodecs("jxl", settings_of("distance", 25, 15, 10, 7, 5, 3.5, 2.5, 1.8, 1.2, 0.8, 0.5))


def lossless() -> Peer:
    return _with_imagecodecs("jxl-lossless", settings_of("lossless", True))


def _with_imagecodecs(name: str, settings: tuple[Setting, ...]) -> Peer:
    imagecodecs = import_for(name, "imagecodecs")
    return Peer(
        name,
        f"JPEG XL, {imagecodecs.jpegxl_version()} by imagecodecs, effort {EFFORT}",
        settings,
        lambda pixels, setting: bytes(imagecodecs.jpegxl_encode(pixels, effort=EFFORT, numthreads=1, **setting)),
        lambda data: np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1)),
    )
