"""Memory that each tier takes for a pixel: `python -m svcodec.benchmarks.footprint -o FILE`.

The demo's photo, tiled to two sizes, is encoded and decoded in a program of its own for each tier and size. The slope
between the sizes is what a pixel takes; `lossless` codes tiles, whose cost is what the smaller one takes beside that.
`codec/memory.py` holds these figures and a tenth more.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import TIERS, Codec
from .conditions import machine, tiled_photo
from .programs import printed_by

SIZES = ((1024, 1024), (2048, 2048))  # width and height
PROGRAM = """
import json, sys
from svcodec.benchmarks.footprint import coding
print(json.dumps(coding(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
"""


def coding(tier: str, width: int, height: int) -> tuple[int, int]:
    """Bytes that encoding and decoding a picture take at their peaks, beyond what a codec that was used takes."""
    codec = Codec()
    pixels = tiled_photo(width, height)
    effort = 1 if tier == "lossless" else None
    codec.decode(codec.encode(pixels[:64, :64], tier=tier, effort=effort))
    before = _reset()
    data = codec.encode(pixels, tier=tier, effort=effort)
    encoding = _peak() - before
    before = _reset()
    codec.decode(data)
    return encoding, _peak() - before


def _reset() -> int:
    """Let the peak be what is taken now, which is returned in bytes. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) << 10


@click.command(help=__doc__)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="file for the results")
def main(output: Path) -> None:
    tiers = {}
    for tier in TIERS:
        small, large = (printed_by(PROGRAM, tier, *size) for size in SIZES)
        pixels, more = (width * height for width, height in SIZES)
        slopes = [(b - a) / (more - pixels) for a, b in zip(small, large, strict=True)]
        tiles = [a / pixels - slope for a, slope in zip(small, slopes, strict=True)]
        tiers[tier] = {
            way: {"bytes per pixel": round(slope, 1), "bytes per pixel of a tile": round(tile, 1)}
            for way, slope, tile in zip(("encoding", "decoding"), slopes, tiles, strict=True)
        }
    text = json.dumps({"machine": machine(), "tiers": tiers}, indent=1)
    output.write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
