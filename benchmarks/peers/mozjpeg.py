"""MozJPEG's choice of scans and Huffman tables for Pillow's JPEG."""

from __future__ import annotations

from dataclasses import replace

from . import pillow_codecs
from .peer import Peer, import_for


def mozjpeg() -> Peer:
    optimiser = import_for("mozjpeg", "mozjpeg_lossless_optimization")
    jpeg = pillow_codecs.jpeg()
    return replace(
        jpeg,
        name="mozjpeg",
        description=f"{jpeg.description}, scans optimised by MozJPEG",
        encode=lambda pixels, setting: bytes(optimiser.optimize(jpeg.encode(pixels, setting))),
    )
