"""Memory that each tier takes for a pixel: `python -m svcodec.benchmarks.footprint -o FILE`.

The demo's photo, tiled to two sizes and a little noisy, so that nothing repeats, is encoded and decoded in programs of
their own, and peaks are taken. Both sizes have tiles with others on all sides. The slope between them is what a pixel
takes; what the smaller one takes beside that is put down to the pixels of one tile. `codec/memory.py` holds these
figures, rounded up.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click
import numpy as np

from .. import TIERS, Codec
from ..arrays import Pixels
from ..codec.tiling import TILE
from .conditions import machine, tiled_photo
from .programs import printed_by

SIZES = ((3072, 3072), (4096, 4096))  # width and height
PROGRAM = """
import json, sys
from svcodec.benchmarks import footprint
tier, width, height, file = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
print(json.dumps(getattr(footprint, sys.argv[1])(tier, width, height, file)))
"""


def encoding(tier: str, width: int, height: int, file: str) -> int:
    """Bytes that encoding a picture to a file takes at its peak, beyond what a codec that was used takes."""
    codec, effort = _used(tier)
    pixels = noisy_photo(width, height)
    before = reset()
    data = codec.encode(pixels, tier=tier, effort=effort)
    taken = peak() - before
    Path(file).write_bytes(data)
    return taken


def decoding(tier: str, width: int, height: int, file: str) -> int:
    """Bytes that decoding the file takes, likewise."""
    codec, _ = _used(tier)
    before = reset()
    codec.decode(file)
    return peak() - before


def noisy_photo(width: int, height: int) -> Pixels:
    """The demo's photo, tiled, with noise in the last bit: uint8 (height, width, 3)."""
    pixels = tiled_photo(width, height)
    for row in range(0, height, TILE):  # the noise takes less than coding will
        part = pixels[row : row + TILE]
        part ^= np.random.default_rng(row).integers(0, 2, part.shape, np.uint8)
    return pixels


def taken(way: str, tier: str, width: int, height: int, file: Path) -> int:
    """What `encoding` or `decoding` returns in a program of its own."""
    return int(printed_by(PROGRAM, way, tier, width, height, file))


def _used(tier: str) -> tuple[Codec, int | None]:
    """A codec that has coded a small picture in a tier, and its least effort."""
    codec, effort = Codec(), 1 if tier == "lossless" else None
    codec.decode(codec.encode(tiled_photo(64, 64), tier=tier, effort=effort))
    return codec, effort


def reset() -> int:
    """Let the peak be what is taken now, which is returned in bytes. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Bytes that this process took at most, since `reset` if it was called. Linux only."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) << 10


@click.command(help=__doc__)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="file for the results")
def main(output: Path) -> None:
    (pixels, more), tile = (width * height for width, height in SIZES), TILE * TILE
    tiers: dict[str, dict[str, dict[str, float]]] = {tier: {} for tier in TIERS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coded.svc"
        for tier, of_tier in tiers.items():
            both = [[taken(way, tier, *size, file) for way in ("encoding", "decoding")] for size in SIZES]
            for way, small, large in zip(("encoding", "decoding"), *both, strict=True):
                slope = max(0.0, (large - small) / (more - pixels))
                rest = max(0.0, (small - slope * pixels) / tile)
                of_tier[way] = {"bytes per pixel": round(slope, 1), "bytes per pixel of a tile": round(rest, 1)}
    text = json.dumps({"machine": machine(), "tiers": tiers}, indent=1)
    output.write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
