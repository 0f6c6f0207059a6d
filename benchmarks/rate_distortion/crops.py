"""Crops of photos as the codecs leave them at matched rates."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...arrays import Pixels
from ..conditions import Photos
from ..peers.peer import Peer

MATCHED_RATE = 0.5  # bits per pixel
SIDE = 256  # of a crop
LABEL = 24  # height of its label
ORIGINAL = "original"  # the codec that leaves a photo as it is

Rates = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Crop:
    """One codec's version of a crop.

    Attributes:
        photo, codec: their names.
        label: what stands over it.
        pixels: uint8 (h, w, 3).
    """

    photo: str
    codec: str
    label: str
    pixels: Pixels


def matched(photos: Photos, rates: Rates, peers: Sequence[Peer]) -> list[Crop]:
    """The middle of each photo by each codec, at the setting whose rate on that photo is nearest to MATCHED_RATE.

    Args:
        rates: bits per pixel of every setting, by codec and photo.
    """
    crops = []
    for photo, pixels in photos.items():
        rows, columns = (slice(max(0, side // 2 - SIDE // 2), side // 2 + SIDE // 2) for side in pixels.shape[:2])
        crops.append(Crop(photo, ORIGINAL, ORIGINAL, pixels[rows, columns]))
        for peer in peers:
            at = rates[peer.name][photo]
            nearest = int(np.argmin(np.abs(np.log(np.array(at) / MATCHED_RATE))))
            decoded = peer.decode(peer.encode(pixels, peer.settings[nearest]))
            crops.append(Crop(photo, peer.name, f"{peer.name}, {at[nearest]:.3f} bpp", decoded[rows, columns]))
    return crops


def contact_sheet(crops: Sequence[Crop]) -> Image.Image:
    """A row of labelled crops for each photo, all of one size or below SIDE."""
    side = max(SIDE, *(max(crop.pixels.shape) for crop in crops))
    photos = list(dict.fromkeys(crop.photo for crop in crops))
    columns = list(dict.fromkeys(crop.codec for crop in crops))
    sheet = Image.new("RGB", (side * len(columns), (side + LABEL) * len(photos)), "white")
    draw = ImageDraw.Draw(sheet)
    for crop in crops:
        left, top = side * columns.index(crop.codec), (side + LABEL) * photos.index(crop.photo)
        draw.text((left + 4, top + 4), crop.label, "black", ImageFont.load_default(14))
        sheet.paste(Image.fromarray(crop.pixels), (left, top + LABEL))
    return sheet


def as_webp(pixels: Pixels) -> bytes:
    """Lossless, to stand in a page."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()
