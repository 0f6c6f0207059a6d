"""Likelihoods of integer levels: mixtures of discretized logistics, the four pixels of a 2x2 block in turn.

p(y_{k-1} | y_k, z_k) and p(y_K | u) are products over four phases (top left, bottom right, top right, bottom left of
every block), each conditioned on the phases before it; in a phase, green, red given green, blue given both. Where y_k
is given, a block's rounded mean is known, and so its last pixel has at most four possible values: the distribution is
renormalised over them, which is the Kronecker delta p(y_k | y_{k-1}) of the paper put to work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import residuals
from .exact import ExactConv2d, activate
from .transforms import neighbour_differences, pad_even, quarters

COMPONENTS = 4  # logistics in a mixture
FEATURES = 64
PHASES = (0, 3, 1, 2)  # the order in which a block's quarters are coded
CHANNELS = (1, 0, 2)  # green, red, blue
ACTIVATION_BITS, WEIGHT_BITS = 11, 10  # of the level likelihood's grids
SPREAD = 32.0  # levels per unit of a network's input or output
MIN_LOG_SCALE, MAX_LOG_SCALE = -3.5, 7.0  # log2 of a logistic's scale, in levels


@dataclass
class LogisticMixture:
    """Parameters of one mixture for each sub-pixel, (b, COMPONENTS, h, w) each.

    Attributes:
        logits: of the components.
        means: in levels.
        log_scales: log2 of the scales, in levels.
    """

    logits: Tensor
    means: Tensor
    log_scales: Tensor

    def bits(self, level: Tensor, window: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """-log2 of the mass at integer levels (b, h, w), renormalised over the levels in `window`, both ends in."""
        bits = -self._log2_mass(level, level)
        return bits if window is None else (bits + self._log2_mass(*window)).clamp_min(0.0)

    def _log2_mass(self, first: Tensor, last: Tensor) -> Tensor:
        """log2 of the mass of the levels first .. last; levels 0 and 255 take the tails."""
        inverse = torch.exp2(-self.log_scales)
        low = torch.where(first <= 0, -1e4, first - 0.5)[:, None]
        high = torch.where(last >= 255, 1e4, last + 0.5)[:, None]
        low, high = (low - self.means) * inverse, (high - self.means) * inverse
        # sigmoid(high) - sigmoid(low), from whichever side keeps its digits
        mirrored = (low + high) > 0
        low, high = torch.where(mirrored, -high, low), torch.where(mirrored, -low, high)
        mass = F.logsigmoid(high) + torch.log1p(-torch.exp((F.logsigmoid(low) - F.logsigmoid(high)).clamp_max(-1e-6)))
        return torch.logsumexp(torch.log_softmax(self.logits, 1) + mass, 1) / math.log(2.0)


@dataclass
class PhaseMixtures:
    """Mixtures of one phase, channels still to be conditioned on one another as in PixelCNN++.

    Attributes:
        logits, means, log_scales: (b, 3, COMPONENTS, h, w).
        coefficients: how means follow the channels before: red of green, blue of green, blue of red; same shape.
        base: what the means started from, in levels, (b, 3, h, w).
        window: first and last possible level, (b, 3, h, w) each, where the block's mean leaves at most four.
    """

    logits: Tensor
    means: Tensor
    log_scales: Tensor
    coefficients: Tensor
    base: Tensor
    window: tuple[Tensor, Tensor] | None

    def channel(self, channel: int, levels: Tensor) -> LogisticMixture:
        """The mixture of a channel, given the levels (b, 3, h, w) of the channels that precede it."""
        means = self.means[:, channel]
        red, green, _ = (levels - self.base)[:, :, None].unbind(1)
        if channel == 0:
            means = means + self.coefficients[:, 0] * green
        elif channel == 2:
            means = means + self.coefficients[:, 1] * green
            means = means + self.coefficients[:, 2] * red
        return LogisticMixture(self.logits[:, channel], means, self.log_scales[:, channel])

    def bits(self, levels: Tensor) -> Tensor:
        """-log2 p of integer levels (b, 3, h, w), summed over channels: (b, h, w)."""
        total = torch.zeros_like(levels[:, 0])
        for c in CHANNELS:
            window = None if self.window is None else (self.window[0][:, c], self.window[1][:, c])
            total = total + self.channel(c, levels).bits(levels[:, c], window)
        return total


class Phase(nn.Module):
    """Mixtures of one quarter of all blocks."""

    def __init__(self, blocks: int, first: bool):
        super().__init__()
        self.absorb = None if first else ExactConv2d(3, FEATURES)
        self.trunk = residuals(FEATURES, blocks)
        self.out = ExactConv2d(FEATURES, 12 * COMPONENTS, kernel=1, zero=True)

    def forward(self, features: Tensor, base: Tensor, window: tuple[Tensor, Tensor] | None) -> PhaseMixtures:
        b, _, h, w = features.shape
        out = self.out(activate(features)).float().view(b, 4, 3, COMPONENTS, h, w)
        spread = torch.linspace(-4.0, 4.0, COMPONENTS, device=out.device).view(1, 1, -1, 1, 1)
        log_scales = (out[:, 2] * 2.0 + 2.0).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)
        return PhaseMixtures(
            out[:, 0], base[:, :, None] + out[:, 1] * SPREAD + spread, log_scales, out[:, 3], base, window
        )


Visit = Callable[[int, PhaseMixtures], Tensor]


class BlockLikelihood(nn.Module):
    """The four phases, given features at the blocks' resolution and a first guess of every quarter."""

    def __init__(self, context: int, blocks: int, blocks_per_phase: int):
        super().__init__()
        self.input = ExactConv2d(context, FEATURES)
        self.trunk = residuals(FEATURES, blocks)
        self.phases = nn.ModuleList(Phase(blocks_per_phase, i == 0) for i in range(4))

    def walk(self, features: Tensor, guess: list[Tensor], mean: Tensor | None, visit: Visit) -> list[Tensor]:
        """Visit the four phases in their order and return the quarters.

        Args:
            features: (b, FEATURES, h, w).
            guess: of each quarter, in levels, (b, 3, h, w) each.
            mean: the blocks' rounded means, if they are given.
            visit: called with a quarter's index and its mixtures; returns its levels, by coding, decoding or sampling.
        """
        found = [torch.empty(0)] * 4
        surprise = torch.empty(0)
        features = self.trunk(features)
        rest = None if mean is None else 4.0 * mean
        for i, (phase, quarter) in enumerate(zip(cast(list[Phase], self.phases), PHASES, strict=True)):
            if phase.absorb is not None:
                features = features + phase.absorb(surprise / SPREAD)
            features = phase.trunk(features)
            base, window = guess[quarter], None
            if rest is not None:
                others = rest
                for q in PHASES[i:]:
                    others = others - guess[q]
                base = base + others * (1.0 / (4 - i))
                if i == 3:
                    window = (rest - 2.0).clamp(0.0, 255.0), (rest + 1.0).clamp(0.0, 255.0)
            levels = visit(quarter, phase(features, base, window))
            found[quarter], surprise = levels, levels - base
            if rest is not None:
                rest = rest - levels
        return found


