"""`svcodec demo`."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import TIERS
from .options import device_option, overwrite_option
from .terminal import echo, is_terminal, refuse_existing, shown, write

if TYPE_CHECKING:
    from PIL import Image

_LABEL = 28
_THUMBNAIL = 320
_CROP = 160
_SHEET = "contact-sheet.png"


@click.command()
@click.option("-o", "--output", metavar="FOLDER", default="svcodec-demo", show_default=True, help="Where files go.")
@overwrite_option
@device_option
def demo(output: str, overwrite: bool, device: str) -> None:
    """Code one photo in every tier; print sizes and quality, write the .svc files and a contact sheet.

    The photo is the portrait of Grace Hopper by James S. Davis for the US Navy, which is in the public domain:
    https://commons.wikimedia.org/wiki/File:Commodore_Grace_M._Hopper,_USN_(covered).jpg
    """
    from tabulate import tabulate

    from .. import Codec

    folder = Path(output)
    for name in (*(f"{tier}.svc" for tier in TIERS), _SHEET):
        refuse_existing(str(folder / name), overwrite)
    photo = _photo()
    codec = Codec(device=device)
    rows: list[tuple[str, ...]] = []
    panels = [("original", photo)]
    with click.progressbar(TIERS, label="Coding", file=sys.stderr, hidden=not is_terminal(sys.stderr)) as tiers:
        for tier in tiers:
            start = time.perf_counter()
            stream = codec.encode(photo, tier=tier)
            encoded = time.perf_counter()
            decoded = codec.decode(stream)
            seconds = (encoded - start, time.perf_counter() - encoded)
            bits_per_pixel = 8 * len(stream) / (photo.width * photo.height)
            rows.append(
                (
                    tier,
                    f"{len(stream):,}",
                    f"{bits_per_pixel:.3f}",
                    _psnr(decoded, photo),
                    *(f"{duration:.2f}" for duration in seconds),
                )
            )
            panels.append((f"{tier}, {bits_per_pixel:.3f} bits per pixel", decoded))
            write(str(folder / f"{tier}.svc"), stream, overwrite=overwrite)
    sheet = io.BytesIO()
    _contact_sheet(panels).save(sheet, "PNG")
    write(str(folder / _SHEET), sheet.getvalue(), overwrite=overwrite)
    head = ("tier", "bytes", "bits/pixel", "PSNR in dB", "encoding s", "decoding s")
    echo(tabulate(rows, head, "plain", disable_numparse=True, colalign=("left", *["right"] * 5)))
    echo(f"\nSee {shown(str(folder / _SHEET))}")


def _photo() -> Image.Image:
    from PIL import Image

    with resources.files(__package__).joinpath("grace-hopper.jpg").open("rb") as file, Image.open(file) as image:
        return image.convert("RGB")


def _psnr(a: Image.Image, b: Image.Image) -> str:
    import numpy as np

    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return f"{10 * np.log10(255**2 / error):.2f}" if error else "exact"


def _contact_sheet(panels: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Each picture above an enlarged crop from its middle, with its label, side by side."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    tiles = []
    for label, picture in panels:
        whole = ImageOps.fit(picture, (_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        left, top = (picture.width - _CROP) // 2, (picture.height - _CROP) // 3
        crop = picture.crop((left, top, left + _CROP, top + _CROP))
        tile = Image.new("RGB", (_THUMBNAIL, _LABEL + 2 * _THUMBNAIL), "white")
        ImageDraw.Draw(tile).text((6, 6), label, "black", ImageFont.load_default(14))
        tile.paste(whole, (0, _LABEL))
        tile.paste(crop.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.NEAREST), (0, _LABEL + _THUMBNAIL))
        tiles.append(tile)
    sheet = Image.new("RGB", (_THUMBNAIL * len(tiles), tiles[0].height), "white")
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (_THUMBNAIL * index, 0))
    return sheet
