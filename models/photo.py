"""The hierarchical selfVAE for photos: K levels of details below a gist, all anchored to the Haar pyramid.

    y_0 = x, y_k = d(y_{k-1})                      deterministic (transforms.downscale)
    u                                              gist of y_K, under the flow prior
    z_K .. z_1                                     details, under conditional priors (density.py)
    ELBO: ln p(u) + ln p(y_K | u) + sum over k of ln p(z_k | y_k, coarser) + ln p(y_{k-1} | y_k, z_k) - ln q(u, z)

The posteriors are uniform, one quantisation step wide, around the mean that `DetailLevel.posterior` infers.
"""

import itertools
from typing import cast

import torch
from torch import Tensor, nn

from ..tunes import Tune
from . import density, flow
from .blocks import Rate
from .details import DetailLevel, Draw, DrawAt, Group, Prior, descend, whole_steps
from .exact import straight_through
from .flow import FlowPrior
from .likelihoods import GistLikelihood, LevelLikelihood, PhaseMixtures, Visit
from .pyramid import Pyramid, Sizes
from .transforms import downscale, quarters, to_opponent, to_rgb

LEVELS = 3  # K: z_1 .. z_K and y_1 .. y_K
DEPTH = LEVELS + flow.LEVELS
FEATURES = (48, 96, 128)  # of the networks of z, finest first
BLOCKS = (2, 2, 2)
EXACT_QUALITY, EXACT_TUNE = 50.0, Tune.PSNR  # of u and z where levels are coded exactly


class Ladder(nn.Module):
    """u and z_K .. z_1 with their priors, posteriors and the means that they give the levels."""

    def __init__(self) -> None:
        super().__init__()
        coarser = (*FEATURES[1:], flow.FEATURES[0])
        self.levels = nn.ModuleList(map(DetailLevel, range(1, LEVELS + 1), FEATURES, coarser, BLOCKS))
        self.flow = FlowPrior(LEVELS)

    def level(self, k: int) -> DetailLevel:
        """Level k, from 1 for the finest; those above K are u's."""
        return cast(DetailLevel, self.levels[k - 1] if k <= LEVELS else self.flow.levels[k - 1 - LEVELS])

    def infer(self, k: int, pyramid: Pyramid, level: Tensor, rate: Rate) -> Tensor:
        """Mean of the posterior of z_k, or of u's part of that level, given the true levels and y_k as decoded."""
        if k > DEPTH:
            return pyramid.opponent(DEPTH) * self.flow.top.gains(rate)[1]
        return self.level(k).posterior(pyramid.opponent(k - 1), level, rate)

    def descend(self, level: Tensor, features: Tensor, rate: Rate, sizes: Sizes, draw_at: DrawAt) -> Tensor:
        """From y_K and the features of the level above it, as `FlowPrior.draw` has them, down to the mean of x."""
        return descend(reversed(self.levels), level, features, rate, sizes, draw_at)[0]

    def step(
        self, k: int, level: Tensor, features: Tensor | None, rate: Rate, sizes: Sizes, draw_at: DrawAt
    ) -> tuple[Tensor, Tensor]:
        """From y_k and the features of level k + 1, where there is one, to y_{k-1}'s mean and level k's features."""
        level, below = descend([self.level(k)], level, features, rate, sizes, draw_at)
        return level, cast(Tensor, below)

    def gist(self, level: Tensor, rate: Rate) -> tuple[Tensor, Tensor]:
        """What u, rounded, tells of y_K = `level` (b, 3, h, w): as `FlowPrior.draw` returns it."""
        pyramid = Pyramid.over(level, DEPTH, first=LEVELS)

        def draw_at(k: int, reached: Tensor) -> Draw:
            return draw_rounded(self.infer(k, pyramid, reached, rate))

        return self.flow.draw(rate, pyramid.sizes, draw_at)

    def forward(
        self, image: Tensor, rate: Rate, dropped: Tensor | int = 0, given: Tensor | int = LEVELS + 1
    ) -> tuple[Tensor, Tensor]:
        """Rate and picture, differentiable: rounding straight through for the picture, additive noise for the rate.

        In evaluation mode the rate is that of the rounded latents.

        Args:
            image: integer samples 0..255, float (b, 3, h, w).
            rate: of (b,).
            dropped: how many of the finest levels code nothing and take their prior's mean (K for `sketch`); of each
                picture, int64 (b,), or of all.
            given: the least k whose y_k, as well as all above, is given exactly instead of decoded (K for `high`, 1 for
                `lossless`, K + 1 for none); likewise.

        Returns:
            the picture in samples 0..255, neither rounded nor clamped, and the bits of each level's latents, finest
            first and the top last, (DEPTH + 1, b).
        """
        pyramid = Pyramid.over(image, DEPTH)
        sizes = pyramid.sizes
        dropped, given = (torch.as_tensor(value, device=image.device).view(-1, 1, 1, 1) for value in (dropped, given))
        surprises: dict[int, list[tuple[Tensor, Tensor]]] = {k: [] for k in range(1, DEPTH + 2)}

        def learn(k: int, level: Tensor) -> Draw:
            inferred = self.infer(k, pyramid, level, rate)

            def draw(group: Group, prior: Prior) -> Tensor:
                mu = group.take(inferred) * prior.factor
                z = prior.mean + whole_steps(mu, prior.mean)
                rated = mu + torch.rand_like(mu) - 0.5 if self.training else z
                surprises[k].append(((rated - prior.mean).abs().flatten(1), prior.log_scale.flatten(1)))
                return torch.where(dropped[..., 0] < k, straight_through(z, mu), prior.mean)

            return draw

        level, features = self.flow.draw(rate, sizes, learn)
        for k in range(LEVELS, 0, -1):
            level = torch.where(given <= k, pyramid.opponent(k), level)
            level, features = self.step(k, level, features, rate, sizes, learn)
        # of all latents at once: a GPU takes as long for few as for many
        each = [torch.cat(parts, 1) for parts in zip(*itertools.chain.from_iterable(surprises.values()), strict=True)]
        counts = [sum(distance.shape[1] for distance, _ in surprises[k]) for k in surprises]
        bits = torch.stack([part.sum(1) for part in torch.split(density.bits(*each), counts, 1)])
        return to_rgb(level), bits * (dropped.view(1, -1) < torch.arange(1, DEPTH + 2, device=image.device)[:, None])


