"""What is measured of a picture: statistics of its Haar details in the fine and in the large.

Natural images look alike at every scale, what cameras, scanners and programs do to them shows at the finest ones. So a
picture is seen twice: its pixels, in small tiles from all over it, and the whole of it, halved until it is small. Of
either, the details of three halvings are measured: how strong they are in each direction and in colour, how sparse, how
they hang together with their neighbours and with those of the next halving. No network is asked, so it takes
milliseconds, and says the same whatever the model's weights are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..arrays import Pixels, halved

TILE = 64  # side of a tile, in pixels
TILES = 4  # along either side
BLOCK = 8  # tiles start at its multiples, as the blocks of most formats do
SMALL = 1 << 16  # pixels that the whole of a picture has at most, once halved
LEAST = 32  # pixels of a side; what is shorter goes on as its mirror image
LEVELS = 3

ENERGY_FLOOR = 0.1  # squared sample units, about what rounding to integers adds
STEP_FLOOR = 0.05  # sample units between neighbours
SHARE_FLOOR = 0.01

Floats = npt.NDArray[np.floating]

OF_LEVEL = (
    "energy of luma",
    "horizontal to vertical",
    "diagonal to straight",
    "sparsity",
    "clustering along columns",
    "clustering along rows",
    "continuity along columns",
    "continuity along rows",
    "persistence",
    "skewness",
    "energy of chroma to luma",
    "clustering of chroma with luma",
)
OF_SAMPLES = (
    "steps between blocks",
    "share of equal neighbours",
    "entropy",
    "gaps",
    "extremes",
    "skewness",
    "evenness",
    "activity with brightness",
    "red with luma",
    "blue with luma",
    "mean red",
    "mean blue",
    "red with blue",
)
NAMES = tuple(
    f"{view}: {name}"
    for view in ("tiles", "whole")
    for name in (*(f"level {level}: {name}" for level in range(1, LEVELS + 1) for name in OF_LEVEL), *OF_SAMPLES)
)


def statistics(pixels: Pixels) -> npt.NDArray[np.float64]:
    """What is judged of a picture, uint8 (h, w, 3) or (h, w): (len(NAMES),), NaN for what grey pictures don't have."""
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    return np.array([*measure(tiles(colour)), *measure(whole(colour)[None])])


