"""The few building blocks that every network of the photo model is made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .exact import ExactConv2d, activate

QUALITIES = 100  # qualities are the integers 1 .. 100
KNOTS = 12  # a quality's parameters are interpolated between 12 learned ones: one every 9 qualities


def position(quality: Tensor) -> Tensor:
    """Quality 1..100 as a position between the knots, 0 .. KNOTS - 1."""
    return (quality - 1.0) * ((KNOTS - 1) / (QUALITIES - 1))


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))), starting as the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ExactConv2d(channels, channels)
        self.second = ExactConv2d(channels, channels, zero=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(activate(self.first(activate(x)))).add_(x)


def residuals(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[Residual(channels) for _ in range(count)])


class QualityTable(nn.Module):
    """A learned vector for every quality, piecewise linear between knots. Starts at zero."""

    def __init__(self, channels: int):
        super().__init__()
        self.knots = nn.Parameter(torch.zeros(KNOTS, channels))

    def forward(self, quality: Tensor) -> Tensor:
        """Qualities (b,) to (b, channels, 1, 1)."""
        at = position(quality)
        low = at.floor().clamp(0, KNOTS - 2)
        part = (at - low)[:, None]
        index = low.long()
        return (self.knots[index] * (1.0 - part) + self.knots[index + 1] * part)[:, :, None, None]


class QualityScale(nn.Module):
    """Scale and shift of every channel by the quality."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = QualityTable(channels)
        self.shift = QualityTable(channels)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        return x * (1.0 + self.scale(quality)) + self.shift(quality)


class Upsample(nn.Module):
    """1x1 convolution and pixel shuffle, cropped to a size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = ExactConv2d(inputs, 4 * outputs, kernel=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.pixel_shuffle(self.conv(x), 2)[..., : size[0], : size[1]]
