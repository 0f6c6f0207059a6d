"""The few building blocks that every network of the photo model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tunes import Tune
from .exact import ExactConv2d

QUALITIES = 100  # qualities are the integers 1 .. 100
KNOTS = 12  # a quality's parameters are interpolated between 12 learned ones: one every 9 qualities


@dataclass(frozen=True)
class Rate:
    """Where between rate and distortion pictures are to lie, and by which distortion.

    Attributes:
        quality: 1..100, float (b,).
        tune: a `Tune`, int64 (b,).
    """

    quality: Tensor
    tune: Tensor

    @classmethod
    def of(cls, quality: float, tune: Tune, count: int, device: torch.device) -> Rate:
        """The same rate for `count` pictures."""
        qualities = torch.full((count,), quality, dtype=torch.float32, device=device)
        return cls(qualities, torch.full((count,), tune, dtype=torch.int64, device=device))

    @cached_property
    def between(self) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of all tunes' knots that the quality lies between, int64, and how far between, 0..1: (b,) each."""
        at = (self.quality - 1.0) * ((KNOTS - 1) / (QUALITIES - 1))
        low = at.floor().clamp(0, KNOTS - 2)
        row = self.tune * KNOTS + low.long()
        return row, row + 1, at - low


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))), starting as the identity; act is a leaky rectifier."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ExactConv2d(channels, channels, rectified=True)
        self.second = ExactConv2d(channels, channels, zero=True, rectified=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).add_(x)


def residuals(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[Residual(channels) for _ in range(count)])


class QualityTable(nn.Module):
    """A learned vector for every tune and quality, piecewise linear between knots. Starts at zero."""

    def __init__(self, channels: int):
        super().__init__()
        self.knots = nn.Parameter(torch.zeros(len(Tune), KNOTS, channels, dtype=torch.float32, device="cpu"))

    def forward(self, rate: Rate) -> Tensor:
        """(b, channels, 1, 1)."""
        low, high, part = rate.between
        knots = self.knots.flatten(0, 1)
        low_knots, high_knots, part = knots.index_select(0, low), knots.index_select(0, high), part[:, None]
        return (low_knots * (1.0 - part) + high_knots * part)[:, :, None, None]


class QualityScale(nn.Module):
    """Scale and shift of every channel by tune and quality."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = QualityTable(channels)
        self.shift = QualityTable(channels)

    def forward(self, x: Tensor, rate: Rate) -> Tensor:
        return (x * (1.0 + self.scale(rate))).add_(self.shift(rate))


class Upsample(nn.Module):
    """1x1 convolution and pixel shuffle, cropped to a size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = ExactConv2d(inputs, 4 * outputs, kernel=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.pixel_shuffle(self.conv(x), 2)[..., : size[0], : size[1]]
