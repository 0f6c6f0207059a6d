"""Crops of Kodak images by three codecs in equal bytes: `python -m svcodec.benchmarks.contact_sheet KODAK -o FOLDER`.

KODAK holds the 24 images, FOLDER gets the sheets. Each crop is enlarged twofold, pixel by pixel, and stands beside the
original's. `standard` codes the whole image at QUALITY, AVIF and JPEG XL in as nearly as many bytes as they can; over
each crop stand the bytes and the SSIMULACRA 2 of the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from ..arrays import Pixels
from ..codec.measures import SMALLEST_SSIMULACRA2, ssimulacra2
from ..program import OneCommand
from .conditions import read_photos
from .peers import registry
from .peers.matched import at_bytes
from .peers.peer import Peer
from .rate_distortion.crops import ORIGINAL, Crop, contact_sheet
from .rate_distortion.report import STANDARD

QUALITY = 50
OTHERS = {"avif": "AVIF", "jxl": "JPEG XL"}
SIDE = 144  # of a crop, before it is enlarged
SHEETS = ("details-1.webp", "details-2.webp")
SAVED = {"quality": 90, "method": 6}


@dataclass(frozen=True)
class Place:
    """Where to look, and what is to be seen there.

    Attributes:
        what: a word.
        photo: the image's number, from 1.
        left, top: of the crop.
    """

    what: str
    photo: int
    left: int
    top: int

    def cut(self, pixels: Pixels) -> Pixels:
        """The crop of an image, enlarged."""
        crop = pixels[self.top : self.top + SIDE, self.left : self.left + SIDE]
        return np.repeat(np.repeat(crop, 2, 0), 2, 1)


# On each sheet, what is hard to keep and what is hard not to spoil
PLACES = (
    (
        Place("hair", 4, 330, 180),
        Place("grass", 19, 160, 620),
        Place("ribbing", 15, 150, 330),
        Place("water", 16, 240, 340),
    ),
    (
        Place("lettering", 14, 500, 330),
        Place("skin", 15, 410, 240),
        Place("sky", 3, 575, 85),
    ),
)


def crops_of(photos: Sequence[Pixels], places: Sequence[Place], ours: Peer, others: Sequence[Peer]) -> list[Crop]:
    """Each place in the original, by `ours` at QUALITY and by the others in as many bytes."""
    crops = []
    for place in places:
        pixels = photos[place.photo - 1]
        crops.append(Crop(place.what, ORIGINAL, f"{place.what}, {ORIGINAL}", place.cut(pixels)))
        coded = ours.encode(pixels, {"quality": QUALITY})
        for peer in (ours, *others):
            data = coded if peer is ours else at_bytes(peer, pixels, len(coded))
            decoded = peer.decode(data)
            name = OTHERS.get(peer.name, "svcodec")
            label = f"{name}, {len(data):,} bytes, SSIMULACRA 2: {ssimulacra2(decoded, pixels):.0f}"
            crops.append(Crop(place.what, peer.name, label, place.cut(decoded)))
    return crops


@click.command(cls=OneCommand, help=__doc__)
@click.argument("kodak", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="folder for the sheets")
def main(kodak: Path, output: Path) -> None:
    photos = list(read_photos(kodak).values())
    if len(photos) < max(place.photo for sheet in PLACES for place in sheet):
        raise click.BadParameter(f"there are only {len(photos)} photos in {kodak}")
    for place in (place for sheet in PLACES for place in sheet):
        height, width = photos[place.photo - 1].shape[:2]
        if max(place.left + SIDE, SMALLEST_SSIMULACRA2) > width or max(place.top + SIDE, SMALLEST_SSIMULACRA2) > height:
            raise click.BadParameter(f"photo {place.photo} in {kodak} is too small: it takes the 24 Kodak images")
    ours, *others = (registry.make(name) for name in (STANDARD, *OTHERS))
    output.mkdir(parents=True, exist_ok=True)
    for name, places in zip(SHEETS, PLACES, strict=True):
        contact_sheet(crops_of(photos, places, ours, others)).save(output / name, "WEBP", **SAVED)
        click.echo(f"{output / name}: {(output / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
