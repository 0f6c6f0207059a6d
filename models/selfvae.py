"""The hierarchical selfVAE for photos: K levels of details below a gist, all anchored to the Haar pyramid.

    y_0 = x, y_k = d(y_{k-1})                      deterministic (transforms.downscale)
    u                                              gist of y_K, under the flow prior
    z_K .. z_1                                     details, under conditional Gaussian priors
    ELBO: ln p(u) + ln p(y_K | u) + sum over k of ln p(z_k | y_k, coarser) + ln p(y_{k-1} | y_k, z_k) - ln q(u, z)

The posteriors are uniform, one quantisation step wide, around the mean that `DetailLevel.posterior` infers.
"""

import math
from collections.abc import Callable, Collection
from typing import cast

import torch
from torch import Tensor, nn

from .blocks import QualityTable
from .details import MAX_LOG_SCALE, MIN_LOG_SCALE, DetailLevel, Draw, Gains, on_grid
from .exact import straight_through
from .likelihoods import GistLikelihood, LevelLikelihood, PhaseMixtures, Visit
from .transforms import downscale, pyramid, quarters, to_opponent, to_rgb

LEVELS = 3  # K: z_1 .. z_K and y_1 .. y_K
GIST_LEVELS = 3  # levels of the flow prior's pyramid below y_K
DEPTH = LEVELS + GIST_LEVELS
FEATURES = (32, 64, 96, 96, 64, 64)  # of the ladder's levels, finest first
EXACT_QUALITY = 50.0  # of u and z where levels are coded exactly
BLOCKS = (2, 2, 3, 3, 2, 2)


DrawAt = Callable[[int, Tensor], Draw]


class Top(nn.Module):
    """The coarsest variable of u: a Gaussian with a learned mean and scale."""

    def __init__(self) -> None:
        super().__init__()
        self.gains = Gains(3, DEPTH + 1)
        self.mean = QualityTable(3)
        self.log_scale = QualityTable(3)

    def forward(self, quality: Tensor, size: tuple[int, int], draw: Draw) -> Tensor:
        """y_DEPTH in opponent colour, (b, 3, *size), from a z drawn with its prior's mean and log2 scale."""
        log_gain, gain = self.gains(quality)
        mean = on_grid(self.mean(quality) * gain)
        log_scale = (self.log_scale(quality) + log_gain).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)
        shape = (len(quality), 3, *size)
        return draw((0, 1, 2), mean.expand(shape), log_scale.expand(shape)) / gain


