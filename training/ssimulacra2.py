"""SSIMULACRA 2, as libjxl defines it, differentiable: how much worse than its original a picture looks.

Pictures are compared in XYB, on five scales. For each channel and scale there are three maps of errors: how unlike in
structure the two are, edges that only the picture has, and edges that only the original has. Each of them can count by
its mean and by its 4-norm, which sees the worst places.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from .windows import moments

SCALES = 5  # the reference's sixth hardly counts
C2 = 0.0009  # of SSIM
TINY = 1e-12  # added where a root's slope would be infinite

# what the eye's three kinds of cones see of red, green and blue in linear light, and what they see in the dark
CONES = ((0.3, 0.622, 0.078), (0.23, 0.692, 0.078), (0.24342268924547819, 0.20476744424496821, 0.5518098665095536))
DARK = 0.0037930732552754493

# of every map's mean and 4-norm (structure, edges come, edges gone), for X, Y and B on each scale, finest first
WEIGHTS = (
    (
        (0.0, 0.0, 0.0007, 0.0008, 0.0, 0.0),
        (0.0, 1.1042, 0.0004, 0.0007, 0.0, 0.0002),
        (0.0, 1.8422, 0.0016, 11.4412, 0.0, 0.0),
        (0.0008, 1.8788, 0.0002, 10.9491, 0.0, 0.0),
        (0.0007, 0.0001, 0.9678, 0.9982, 0.0, 0.0003),
    ),
    (
        (0.0, 7.4669, 0.0, 0.0, 0.0, 17.4458),
        (0.0006, 6.6837, 0.0, 0.0004, 0.0, 1.0279),
        (225.2052, 19.2132, 0.0, 0.0011, 0.0, 0.0012),
        (176.3932, 24.4330, 0.0, 0.2852, 0.0, 0.0004),
        (0.0, 34.7791, 0.0, 44.8356, 0.0, 0.0),
    ),
    (
        (0.0, 0.0, 0.0009, 0.0, 0.0, 0.0),
        (0.0, 0.0002, 0.0005, 0.0, 0.0, 0.0),
        (0.0, 0.0004, 0.0, 0.0017, 0.0, 0.0),
        (0.0021, 8.8270, 0.0, 23.1924, 0.0, 0.0),
        (95.1081, 0.0012, 0.9864, 171.2667, 0.9834, 0.9808),
    ),
)
UNIT = 0.9562382616834844 * 2.326765642916932  # of the sum, where it is small, in the score's polynomial


def ssimulacra2_error(picture: Tensor, original: Tensor) -> Tensor:
    """The weighted errors e of SSIMULACRA 2, whose score is 100 - 10 e^0.63 less small terms of higher order: (b,).

    Args:
        picture, original: in samples 0..255, (b, 3, h, w), with sides from 128.
    """
    # in float32 whatever surrounds it: in bfloat16 a variance, a difference of squares, is noise
    with torch.autocast(picture.device.type, enabled=False):
        weights, _ = _constants(picture.device)
        x, y = (_to_linear(pixels.float()) for pixels in (picture, original))
        total = x.new_zeros(len(x))
        for scale in range(SCALES):
            errors = _errors(_to_xyb(x), _to_xyb(y))  # (b, 3, 6)
            total = total + (errors * weights[:, scale]).sum((1, 2))
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return UNIT * total


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """WEIGHTS and CONES, which a GPU is sent but once."""
    weights, cones = (torch.tensor(values, dtype=torch.float32, device=device) for values in (WEIGHTS, CONES))
    return weights, cones


def _errors(x: Tensor, y: Tensor) -> Tensor:
    """Mean and 4-norm of the three maps: (b, 3, 6) of two (b, 3, h, w)."""
    mean_x, mean_y, variances, covariance = moments(x, y)
    alike = (1 - (mean_x - mean_y).square()) * (2 * covariance + C2) / (variances + C2)
    edges = (1 + (x - mean_x).abs()) / (1 + (y - mean_y).abs()) - 1
    maps = torch.stack([F.relu(1 - alike), F.relu(edges), F.relu(-edges)], 2)
    fourth = (maps.square().square().mean((3, 4)) + TINY**2).sqrt().sqrt()
    return torch.stack([maps.mean((3, 4)), fourth], 3).flatten(2)


def _to_linear(samples: Tensor) -> Tensor:
    """sRGB samples 0..255 to linear light 0..1."""
    v = samples.clamp(0, 255) / 255.0
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp_min(0.04) + 0.055) / 1.055) ** 2.4)


def _to_xyb(linear: Tensor) -> Tensor:
    """Linear light to XYB as SSIMULACRA 2 scales and shifts it."""
    _, cones = _constants(linear.device)
    seen = torch.einsum("ij,bjhw->bihw", cones, linear) + DARK
    long, middle, short = (seen ** (1 / 3) - DARK ** (1 / 3)).unbind(1)
    luma = (long + middle) / 2
    return torch.stack([7 * (long - middle) + 0.42, luma + 0.01, short - luma + 0.55], 1)