def draw_mean(group: Group, prior: Prior) -> Tensor:
    """The draw that codes nothing: the prior's mean."""
    return prior.mean


def draw_rounded(inferred: Tensor) -> Draw:
    """The draw that codes the posterior's mean, rounded to whole steps from the prior's mean."""
    return lambda group, prior: prior.mean + whole_steps(group.take(inferred) * prior.factor, prior.mean)


def visit_true(level: Tensor, bits: list[Tensor]) -> Visit:
    """The visit that only measures: appends each phase's bits, (b,), for the true level (b, 3, h, w)."""
    true = quarters(level)

    def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
        bits.append(mixtures.bits(true[quarter]).sum((1, 2)))
        return true[quarter]

    return visit


class PhotoNetwork(nn.Module):
    """The whole model: the ladder of latents and the likelihoods of the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.ladder = Ladder()
        self.level_likelihood = LevelLikelihood(LEVELS)
        self.gist_likelihood = GistLikelihood(flow.FEATURES[0])

    @torch.no_grad()
    def draw_details(self, k: int, finer: Tensor) -> Tensor:
        """Details (b, 9, h, w) of a z_k drawn from its posterior given y_{k-1} = `finer`."""
        rate = Rate.of(EXACT_QUALITY, EXACT_TUNE, len(finer), finer.device)
        level = self.ladder.level(k)
        z = level.posterior(to_opponent(finer), to_opponent(downscale(finer)), rate)
        return (z + torch.rand_like(z) - 0.5) / level.gains(rate)[1]

    def level_bits(self, k: int, finer: Tensor, details: Tensor | None = None) -> Tensor:
        """-log2 p(y_{k-1} | y_k, z_k) of y_{k-1} = `finer` of even size (b, 3, h, w): (b,)."""
        bits: list[Tensor] = []
        self.level_likelihood(k, downscale(finer), details, visit_true(finer, bits))
        return torch.stack(bits).sum(0)

    def gist_bits(self, gist: Tensor, rate: Rate) -> Tensor:
        """-log2 p(y_K | u) of y_K = `gist` of even size (b, 3, h, w), u rounded: (b,)."""
        bits: list[Tensor] = []
        with torch.no_grad():
            mean, features = self.ladder.gist(gist, rate)
        self.gist_likelihood(mean, features, visit_true(gist, bits))
        return torch.stack(bits).sum(0)
