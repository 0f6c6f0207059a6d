"""The Gaussian window that measures of structural similarity look through."""

import functools

import torch
from torch import Tensor

WINDOW = 11  # samples
DEVIATION = 1.5


def blur(x: Tensor) -> Tensor:
    """(.., h, w) of the same, as products with band matrices, which are fast; what lies outside does not count."""
    rows, columns = (_band(side, x.device) for side in x.shape[-2:])
    return rows @ x @ columns.T


def moments(x: Tensor, y: Tensor, inside: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both means, the sum of the variances and the covariance, at every place of the window.

    Args:
        x, y: (.., h, w).
        inside: the rows, and the columns, of these places.
    """
    mean_x, mean_y, xx, yy, xy = blur(torch.stack([x, y, x * x, y * y, x * y]))[..., inside, inside].unbind()
    return mean_x, mean_y, xx - mean_x * mean_x + yy - mean_y * mean_y, xy - mean_x * mean_y


@functools.cache
def _band(side: int, device: torch.device) -> Tensor:
    """(side, side)."""
    place = torch.arange(side, device=device, dtype=torch.float32)
    offset = place[:, None] - place
    window = torch.exp(-0.5 * (offset / DEVIATION) ** 2) * (offset.abs() <= WINDOW // 2)
    return window / window.sum(1, keepdim=True)
