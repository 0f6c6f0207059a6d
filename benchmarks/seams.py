"""Do tiles show? `python -m svcodec.benchmarks.seams PHOTOS -o FILE`.

Each photo is coded in small tiles, and whole. Near the borders of the tiles the error is compared with that of the
whole at the very same pixels, and so is by how much the error jumps from one side of a border to the other: 1 is no
seam at all. Away from the borders the same shows what is chance. The bytes of both say what borders cost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import click
import numpy as np
import numpy.typing as npt

from .. import Codec
from ..arrays import Pixels
from ..codec import tiling
from ..errors import InputError
from ..program import OneCommand
from .conditions import machine, read_photos
from .recorded import record, result_option

TILE, WHOLE = 256, 1 << 14  # pixels of a side; a multiple of what a pixel of u's top has
NEAR = 4  # pixels to either side of a border
CASES = (
    ("sketch", 1),
    ("sketch", 20),
    ("standard", 1),
    ("standard", 20),
    ("standard", 40),
    ("standard", 60),
    ("high", 40),
    ("high", 80),
    ("high", 95),
)


class Figures(NamedTuple):
    """Of one photo, in tiles or whole.

    Attributes:
        near, far: mean squared errors near the borders and elsewhere.
        jump, step: mean squared changes of the error across a border, and between other neighbours.
        size: bytes.
    """

    near: float
    far: float
    jump: float
    step: float
    size: float


def figures(codec: Codec, photo: Pixels, side: int, **options: Any) -> Figures:
    """What there is where tiles of `TILE` have borders, coded in tiles of another side."""
    with mock.patch.object(tiling, "TILE", 2 * side):
        data = codec.encode(photo, **options)
        error = codec.decode_array(data).astype(np.float64) - photo
    near, jumps, steps = np.zeros(photo.shape[:2], bool), [], []
    for axis in (0, 1):
        turned = np.moveaxis(error, axis, 0)
        squares = np.square(np.diff(turned, axis=0)).mean((1, 2))
        for border in range(TILE, photo.shape[axis], TILE):
            np.moveaxis(near, axis, 0)[border - NEAR : border + NEAR] = True
            jumps.append(squares[border - 1])
        # every 8th is where blocks of y_3 meet, which tiles share with all others
        steps += [squares[row - 1] for row in range(8, photo.shape[axis], 8) if row % TILE]
    squared: npt.NDArray[np.float64] = np.square(error).mean(2)
    return Figures(squared[near].mean(), squared[~near].mean(), np.mean(jumps), np.mean(steps), len(data))


def ratios(tiled: list[Figures], whole: list[Figures]) -> dict[str, float]:
    """Sums over all photos in tiles by those of the same coded whole."""
    return {
        name: float(sum(getattr(found, name) for found in tiled) / sum(getattr(found, name) for found in whole))
        for name in Figures._fields
    }


@click.command(cls=OneCommand, help=__doc__)
@click.argument("photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@result_option
@click.option("--count", type=click.IntRange(1), help="only so many of the photos")
def main(photos: Path, output: Path, count: int | None) -> None:
    codec, results = Codec(), []
    chosen = list(read_photos(photos).values())[:count]
    if small := [photo.shape for photo in chosen if max(photo.shape[:2]) <= TILE]:
        raise InputError(f"a photo of {small[0][1]} x {small[0][0]} pixels has no border of tiles of {TILE}")
    for tier, quality in CASES:
        options = {"tier": tier, "quality": quality}
        tiled, whole = ([figures(codec, photo, side, **options) for photo in chosen] for side in (TILE, WHOLE))
        results.append({**options, **ratios(tiled, whole)})
        click.echo(results[-1])
    text = {"machine": machine(), "photos": len(chosen), "tile": TILE, "in tiles by whole": results}
    record(output, text)


if __name__ == "__main__":
    main()
