"""Codecs on photos of half the sides, for rates below those that they reach otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from ...arrays import Pixels
from .peer import Peer, Setting

SUFFIX = "-half"  # of the peers' names


def halved(peer: Peer, settings: tuple[Setting, ...]) -> Peer:
    """A peer that codes photos halved, and doubles them after decoding, both by Lanczos' filter.

    A byte of its own in front says which sides were odd.

    Args:
        settings: the peer's on halved photos, in order of rate.
    """

    def encode(pixels: Pixels, setting: Setting) -> bytes:
        height, width = pixels.shape[:2]
        half = _resized(pixels, -(-height // 2), -(-width // 2))
        return bytes([height % 2 * 2 + width % 2]) + peer.encode(half, setting)

    def decode(data: bytes) -> Pixels:
        pixels = peer.decode(data[1:])
        height, width = (2 * side for side in pixels.shape[:2])
        return _resized(pixels, height - data[0] // 2, width - data[0] % 2)

    description = f"{peer.description}, on photos halved and doubled again by Lanczos' filter"
    return replace(
        peer, name=peer.name + SUFFIX, description=description, settings=settings, encode=encode, decode=decode
    )


def _resized(pixels: Pixels, height: int, width: int) -> Pixels:
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
