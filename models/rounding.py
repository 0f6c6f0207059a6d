"""Weights rounded to whole steps so that those that are rounded later make up for what the earlier ones lost.

This is GPTQ (Frantar et al., 2023). Of the inputs only their second moments matter: rounding w to q costs (w - q) H
(w - q)^T in the mean square of the output. One input after another is rounded to the nearest step, and the inputs still
to come, the bias last, move to where that error costs least.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

POSITIONS = 2048  # at which inputs are taken down each time
BLOCK = 64  # inputs
DAMPING = 1e-4  # of the mean second moment, for inputs that are always 0 or the same as others


def second_moments(x: Tensor, kernel: int) -> Tensor:
    """Sum of v v^T over some of the patches v that a convolution sees, with a one for the bias as its last number.

    Args:
        x: (b, c, h, w).
        kernel: side of the patches, odd.

    Returns:
        float64 (d + 1, d + 1), d = c * kernel^2; the last number of all counts the patches.
    """
    stride = max(1, math.isqrt(len(x) * x.shape[2] * x.shape[3] // POSITIONS))
    patches = F.unfold(x.float(), kernel, padding=kernel // 2, stride=stride).transpose(1, 2).flatten(0, 1)
    patches = F.pad(patches, (0, 1), value=1.0)
    return (patches.T @ patches).double()


def rounded(weight: Tensor, moments: Tensor, scale: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights in whole steps, and how the bias makes up for what is left.

    Args:
        weight: float64 (outputs, d).
        moments: as `second_moments` sums them up.
        scale: steps for a unit of each output's weights, (outputs,).
        most: largest magnitude of a weight in steps.

    Returns:
        the weights, in units again, (outputs, d), what to add to the bias, (outputs,), and the mean square of the error
        that each output is left with, (outputs,).
    """
    mean = moments / moments[-1, -1]
    damped = mean + DAMPING * mean.diagonal().mean() * torch.eye(len(mean), dtype=mean.dtype, device=mean.device)
    spread = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    left, inputs = F.pad(weight, (0, 1)), weight.shape[1]
    for start in range(0, inputs, BLOCK):  # what lies beyond a block moves once for all of it, which is faster
        stop = min(start + BLOCK, inputs)
        errors = torch.empty(len(weight), stop - start, dtype=weight.dtype, device=weight.device)
        for i in range(start, stop):
            nearest = torch.floor(left[:, i] * scale + 0.5).clamp(-most, most) / scale
            errors[:, i - start] = error = (left[:, i] - nearest) / spread[i, i]
            left[:, i:stop] -= error[:, None] * spread[i, i:stop]
            left[:, i] = nearest
        left[:, stop:] -= errors @ spread[start:stop, stop:]
    lost = F.pad(weight, (0, 1)) - left
    return left[:, :-1], left[:, -1], ((lost @ mean) * lost).sum(1)
