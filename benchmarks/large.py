"""Large pictures: memory and time of all ways to code them: `python -m svcodec.benchmarks.large -o FILE`.

The demo's photo, tiled to 1, 12, 48 and 100 megapixels and a little noisy, so that nothing repeats, is written to a
JPEG. A program for each way reads it, or the .svc file that came of it; its seconds are those of the call alone, its
peak is that of the whole program, torch and model included.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import click
from PIL import Image

from .. import TIERS, Codec, cut
from ..codec.tiers import spec_of
from ..codec.tiling import side_of_tiles
from ..program import OneCommand
from .conditions import machine
from .footprint import noisy_photo, peak
from .programs import Figures, printed_by
from .recorded import record, result_option

SIZES = {1: (1152, 864), 12: (4000, 3000), 48: (8000, 6000), 100: (11584, 8688)}  # width and height by megapixels
REGION = 512  # pixels of a side of a region
PROGRAM = """
import json, sys
from svcodec.benchmarks import large
print(json.dumps(large.measured(*sys.argv[1:])))
"""


def measured(way: str, tier: str, picture: str, file: str) -> Figures:
    """Seconds and the peak of this program, in bytes.

    Args:
        way: `encode`, which makes the file of the picture, or one of WAYS that read it.
        tier: of the file.
        picture: a path.
        file: likewise.
    """
    codec = Codec()
    codec.decode(codec.encode(noisy_photo(64, 64)))  # what is made once
    start = time.perf_counter()
    if way == "encode":
        Path(file).write_bytes(codec.encode(picture, tier=tier, max_pixels=None))
    elif way == "cut":
        cut(file, 2)
    elif way in REGIONS:
        with Image.open(picture) as image:
            tile = side_of_tiles((image.height, image.width), spec_of(tier).exact)
            left, top = (_start(side, tile, REGIONS[way]) for side in image.size)
        codec.decode_array(file, region=(left, top, REGION, REGION), max_pixels=None)
    else:
        reduce = 1 if way == "decode" else int(way.rpartition("/")[2])
        codec.decode_array(file, reduce=reduce, max_pixels=None)
    return {"seconds": time.perf_counter() - start, "peak": peak()}


REGIONS = {"region": 0, "region of tiles": -REGION // 2}  # by where they start, from a corner of tiles on
WAYS = ("encode", "decode", "1/2", "1/4", "1/8", *REGIONS, "cut")


def _start(side: int, tile: int, offset: int) -> int:
    """Where a region starts: so far from the border of tiles that is nearest to the middle of a side."""
    return min(max(0, round(side / 2 / tile) * tile + offset), side - REGION)


@click.command(cls=OneCommand, help=__doc__)
@result_option
@click.option("--megapixels", multiple=True, type=click.Choice([*map(str, SIZES)]), help="only these")
@click.option("--tier", "tiers", multiple=True, type=click.Choice(TIERS), help="only these")
def main(output: Path, megapixels: tuple[str, ...], tiers: tuple[str, ...]) -> None:
    results: dict[str, Any] = {"machine": machine(), "tiers": {tier: {} for tier in tiers or TIERS}}
    with tempfile.TemporaryDirectory() as folder:
        for number in map(int, megapixels or SIZES):
            picture, file = Path(folder, "picture.jpg"), Path(folder, "coded.svc")
            Image.fromarray(noisy_photo(*SIZES[number])).save(picture, quality=95)
            for tier, of_tier in results["tiers"].items():
                found = {way: printed_by(PROGRAM, way, tier, picture, file) for way in WAYS}
                of_tier[number] = {"bytes": file.stat().st_size, **found}
                for way, figures in found.items():
                    shown = f"{figures['seconds']:.1f} s, {figures['peak'] / 1e9:.2f} GB"
                    click.echo(f"{number} megapixels, {tier}, {way}: {shown}")
                record(output, results)


if __name__ == "__main__":
    main()
