"""The layers of the paper's networks: weight-normalised convolutions, DenseNet blocks, channel-wise attention, ELU."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REDUCTION = 4  # of channels inside an attention
LEAST_CHANNELS = 8
LEAST_DEVIATION = 1e-4  # of a channel that the first batch may scale


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, with weights w = g v / |v| for every output channel (Salimans & Kingma 2016).

    Args:
        inputs, outputs: channels.
        kernel: side of the kernel, odd.
        deviation: of the outputs on the batch that initialises the layer; 0 to begin with outputs of zero.

    Attributes:
        gain: g, (outputs,).
        initialising: whether the next batch sets g and the bias, so that its outputs have mean 0 and that deviation.
    """

    bias: Tensor  # always there
    initialising = False

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, deviation: float = 1.0):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, dtype=torch.float32)
        self.gain = nn.Parameter(torch.full((outputs,), float(deviation), dtype=torch.float32))
        self.deviation = deviation

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:  # whoever counts weights needs none of them
            nn.init.normal_(self.weight, std=0.05)
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.initialising:
            self._initialise(x)
        norm = torch.linalg.vector_norm(self.weight, dim=(1, 2, 3))
        return F.conv2d(x, self.weight * (self.gain / norm)[:, None, None, None], self.bias, padding=self.padding)

    def _initialise(self, x: Tensor) -> None:
        self.gain.fill_(1.0)
        self.bias.zero_()
        self.initialising = False
        outputs = self(x)
        deviation, mean = torch.std_mean(outputs, (0, 2, 3), correction=0)
        scale = self.deviation / torch.where(deviation > LEAST_DEVIATION, deviation, 1.0)
        self.gain.copy_(scale)
        self.bias.copy_(-mean * scale)


@contextmanager
def initialising(network: nn.Module) -> Iterator[None]:
    """Let the first batch that passes through each layer within this context set its scale and bias."""
    layers = [module for module in network.modules() if isinstance(module, Convolution)]
    for layer in layers:
        layer.initialising = True
    try:
        with torch.no_grad():
            yield
    finally:
        for layer in layers:
            layer.initialising = False


class ChannelAttention(nn.Module):
    """Every channel times a number between 0 and 1, which the means of all channels give (Zhang et al. 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        inner = max(4, channels // REDUCTION)
        self.squeeze = Convolution(channels, inner, kernel=1)
        self.excite = Convolution(inner, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(F.elu(self.squeeze(means))))


class DenseBlock(nn.Module):
    """x plus what a DenseNet of a few layers makes of it (Huang et al. 2016), weighed by channel-wise attention."""

    def __init__(self, channels: int, layers: int):
        super().__init__()
        growth = channels // 2
        self.layers = nn.ModuleList(Convolution(channels + i * growth, growth) for i in range(layers))
        self.mix = Convolution(channels + layers * growth, channels, kernel=1)
        self.attention = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        dense = F.elu(x)
        for layer in self.layers:
            dense = torch.cat([dense, F.elu(layer(dense))], 1)
        return x + self.attention(self.mix(dense))


def blocks(channels: int, layers: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[DenseBlock(channels, layers) for _ in range(count)])


class Halve(nn.Module):
    """Every 2x2 block to one place, of `outputs` channels."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.mix = Convolution(4 * inputs, outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(F.pixel_unshuffle(x, 2))


class Double(nn.Module):
    """Every place to a 2x2 block, of `outputs` channels."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.mix = Convolution(inputs, 4 * outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.mix(x), 2)


def channels_at(side: int, latent_side: int, width: int) -> int:
    """Channels of the networks at a size: `width` up to twice the latents' side, half for each doubling beyond."""
    doublings = round(math.log2(side / latent_side))
    return max(LEAST_CHANNELS, width >> max(0, doublings - 1))
