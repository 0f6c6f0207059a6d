"""Pictures at a half, a quarter or an eighth of their size, by the model's own transform. Needs no torch."""

from __future__ import annotations

from ...arrays import halved
from .picture import Picture


def reduced(picture: Picture, times: int) -> Picture:
    """A picture with its sides halved so many times, rounded up."""
    alpha = None if picture.alpha is None else halved(picture.alpha, times)
    return Picture(halved(picture.pixels, times), alpha, picture.metadata, picture.dropped)
