"""Peers at a given number of bytes, found by bisection of their settings."""

from __future__ import annotations

import numpy as np

from ...arrays import Pixels
from .peer import Peer, Setting, settings_of

# As finely as each codec can be set, in order of rate
FINE: dict[str, tuple[Setting, ...]] = {
    "jpeg": settings_of("quality", *range(1, 96)),
    "webp": settings_of("quality", *range(101)),
    "avif": settings_of("quality", *range(101)),
    "jxl": settings_of("distance", *np.geomspace(25, 0.05, 400).tolist()),
}


def at_bytes(peer: Peer, pixels: Pixels, size: int) -> bytes:
    """A photo coded in as nearly `size` bytes as the peer can, which must be one of FINE."""
    settings = FINE[peer.name]
    low, high = 0, len(settings) - 1
    tried: list[bytes] = []
    while low <= high:
        middle = (low + high) // 2
        tried.append(peer.encode(pixels, settings[middle]))
        if len(tried[-1]) < size:
            low = middle + 1
        else:
            high = middle - 1
    return min(tried, key=lambda data: abs(len(data) - size))
