"""Memory that each tier takes for a pixel: `python -m svcodec.benchmarks.footprint -o FILE`.

The demo's photo, tiled to four sizes and a little noisy, so that nothing repeats, is encoded and decoded in programs of
their own, and peaks are taken. One size is a tile, the others have many. What fits them best is put down to all pixels,
to those of one tile, to there being several and, where tiles see one another, to the pixels of two rows of tiles.
`codec/memory.py` holds these figures, rounded up.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from .. import TIERS, Codec
from ..arrays import Pixels
from ..codec.tiers import spec_of
from ..codec.tiling import TILE, side_of_tiles
from ..program import OneCommand
from .conditions import machine, tiled_photo
from .programs import printed_by
from .recorded import record, result_option

SIZES = ((1024, 1024), (2048, 2048), (4096, 1536), (3072, 3072))  # width and height
PARTS = ("per pixel", "per pixel of a tile", "of several tiles", "per pixel of two rows of tiles")  # bytes
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


def fitted(taken: Sequence[int], exact: bool) -> list[float]:
    """What is put down to each of PARTS, given the bytes that pictures of SIZES take.

    Args:
        taken: by size.
        exact: whether they are coded exactly, and so no tile sees another.
    """
    parts = []
    for width, height in SIZES:
        side = side_of_tiles((height, width), exact)
        several = width * height > side * side
        parts.append([width * height, side * side, several, several * 2 * side * width][: 3 if exact else 4])
    solution = np.linalg.lstsq(np.array(parts, np.float64), np.array(taken, np.float64), rcond=None)[0]
    return [round(max(0.0, float(share)), 1) for share in solution]


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


@click.command(cls=OneCommand, help=__doc__)
@result_option
def main(output: Path) -> None:
    tiers: dict[str, dict[str, dict[str, float]]] = {tier: {} for tier in TIERS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coded.svc"
        for tier, of_tier in tiers.items():
            found = [[taken(way, tier, *size, file) for way in ("encoding", "decoding")] for size in SIZES]
            exact = spec_of(tier).exact
            for way, bytes_of in zip(("encoding", "decoding"), zip(*found, strict=True), strict=True):
                of_tier[way] = dict(zip(PARTS, fitted(bytes_of, exact), strict=False))
    result = {"machine": machine(), "tiers": tiers}
    record(output, result)
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
