"""What the selfVAE's ELBO says of a picture's tiles, term by term.

    ELBO = -distortion(x | u, z) - sum over k of rate(z_k) - rate(u)

One sum can't tell a photo from other pictures: what is blank is likelier than any photo, what is noise less likely.
How the terms go together can; above all the rate of each level beside the scale that its prior expects, which is the
rate that it expects.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..models import density
from ..models.blocks import Rate
from ..models.details import GROUPS, Draw, Group, Prior, whole_steps
from ..models.pyramid import Pyramid
from ..models.selfvae import DEPTH, Ladder
from ..models.transforms import SAMPLE_UNIT, to_opponent, to_rgb
from ..tunes import Tune

TILE = 128  # side of a tile, in pixels
GRID = (2, 3)  # tiles along the shorter and the longer side
BLOCK = 8  # tiles start at its multiples, as the blocks of most formats do
QUALITY = 80.0
RATE_FLOOR = 1e-4  # bits per pixel; what is less counts as nothing
DISTORTION_FLOOR = 0.5  # squared sample units
STEP_FLOOR = 0.05  # sample units between neighbours
SHARE_FLOOR = 0.01
PARTS = ("luma", "luma, diagonal", "chroma")
PART_OF_GROUP = (0, 0, 1, 2)  # luma is coded in two groups
LEVELS = [f"level {k}, {part}" for k in range(1, DEPTH + 1) for part in PARTS]
NAMES = (
    *(f"rate of {level}" for level in LEVELS),
    "rate of the top",
    *(f"expected scale of {level}" for level in LEVELS),
    "distortion of luma",
    "distortion of chroma",
    "steps between blocks",
    "share of equal neighbours",
    "entropy of grey samples",
)


def tiles(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Six tiles on an even grid over a picture; a picture smaller than a tile goes on as its mirror image.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.

    Returns:
        uint8 (6, TILE, TILE, 3), or (6, TILE, TILE).
    """
    missing = [(0, max(0, TILE - side)) for side in pixels.shape[:2]]
    pixels = np.pad(pixels, [*missing, (0, 0)][: pixels.ndim], "symmetric")
    counts = GRID if pixels.shape[0] <= pixels.shape[1] else GRID[::-1]
    tops, lefts = (
        np.linspace(0, side - TILE, count).astype(int) // BLOCK * BLOCK
        for side, count in zip(pixels.shape[:2], counts, strict=True)
    )
    return np.stack([pixels[top : top + TILE, left : left + TILE] for top in tops for left in lefts])


def statistics(ladder: Ladder, image: Tensor) -> tuple[Tensor, Tensor]:
    """The statistics of tiles, and the decoded tiles.

    Args:
        image: integer samples 0..255, float (b, 3, TILE, TILE).

    Returns:
        float (b, len(NAMES)), in log2: of rates in bits per pixel, of the priors' scales in quantisation steps (the
        mean logarithm), of mean squared errors in squared sample units; and `surface`;
        samples 0..255, float (b, 3, TILE, TILE).
    """
    pyramid = Pyramid.over(image, DEPTH)
    at = Rate.of(QUALITY, Tune.PSNR, len(image), image.device)
    bits, scales, counts = image.new_zeros(3, len(LEVELS) + 1, len(image))

    def draw_at(k: int, level: Tensor) -> Draw:
        inferred = ladder.infer(k, pyramid, level, at)

        def draw(group: Group, prior: Prior) -> Tensor:
            mean, log_scale = prior.mean, prior.log_scale
            z = mean + whole_steps(group.take(inferred) * prior.factor, mean)
            part = len(PARTS) * (k - 1) + (PART_OF_GROUP[GROUPS.index(group)] if k <= DEPTH else 0)
            bits[part] += density.bits((z - mean).abs(), log_scale).sum((1, 2))
            scales[part] += log_scale.sum((1, 2))
            counts[part] += log_scale[0].numel()
            return z

        return draw

    mean, features = ladder.flow.draw(at, pyramid.sizes, draw_at)
    decoded = to_rgb(ladder.descend(mean, features, at, pyramid.sizes, draw_at)).clamp(0.0, 255.0)
    rates = bits / image[0, 0].numel()
    luma, red_blue, green_magenta = (to_opponent(decoded) - pyramid.opponent(0)).square().mean((2, 3)).unbind(1)
    errors = torch.stack([luma, red_blue + green_magenta]) * SAMPLE_UNIT**2
    found = [(rates + RATE_FLOOR).log2(), (scales / counts)[:-1], (errors + DISTORTION_FLOOR).log2()]
    return torch.cat([*found, surface(image)]).T, decoded


def surface(image: Tensor) -> Tensor:
    """What the networks see too little of in coarse JPEGs, drawings and texts: (3, b), of (b, 3, h, w).

    log2 of the steps between blocks relative to all steps; log2 of the share of neighbours that are equal; entropy of
    the grey samples, in bits.
    """
    grey = image.mean(1)
    rows, columns = grey.diff(dim=1).abs(), grey.diff(dim=2).abs()
    between = rows[:, BLOCK - 1 :: BLOCK].mean((1, 2)) + columns[..., BLOCK - 1 :: BLOCK].mean((1, 2))
    everywhere = rows.mean((1, 2)) + columns.mean((1, 2))
    equal = ((rows == 0).float().mean((1, 2)) + (columns == 0).float().mean((1, 2))) / 2
    samples = grey.round().long().flatten(1)
    shares = image.new_zeros(len(image), 256).scatter_add_(1, samples, image.new_ones(samples.shape)) / samples.shape[1]
    ratios = [(between + STEP_FLOOR) / (everywhere + STEP_FLOOR), equal + SHARE_FLOOR]
    return torch.stack([*(ratio.log2() for ratio in ratios), -(shares * shares.clamp_min(1e-9).log2()).sum(1)])
