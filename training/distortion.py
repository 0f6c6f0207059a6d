"""How far pictures are from their originals, for the tunes: squared error, and what the eye sees in units of it."""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from .ssimulacra2 import ssimulacra2_error
from .windows import WINDOW, moments

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first (Wang, Simoncelli and Bovik 2003)
FLAT = 9  # samples: the side of an area that counts as flat
SMALLEST = 1e-4  # of a scale's mean, which has to stay positive
SMALLEST_SIDE = WINDOW * 2 ** (len(WEIGHTS) - 1)  # of a picture
# squared errors that go, at middle rates, with 1 - MS-SSIM = 1 and with an error of SSIMULACRA 2 of 1
MS_SSIM_UNIT, SSIMULACRA2_UNIT = 1290.0, 2.8
SSIMULACRA2_SHARE, MS_SSIM_SHARE = 0.4, 0.48  # of the distortion of the tune for the eye; the rest is squared error


def squared_error(picture: Tensor, original: Tensor) -> Tensor:
    """Mean over samples: (b,) of two (b, 3, h, w) in sample units."""
    return (picture - original).square().mean((1, 2, 3))


def flat_error(picture: Tensor, original: Tensor) -> Tensor:
    """Squared error where the original is flat, as a share of the mean over all samples: (b,) of (b, 3, h, w)."""
    across, down = ((1, FLAT), (0, FLAT // 2)), ((FLAT, 1), (FLAT // 2, 0))
    high, low = (_largest(_largest(samples, *across), *down) for samples in (original, -original))
    return ((picture - original).square() * (high == -low)).mean((1, 2, 3))


def _largest(samples: Tensor, window: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    return F.max_pool2d(samples, window, 1, padding)


def ssim_distortion(picture: Tensor, original: Tensor) -> Tensor:
    """SSIMULACRA 2, 1 - MS-SSIM and squared error, each with its share, in units of the last: (b,) of (b, 3, h, w)."""
    return (
        SSIMULACRA2_SHARE * SSIMULACRA2_UNIT * ssimulacra2_error(picture, original)
        + MS_SSIM_SHARE * MS_SSIM_UNIT * (1 - ms_ssim(picture, original))
        + (1 - SSIMULACRA2_SHARE - MS_SSIM_SHARE) * squared_error(picture, original)
    )


def ms_ssim(picture: Tensor, original: Tensor) -> Tensor:
    """Multi-scale structural similarity, the mean over channels: (b,).

    Args:
        picture, original: in samples 0..255, (b, 3, h, w), with sides from SMALLEST_SIDE.
    """
    # in float32 whatever surrounds it: in bfloat16 a variance, a difference of squares, is noise
    with torch.autocast(picture.device.type, enabled=False):
        x, y = picture.float(), original.float()
        terms = []
        for scale, weight in enumerate(WEIGHTS):
            luminance, structure = _ssim(x, y)
            last = scale == len(WEIGHTS) - 1
            term = (luminance * structure if last else structure).mean((2, 3))
            terms.append(term.clamp_min(SMALLEST) ** weight)
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return functools.reduce(torch.mul, terms).mean(1)  # the gradient of a tensor's product asks the host for zeros


def _ssim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, at every place of the window."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    inside = slice(WINDOW // 2, -(WINDOW // 2))  # where the whole window is
    mean_x, mean_y, variances, covariance = moments(x, y, inside)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)
