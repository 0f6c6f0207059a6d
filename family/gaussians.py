"""Gaussian latents with a diagonal covariance: posteriors, and priors given something (section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_LOG_SCALE = 5.0  # a scale is between e^-5 and e^5
LOG_TWO_PI = math.log(2 * math.pi)

Noise = Callable[[Tensor], Tensor]  # standard normal numbers in the place of a tensor's, of its shape, type and device


@dataclass(frozen=True)
class Gaussian:
    """N(mean, scale^2) for every element.

    Attributes:
        mean: (b, c, h, w).
        log_scale: of the standard deviation, to base e; likewise.
    """

    mean: Tensor
    log_scale: Tensor

    @classmethod
    def of(cls, outputs: Tensor) -> Gaussian:
        """From the outputs of a network, (b, 2c, h, w)."""
        mean, log_scale = at_least_float32(outputs).chunk(2, 1)
        return cls(mean, MAX_LOG_SCALE * torch.tanh(log_scale / MAX_LOG_SCALE))

    def draw(self, noise: Noise) -> Tensor:
        """A sample with gradients for mean and scale (Kingma and Welling 2013)."""
        return self.mean + torch.exp(self.log_scale) * noise(self.mean)

    def log_density(self, z: Tensor) -> Tensor:
        """ln N(z), summed over all but the batch: (b,)."""
        standard = (z - self.mean) * torch.exp(-self.log_scale)
        return -(0.5 * (standard.square() + LOG_TWO_PI) + self.log_scale).sum((1, 2, 3))

    def repeat(self, index: int, times: int) -> Gaussian:
        """One of the batch, so many times: (times, c, h, w)."""
        return Gaussian(*(values[index].expand(times, -1, -1, -1) for values in (self.mean, self.log_scale)))


def at_least_float32(outputs: Tensor) -> Tensor:
    """What networks computed in sixteen bits, with more of them."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))


def standard_log_density(v: Tensor) -> Tensor:
    """ln N(v | 0, 1), summed over all but the batch: (b,)."""
    return -0.5 * (v.square() + LOG_TWO_PI).sum((1, 2, 3))


def uniform(noise: Tensor) -> Tensor:
    """Normal numbers made uniform, float32 in (0, 1)."""
    return torch.special.ndtr(noise.double()).float().clamp(1e-7, 1 - 1e-7)


def chosen(logits: Tensor, noise: Noise) -> Tensor:
    """Which of the categories along dimension 1, (b, n, ..), is drawn: int64 (b, 1, ..); by Gumbel's trick."""
    return (logits - torch.log(-torch.log(uniform(noise(logits))))).argmax(1, keepdim=True)


def seeded(seed: int) -> Noise:
    """Noise that a seed decides, of which 64 bits count: drawn on the CPU, on whatever device it is used."""
    generator = torch.Generator("cpu").manual_seed(seed % (1 << 64))

    def noise(like: Tensor) -> Tensor:
        drawn = torch.randn(like.shape, generator=generator, dtype=torch.float32, device="cpu")
        return drawn.to(like.device, like.dtype)

    return noise