class LevelLikelihood(BlockLikelihood):
    """p(y_{k-1} | y_k, z_k), one network for every k."""

    def __init__(self, levels: int):
        super().__init__(3, blocks=3, blocks_per_phase=2)
        self.of_level = nn.Parameter(torch.zeros(levels, FEATURES))
        self.details = ExactConv2d(9, FEATURES, zero=True)
        # On differences, so that rounded weights can't add up to an error in flat regions.
        self.interpolate = ExactConv2d(24, 12, kernel=1, zero=True)
        with torch.no_grad():  # quarters start as bilinear interpolation: 9/16 here, 3/16 beside, 1/16 across
            neighbours = self.interpolate.weight.view(4, 3, 8, 3)
            for quarter, (across, above, beside) in enumerate(((0, 1, 3), (2, 1, 4), (5, 6, 3), (7, 6, 4))):
                for c in range(3):
                    neighbours[quarter, c, [above, beside], c] = 3 / 16
                    neighbours[quarter, c, across, c] = 1 / 16
        for module in self.modules():  # rounding costs most here, and these weights are few
            if isinstance(module, ExactConv2d):
                module.activation_bits, module.weight_bits = ACTIVATION_BITS, WEIGHT_BITS

    def forward(self, k: int, level: Tensor, details: Tensor | None, visit: Visit) -> list[Tensor]:
        """Quarters of y_{k-1}'s blocks given y_k = `level` (b, 3, h, w) and dequantised z_k (b, 9, h, w) or None."""
        centred = (level - 128.0) / SPREAD
        features = self.input(centred) + self.of_level[k - 1].view(1, -1, 1, 1)
        if details is not None:
            features = features + self.details(details)
        guess = [
            level + shift for shift in (self.interpolate(neighbour_differences(centred)).float() * SPREAD).chunk(4, 1)
        ]
        return self.walk(features, guess, level, visit)


class GistLikelihood(BlockLikelihood):
    """p(y_K | u), given the mean and the features that the ladder makes of u."""

    def __init__(self, features: int):
        super().__init__(12 + features, blocks=2, blocks_per_phase=2)

    def forward(self, mean: Tensor, features: Tensor, visit: Visit) -> list[Tensor]:
        """Quarters of y_K's blocks.

        Args:
            mean: of y_K given u, in levels, (b, 3, h, w).
            features: of the ladder's level K+1, (b, c, ceil(h/2), ceil(w/2)).
        """
        guess = quarters(pad_even(mean.clamp(0.0, 255.0)))
        context = torch.cat([(guess[0] - 128.0) / SPREAD, *[(q - guess[0]) / SPREAD for q in guess[1:]], features], 1)
        return self.walk(self.input(context), list(guess), None, visit)
