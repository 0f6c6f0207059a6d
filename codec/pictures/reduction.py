"""Parts of pictures, at a half, a quarter or an eighth of their size by the model's own transform. Needs no torch."""

from __future__ import annotations

from ...arrays import Deep, Pixels, halved
from ..tiling import Where, covering
from .picture import Picture


def seen(samples: Pixels | Deep, where: Where, times: int) -> Pixels | Deep:
    """What samples (h, w) or (h, w, c) have there, sides halved so many times, rounded outwards."""
    part: Pixels | Deep = samples[covering(where, times, (samples.shape[0], samples.shape[1]))]
    return halved(part, times)


def seen_picture(picture: Picture, where: Where, times: int) -> Picture:
    """The same of a picture."""
    alpha = None if picture.alpha is None else seen(picture.alpha, where, times)
    return Picture(seen(picture.pixels, where, times), alpha, picture.metadata, picture.dropped)