class Ladder(nn.Module):
    """u and z_K .. z_1 with their priors, posteriors and the means that they give the levels."""

    def __init__(self) -> None:
        super().__init__()
        coarser = (*FEATURES[1:], 0)
        self.levels = nn.ModuleList(map(DetailLevel, range(1, DEPTH + 1), FEATURES, coarser, BLOCKS))
        self.top = Top()

    def level(self, k: int) -> DetailLevel:
        """Level k, from 1 for the finest."""
        return cast(DetailLevel, self.levels[k - 1])

    def descend(
        self,
        start: int,
        stop: int,
        level: Tensor,
        features: Tensor | None,
        quality: Tensor,
        sizes: list[tuple[int, int]],
        draw_at: DrawAt,
    ) -> tuple[Tensor, Tensor]:
        """From y_start and the features of level start + 1 down to y_stop's mean and the features of level stop + 1.

        Args:
            level: y_start in opponent colour.
            sizes: of y_0, y_1 ..
            draw_at: called with each k and the y_k reached; returns what draws z_k.
        """
        for k in range(start, stop, -1):
            details, features = self.level(k).draw(level, features, quality, draw_at(k, level))
            level = self.level(k).synthesise(level, details, features, sizes[k - 1])
        return level, cast(Tensor, features)

    def infer(self, k: int, targets: list[Tensor], level: Tensor, quality: Tensor) -> Tensor:
        """Mean of the posterior of z_k, given the levels in opponent colour and y_k as decoded."""
        if k > DEPTH:
            return targets[DEPTH] * self.top.gains(quality)[1]
        return self.level(k).posterior(targets[k - 1], level, quality)

    def descend_gist(self, quality: Tensor, sizes: list[tuple[int, int]], draw_at: DrawAt) -> tuple[Tensor, Tensor]:
        """Draw u, from its top down: the mean of y_K in opponent colour and the features of level K + 1."""
        top = self.top(quality, sizes[DEPTH], draw_at(DEPTH + 1, quality))
        return self.descend(DEPTH, LEVELS, top, None, quality, sizes, draw_at)

    def gist(self, level: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """What u, rounded, tells of y_K = `level` (b, 3, h, w): as `descend_gist` returns it."""
        targets = [to_opponent(y) for y in pyramid(level, GIST_LEVELS)]
        targets = targets[:1] * LEVELS + targets  # the ladder counts levels from x
        sizes = [(y.shape[2], y.shape[3]) for y in targets]
        return self.descend_gist(
            quality, sizes, lambda k, reached: draw_rounded(self.infer(k, targets, reached, quality))
        )

    def forward(
        self, image: Tensor, quality: Tensor, dropped: int = 0, exact: Collection[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """Rate and picture, differentiable: rounding straight through for the picture, additive noise for the rate.

        In evaluation mode the rate is that of the rounded latents.

        Args:
            image: integer levels 0..255, float (b, 3, h, w).
            quality: (b,), 1..100.
            dropped: how many of the finest levels code nothing and take their prior's mean (K for `sketch`).
            exact: the k whose y_k is given exactly instead of decoded ((K,) for `high`, 1..K for `lossless`).
        Returns:
            the picture in levels 0..255, neither rounded nor clamped, and the bits of each level's latents, finest
            first and the top last, (DEPTH + 1, b).
        """
        targets = [to_opponent(y) for y in pyramid(image, DEPTH)]
        sizes = [(y.shape[2], y.shape[3]) for y in targets]
        bits = image.new_zeros(DEPTH + 1, len(image))

        def learn(k: int, level: Tensor) -> Draw:
            if k <= dropped:
                return draw_mean
            inferred = self.infer(k, targets, level, quality)

            def draw(group: tuple[int, ...], mean: Tensor, log_scale: Tensor) -> Tensor:
                mu = inferred[:, group]
                z = mean + torch.floor(mu - mean + 0.5)
                rated = mu + torch.rand_like(mu) - 0.5 if self.training else z
                bits[k - 1] += gaussian_bits((rated - mean).abs(), log_scale).sum((1, 2, 3))
                return straight_through(z, mu)

            return draw

        level, features = self.top(quality, sizes[DEPTH], learn(DEPTH + 1, targets[DEPTH])), None
        for k in range(DEPTH, 0, -1):
            level = targets[k] if k in exact else level
            level, features = self.descend(k, k - 1, level, features, quality, sizes, learn)
        return to_rgb(level), bits


def draw_mean(group: tuple[int, ...], mean: Tensor, log_scale: Tensor) -> Tensor:
    """The draw that codes nothing: the prior's mean."""
    return mean


def draw_rounded(inferred: Tensor) -> Draw:
    """The draw that codes the posterior's mean, rounded to whole steps from the prior's mean."""
    return lambda group, mean, log_scale: mean + torch.floor(inferred[:, group] - mean + 0.5)


def visit_true(levels: Tensor, bits: list[Tensor]) -> Visit:
    """The visit that only measures: appends each phase's bits, (b,), for the true levels (b, 3, h, w)."""
    true = quarters(levels)

    def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
        bits.append(mixtures.bits(true[quarter]).sum((1, 2)))
        return true[quarter]

    return visit


class SelfVAE(nn.Module):
    """The whole model: the ladder of latents and the likelihoods of the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.ladder = Ladder()
        self.level_likelihood = LevelLikelihood(LEVELS)
        self.gist_likelihood = GistLikelihood(FEATURES[LEVELS])

    @torch.no_grad()
    def draw_details(self, k: int, finer: Tensor) -> Tensor:
        """Details (b, 9, h, w) of a z_k drawn from its posterior given integer levels y_{k-1} = `finer`."""
        quality = torch.full((len(finer),), EXACT_QUALITY, device=finer.device)
        level = self.ladder.level(k)
        z = level.posterior(to_opponent(finer), to_opponent(downscale(finer)), quality)
        return (z + torch.rand_like(z) - 0.5) / level.gains(quality)[1]

    def level_bits(self, k: int, finer: Tensor, details: Tensor | None = None) -> Tensor:
        """-log2 p(y_{k-1} | y_k, z_k) of integer levels y_{k-1} = `finer` of even size (b, 3, h, w): (b,)."""
        bits: list[Tensor] = []
        self.level_likelihood(k, downscale(finer), details, visit_true(finer, bits))
        return torch.stack(bits).sum(0)

    def gist_bits(self, gist: Tensor, quality: Tensor) -> Tensor:
        """-log2 p(y_K | u) of integer levels y_K = `gist` of even size (b, 3, h, w), u rounded: (b,)."""
        bits: list[Tensor] = []
        with torch.no_grad():
            mean, features = self.ladder.gist(gist, quality)
        self.gist_likelihood(to_rgb(mean), features, visit_true(gist, bits))
        return torch.stack(bits).sum(0)


def gaussian_bits(distance: Tensor, log_scale: Tensor) -> Tensor:
    """-log2 of the mass that a Gaussian of log2 scale `log_scale` has on the unit interval at `distance` >= 0."""
    inverse = torch.exp2(-log_scale)
    near = torch.special.log_ndtr((0.5 - distance) * inverse)
    far = torch.special.log_ndtr((-0.5 - distance) * inverse)
    return (near + torch.log1p(-torch.exp(far - near))) / -math.log(2.0)
