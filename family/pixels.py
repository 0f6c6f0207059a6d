"""p(y | ...): mixtures of discretized logistics for every sub-pixel (section 3.2; Salimans et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.likelihoods import LogisticMixture
from .gaussians import Noise, at_least_float32, chosen, uniform

SPREAD = 32.0  # sample units per unit of a network's output
MIDDLE_LOG_SCALE = 4.0  # log2 of a logistic's scale where the output is 0, in sample units
MIN_LOG_SCALE, MAX_LOG_SCALE = -3.5, 8.0


def outputs_for(channels: int, logistics: int) -> int:
    """How many channels a network's output needs."""
    return logistics * (3 * channels + channels * (channels - 1) // 2)


@dataclass(frozen=True)
class PixelDistribution:
    """A mixture for every sub-pixel; a channel's means follow the channels before it.

    Attributes:
        logits, means, log_scales: (b, channels, logistics, h, w); scales as log2, in sample units.
        coefficients: of each channel before, for each channel in turn, (b, pairs, logistics, h, w).
        base: what the means started from, in sample units, (b, channels, h, w).
        step: what samples are multiples of.
    """

    logits: Tensor
    means: Tensor
    log_scales: Tensor
    coefficients: Tensor
    base: Tensor
    step: int

    @classmethod
    def of(cls, outputs: Tensor, base: Tensor, step: int) -> PixelDistribution:
        """From the outputs of a network, (b, `outputs_for(channels, logistics)`, h, w)."""
        channels = base.shape[1]
        parts = outputs_for(channels, 1)
        logistics = outputs.shape[1] // parts
        each = at_least_float32(outputs).view(len(outputs), parts, logistics, *outputs.shape[2:])
        logits, means, log_scales = each[:, : 3 * channels].chunk(3, 1)
        spread = torch.linspace(-1.0, 1.0, logistics, dtype=each.dtype, device=each.device).view(1, 1, -1, 1, 1)
        return cls(
            logits=logits,
            means=base[:, :, None] + (means + (spread if logistics > 1 else 0.0)) * SPREAD,
            log_scales=(log_scales + MIDDLE_LOG_SCALE).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE),
            coefficients=torch.tanh(each[:, 3 * channels :]),
            base=base,
            step=step,
        )

    def mixture(self, channel: int, samples: Tensor) -> LogisticMixture:
        """Of a channel, given the samples (b, at least `channel` channels, h, w) of those before it."""
        means = self.means[:, channel]
        first = channel * (channel - 1) // 2
        for before in range(channel):
            difference = (samples[:, before] - self.base[:, before])[:, None]
            means = means + self.coefficients[:, first + before] * difference
        return LogisticMixture(self.logits[:, channel], means, self.log_scales[:, channel])

    def log_mass(self, samples: Tensor) -> Tensor:
        """ln P of samples (b, channels, h, w), summed over all but the batch: (b,)."""
        beyond = (self.step - 1) / 2  # a sample stands for the interval between its neighbours' middles
        mixtures = [self.mixture(channel, samples) for channel in range(samples.shape[1])]
        of_all = LogisticMixture(  # all channels as one batch
            torch.cat([mixture.logits for mixture in mixtures]),
            torch.cat([mixture.means for mixture in mixtures]),
            torch.cat([mixture.log_scales for mixture in mixtures]),
        )
        own = torch.cat(samples.unbind(1))
        bits = of_all.log2_mass(own - beyond, own + beyond)
        return bits.sum((1, 2)).view(samples.shape[1], -1).sum(0) * math.log(2.0)

    def draw(self, noise: Noise) -> Tensor:
        """Samples, (b, channels, h, w)."""
        drawn = torch.empty_like(self.base)
        for channel in range(drawn.shape[1]):
            mixture = self.mixture(channel, drawn)
            component = chosen(mixture.logits, noise)
            mean, log_scale = (values.gather(1, component)[:, 0] for values in (mixture.means, mixture.log_scales))
            drawn[:, channel] = self._nearest(mean + torch.exp2(log_scale) * torch.logit(uniform(noise(mean))))
        return drawn

    def mean(self) -> Tensor:
        """The samples next to the mean of every mixture, given those of the channels before: (b, channels, h, w)."""
        means = torch.empty_like(self.base)
        for channel in range(means.shape[1]):
            mixture = self.mixture(channel, means)
            weights = torch.softmax(mixture.logits, 1)
            means[:, channel] = self._nearest((weights * mixture.means.clamp(0.0, 255.0)).sum(1))
        return means

    def _nearest(self, samples: Tensor) -> Tensor:
        return (torch.round(samples / self.step) * self.step).clamp(0.0, 255.0)
