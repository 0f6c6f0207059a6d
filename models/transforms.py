"""Deterministic transforms of images: the selfVAE's d, the Haar pair that inverts it, opponent colour.

Everything here is elementwise IEEE arithmetic in a fixed order, so its results are the same on every machine.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LEVEL_CENTRE = 128.0  # 8-bit levels are centred here ...
LEVEL_UNIT = 64.0  # ... and divided by this before networks see them


def pad_even(image: Tensor) -> Tensor:
    """Repeat the last row and column of (b, c, h, w) where h or w is odd."""
    h, w = image.shape[-2:]
    if h % 2 == 0 and w % 2 == 0:
        return image
    return F.pad(image, (0, w % 2, 0, h % 2), mode="replicate")


def quarters(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top left, top right, bottom left and bottom right of every 2x2 block: four (b, c, h/2, w/2)."""
    return image[..., 0::2, 0::2], image[..., 0::2, 1::2], image[..., 1::2, 0::2], image[..., 1::2, 1::2]


def from_quarters(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Inverse of `quarters`."""
    n, channels, h, w = a.shape
    rows = torch.stack([torch.stack([a, b], -1), torch.stack([c, d], -1)], 3)  # n c h 2 w 2
    return rows.reshape(n, channels, 2 * h, 2 * w)


def downscale(level: Tensor) -> Tensor:
    """The transform d of the selfVAE: 2x2 mean of integer levels 0..255, halves rounded up (section 3.2).

    Args:
        level: float tensor (b, 3, h, w) of integers; odd sizes repeat their last row and column.
    Returns:
        float tensor (b, 3, ceil(h/2), ceil(w/2)) of integers.
    """
    a, b, c, d = quarters(pad_even(level))
    return torch.floor(((a + b) + (c + d) + 2.0) * 0.25)


def pyramid(image: Tensor, count: int) -> list[Tensor]:
    """The levels x = y_0, y_1 .. y_count."""
    levels = [image]
    for _ in range(count):
        levels.append(downscale(levels[-1]))
    return levels


def level_sizes(size: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """Heights and widths of y_0 .. y_count: each half of the one before, rounded up."""
    sizes = [size]
    for _ in range(count):
        h, w = sizes[-1]
        sizes.append(((h + 1) // 2, (w + 1) // 2))
    return sizes


def haar_details(image: Tensor) -> Tensor:
    """What the 2x2 mean loses: horizontal, vertical and diagonal details, (b, 3c, ceil(h/2), ceil(w/2))."""
    a, b, c, d = quarters(pad_even(image))
    return torch.cat([(a - b) + (c - d), (a + b) - (c + d), (a - b) - (c - d)], 1) * 0.5


def inverse_haar(mean: Tensor, details: Tensor, size: tuple[int, int]) -> Tensor:
    """The (b, c, *size) image whose block means and Haar details are given."""
    p, q, r = (details * 0.5).chunk(3, 1)
    upper, lower = mean + q, mean - q
    image = from_quarters(upper + (p + r), upper - (p + r), lower + (p - r), lower - (p - r))
    return image[..., : size[0], : size[1]]


def to_opponent(rgb: Tensor) -> Tensor:
    """Levels 0..255 in RGB to centred orthonormal opponent colour: luma, red-blue, green-magenta."""
    r, g, b = ((rgb - LEVEL_CENTRE) / LEVEL_UNIT).unbind(1)
    return torch.stack([((r + g) + b) * 3**-0.5, (r - b) * 2**-0.5, ((r - g) + (b - g)) * 6**-0.5], 1)


def to_rgb(opponent: Tensor) -> Tensor:
    """Inverse of `to_opponent`; neither rounded nor clamped."""
    y, p, q = opponent.unbind(1)
    y, p, q = y * 3**-0.5, p * 2**-0.5, q * 6**-0.5
    rgb = torch.stack([(y + p) + q, y - (q + q), (y - p) + q], 1)
    return rgb * LEVEL_UNIT + LEVEL_CENTRE