def tiles(pixels: Pixels) -> Pixels:
    """Tiles on an even grid over a picture, (n, TILE, TILE, 3) of (h, w, 3); of a small one fewer."""
    pixels = mirrored(pixels, TILE)
    tops, lefts = (
        np.unique(np.linspace(0, side - TILE, min(TILES, 1 + side // TILE)).astype(int) // BLOCK * BLOCK)
        for side in pixels.shape[:2]
    )
    return np.stack([pixels[top : top + TILE, left : left + TILE] for top in tops for left in lefts])


def whole(pixels: Pixels) -> Pixels:
    """The picture halved until it has at most SMALL pixels, of rounded means: (h', w', 3) of (h, w, 3)."""
    while pixels.shape[0] * pixels.shape[1] > SMALL and min(pixels.shape[:2]) >= 2 * LEAST:
        h, w = (side // 2 * 2 for side in pixels.shape[:2])
        pixels = halved(pixels[:h, :w], 1)
    pixels = mirrored(pixels, LEAST)
    h, w = (side >> LEVELS + 1 << LEVELS + 1 for side in pixels.shape[:2])
    return pixels[:h, :w]


def mirrored(pixels: Pixels, least: int) -> Pixels:
    """What is smaller goes on as its mirror image, up to `least` pixels."""
    missing = [(0, max(0, least - side)) for side in pixels.shape[:2]]
    return np.pad(pixels, [*missing, (0, 0)], "symmetric") if np.any(missing) else pixels


@dataclass(frozen=True, eq=False)
class Level:
    """What a halving makes of planes of luma, and of red and blue less green; all (n, h, w).

    Attributes:
        low: means of luma.
        details: its differences, horizontal, vertical and diagonal.
        low_chroma, chroma: of both differences of colours, in turn.
    """

    low: Floats
    details: tuple[Floats, ...]
    low_chroma: tuple[Floats, ...]
    chroma: tuple[Floats, ...]

    @classmethod
    def over(cls, luma: Floats, colours: Sequence[Floats]) -> Level:
        low, *details = haar(luma)
        parts = [haar(plane) for plane in colours]
        return cls(low, tuple(details), tuple(part[0] for part in parts), tuple(p for part in parts for p in part[1:]))

    @cached_property
    def activity(self) -> Floats:
        """How much there is at each place."""
        return total(self.details)


def measure(view: Pixels) -> list[float]:
    """What there is in (n, h, w, 3), whose sides are multiples of 2^(LEVELS + 1)."""
    red, green, blue = (view[..., channel].astype(np.float32) for channel in range(3))
    luma, colours = (red + 2 * green + blue) / 4, (red - green, blue - green)
    grey = not any(plane.any() for plane in colours)
    levels = [Level.over(luma, () if grey else colours)]
    for _ in range(LEVELS):
        levels.append(Level.over(levels[-1].low, levels[-1].low_chroma))
    values = [value for level, above in pairwise(levels) for value in of_level(level, above)]
    return [*values, *of_samples(luma), *of_brightness(levels[0], luma), *of_colours(levels[-2])]


def of_level(level: Level, above: Level) -> list[float]:
    """OF_LEVEL."""
    horizontal, vertical, _ = level.details
    e_h, e_v, e_d = (energy(plane) for plane in level.details)
    activity, low = level.activity, level.low
    around = low[:, :-2, 1:-1] + low[:, 2:, 1:-1] + low[:, 1:-1, :-2] + low[:, 1:-1, 2:]
    straight = float(np.abs(horizontal).mean() + np.abs(vertical).mean())
    values = [
        math.log2(e_h + e_v) / 2,
        math.log2(e_h / e_v) / 2,
        math.log2(2 * e_d / (e_h + e_v)) / 2,
        math.log2((straight + 0.2) / math.sqrt(e_h + e_v)),
        correlation(activity[:, 1:], activity[:, :-1]),
        correlation(activity[:, :, 1:], activity[:, :, :-1]),
        float((horizontal[:, 1:] * horizontal[:, :-1]).mean()) / e_h,
        float((vertical[:, :, 1:] * vertical[:, :, :-1]).mean()) / e_v,
        correlation(haar(activity)[0], above.activity),
        skewness(low[:, 1:-1, 1:-1] - around / 4),
    ]
    if not level.chroma:
        return [*values, math.nan, math.nan]
    e_c = sum(float(np.square(plane).mean()) for plane in level.chroma) + ENERGY_FLOOR
    return [*values, math.log2(e_c / (e_h + e_v + e_d)) / 2, correlation(activity, total(level.chroma))]


def of_samples(luma: Floats) -> list[float]:
    """The first five of OF_SAMPLES."""
    rows, columns = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=2))
    between = float(rows[:, BLOCK - 1 :: BLOCK].mean() + columns[..., BLOCK - 1 :: BLOCK].mean())
    everywhere = float(rows.mean() + columns.mean())
    equal = float(((rows == 0).mean() + (columns == 0).mean()) / 2)
    counts = np.bincount(np.rint(luma).astype(np.uint8).ravel(), minlength=256)
    shares, used = counts[counts > 0] / counts.sum(), np.flatnonzero(counts)
    return [
        math.log2((between + STEP_FLOOR) / (everywhere + STEP_FLOOR)),
        math.log2(equal + SHARE_FLOOR),
        float(-(shares * np.log2(shares)).sum()),
        math.log2((used[-1] - used[0] + 1) / len(used)),
        math.log2((counts[:4].sum() + counts[252:].sum()) / counts.sum() + SHARE_FLOOR),
    ]


def of_brightness(finest: Level, luma: Floats) -> list[float]:
    """The next three of OF_SAMPLES: how unevenly details lie, and whether more where it is bright."""
    blocks, brightness = (in_blocks(plane) for plane in (finest.activity, finest.low))
    activity = np.log2(blocks + 0.1)
    return [skewness(luma), float(activity.std()), correlation(activity, brightness)]


def of_colours(coarsest: Level) -> list[float]:
    """The last five of OF_SAMPLES."""
    if not coarsest.low_chroma:
        return [math.nan] * 5
    (red, blue), low = coarsest.low_chroma, coarsest.low
    spread = float(low.std()) + 4
    means = (float(plane.mean()) / spread for plane in (red, blue))
    return [correlation(red, low), correlation(blue, low), *means, correlation(red, blue)]


def haar(plane: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The means and the three differences of 2 x 2 samples: horizontal, vertical, diagonal."""
    a, b, c, d = plane[:, ::2, ::2], plane[:, ::2, 1::2], plane[:, 1::2, ::2], plane[:, 1::2, 1::2]
    top, bottom, left, right = a + b, c + d, a - b, c - d
    return (top + bottom) / 4, (left + right) / 2, (top - bottom) / 2, (left - right) / 2


def in_blocks(plane: Floats) -> Floats:
    """Means over BLOCK x BLOCK samples, what is left over at the ends aside."""
    n, h, w = plane.shape
    rows, columns = h // BLOCK, w // BLOCK
    return plane[:, : rows * BLOCK, : columns * BLOCK].reshape(n, rows, BLOCK, columns, BLOCK).mean((2, 4))


def total(planes: Iterable[Floats]) -> Floats:
    """The sum of their absolute values."""
    return np.sum([np.abs(plane) for plane in planes], 0)


def energy(plane: Floats) -> float:
    return float(np.square(plane).mean()) + ENERGY_FLOOR


def correlation(a: Floats, b: Floats) -> float:
    """Near 0 also where there is next to nothing to correlate."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean()) / math.sqrt(energy(a) * energy(b))


def skewness(plane: Floats) -> float:
    """The cube root of the skewness of its samples."""
    plane = plane - plane.mean()
    return float(np.cbrt((plane * plane * plane).mean() / energy(plane) ** 1.5))
