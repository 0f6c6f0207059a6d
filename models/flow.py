"""p(u), the prior of the gist: a multi-scale RealNVP that goes on with the Haar pyramid below y_K.

u is a top, 1/64 of the picture's side, and the details of the levels between it and y_K, each in the groups of
`details.GROUPS`. Every group is one affine coupling,

    v_group = (u_group - mean(coarser levels, groups before)) / scale(coarser levels, groups before),

and is factored out as soon as it is transformed; the pyramid is the squeeze between scales. So log p(u) is a sum of
one-dimensional densities (density.py), and a quantised u has exact probabilities: their masses in each step.
"""

from typing import cast

import torch
from torch import Tensor, nn

from .blocks import QualityTable, Rate
from .details import MAX_LOG_SCALE, MIN_LOG_SCALE, DetailLevel, Draw, DrawAt, Gains, Group, Prior, descend, on_grid
from .pyramid import Size, Sizes

LEVELS = 3  # of details in u, below y_K
FEATURES = (128, 96, 96)  # of their networks, finest first
BLOCKS = (3, 2, 2)


class Top(nn.Module):
    """The coarsest variable of u, under a learned mean and scale."""

    def __init__(self, k: int):
        super().__init__()
        self.gains = Gains(3, k)
        self.mean = QualityTable(3)
        self.log_scale = QualityTable(3)

    def forward(self, rate: Rate, size: Size, draw: Draw) -> Tensor:
        """The coarsest level in opponent colour, (b, 3, *size), its latent drawn by `draw`."""
        log_gain, gain = self.gains(rate)
        mean = on_grid(self.mean(rate) * gain)
        log_scale = (self.log_scale(rate) + log_gain).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)
        shape = (len(gain), 3, *size)
        group = Group((0, 1, 2))
        mean, log_scale = (group.take_positions(value.expand(shape)) for value in (mean, log_scale))
        z = draw(group, Prior(mean, log_scale, mean.new_ones(1, 1, 1)))
        return group.put(z, torch.Size(size)) / gain


class FlowPrior(nn.Module):
    """p(u), with the posterior's networks beside it. Levels are numbered as the ladder's, K + 1 for the finest of u.

    Args:
        above: K.
    """

    def __init__(self, above: int):
        super().__init__()
        self.depth = above + LEVELS
        coarser = (*FEATURES[1:], 0)
        self.levels = nn.ModuleList(map(DetailLevel, range(above + 1, self.depth + 1), FEATURES, coarser, BLOCKS))
        self.top = Top(self.depth + 1)

    def draw(self, rate: Rate, sizes: Sizes, draw_at: DrawAt) -> tuple[Tensor, Tensor]:
        """Draw u, from its top down: the mean of y_K in opponent colour and the features of level K + 1.

        Args:
            rate: of (b,).
            sizes: of y_K and all levels above.
            draw_at: called with each k and the level reached; returns what draws that part of u.
        """
        top = self.top(rate, sizes[self.depth], draw_at(self.depth + 1, rate.quality))
        level, features = descend(reversed(self.levels), top, None, rate, sizes, draw_at)
        return level, cast(Tensor, features)
