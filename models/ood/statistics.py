"""What the selfVAE's ELBO says of a picture's tiles, term by term.

    ELBO = -distortion(x | u, z) - sum over k and colours of rate(z_k) - rate(u)

One sum can't tell a photo from other pictures: what is blank is likelier than any photo, what is noise less likely.
How the terms go together can.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .. import density
from ..details import GROUPS, Draw, Group
from ..selfvae import DEPTH, Ladder
from ..transforms import LEVEL_UNIT, pyramid, to_opponent, to_rgb

TILE = 128  # side of a tile, in pixels
GRID = (2, 3)  # tiles along the shorter and the longer side
ALIGNMENT = 8  # tiles start at multiples of it, as blocks of most formats do
QUALITY = 80.0
RATE_FLOOR = 1e-4  # bits per pixel
DISTORTION_FLOOR = 0.5  # squared levels
PARTS = ("luma", "luma diagonal", "chroma")
NAMES = (
    *(f"rate of level {k}, {part}" for k in range(1, DEPTH + 1) for part in PARTS),
    "rate of the top",
    "distortion, luma",
    "distortion, chroma",
)


def tiles(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Six tiles on an even grid over a picture; a picture that is smaller than a tile goes on as its mirror image.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
    Returns:
        uint8 (6, TILE, TILE, 3), or (6, TILE, TILE).
    """
    missing = [max(0, TILE - side) for side in pixels.shape[:2]]
    pixels = np.pad(pixels, [(0, side) for side in missing] + [(0, 0)] * (pixels.ndim - 2), "symmetric")
    counts = GRID if pixels.shape[0] <= pixels.shape[1] else GRID[::-1]
    tops, lefts = (
        (np.linspace(0, side - TILE, count) // ALIGNMENT * ALIGNMENT).astype(int)
        for side, count in zip(pixels.shape[:2], counts, strict=True)
    )
    return np.stack([pixels[top : top + TILE, left : left + TILE] for top in tops for left in lefts])


def elbo_terms(ladder: Ladder, image: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the ELBO's terms, and the decoded tiles.

    Args:
        image: integer levels 0..255, float (b, 3, h, w).
    Returns:
        the terms, float (b, len(NAMES)): log2 of rates in bits per pixel and of mean squared errors in levels;
        the decoded tiles, levels 0..255, float (b, 3, h, w).
    """
    levels = pyramid(image, DEPTH)
    targets = [to_opponent(level) for level in levels]
    sizes = [(level.shape[2], level.shape[3]) for level in levels]
    at = torch.full((len(image),), QUALITY, device=image.device)
    bits = image.new_zeros(DEPTH * len(PARTS) + 1, len(image))

    def draw_at(k: int, level: Tensor) -> Draw:
        inferred = ladder.infer(k, targets, level, at)

        def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
            z = mean + torch.floor(group.take(inferred) - mean + 0.5)
            part = max(0, GROUPS.index(group) - 1) if k <= DEPTH else 0
            bits[len(PARTS) * (k - 1) + part] += density.bits((z - mean).abs(), log_scale).sum((1, 2))
            return z

        return draw

    mean, features = ladder.flow.draw(at, sizes, draw_at)
    decoded = to_rgb(ladder.descend(mean, features, at, sizes, draw_at)).clamp(0.0, 255.0)
    luma, *chroma = (to_opponent(decoded) - targets[0]).square().mean((2, 3)).unbind(1)
    rates = bits.T / image[0, 0].numel()
    errors = torch.stack([luma, sum(chroma)], 1)
    return torch.cat([(rates + RATE_FLOOR).log2(), (errors * LEVEL_UNIT**2 + DISTORTION_FLOOR).log2()], 1), decoded
