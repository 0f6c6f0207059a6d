"""The K-level selfVAE (section 3.4), of which the selfVAE (section 3.2) is the case K = 1 and the VAE K = 0.

    x = y_0, y_k = d_k(y_{k-1})                           deterministic
    p(u) p(y_K | u)  prod_k p(z_k | y_k, z_{k+1}) p(y_{k-1} | y_k, z_k)          with z_{K+1} = u
    q(u | y_K)       prod_k q(z_k | y_{k-1})

So a level k = 0 .. K is a conditional VAE of y_k given y_{k+1}, with the latent z_{k+1}: its encoder is
q(z_{k+1} | y_k), its decoder p(y_k | y_{k+1}, z_{k+1}) and its prior p(z_{k+1} | y_{k+1}, z_{k+2}). The highest one is
given nothing; its latent is u and its prior p(u).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from .configuration import LEAST_WIDTH, Configuration
from .gaussians import Gaussian, Noise
from .networks import Decoder, Encoder
from .pixels import PixelDistribution
from .priors import prior_of


class Terms(NamedTuple):
    """The terms of the ELBO of each picture, in nats, by what they are the logarithm of: (b,) each.

    Attributes:
        p: of the model; added.
        q: of the posteriors; subtracted.
    """

    p: dict[str, Tensor]
    q: dict[str, Tensor]

    @property
    def elbo(self) -> Tensor:
        """ln p(x, y_1:K) is at least the expectation of this: (b,)."""
        return torch.stack(list(self.p.values())).sum(0) - torch.stack(list(self.q.values())).sum(0)


class Level(nn.Module):
    """A conditional VAE of y_k given y_{k+1}, see above.

    Attributes:
        encoder: q(z_{k+1} | y_k).
        decoder: p(y_k | y_{k+1}, z_{k+1}).
        prior: p(z_{k+1} | y_{k+1}, z_{k+2}); None for u's, which is the model's.
    """

    def __init__(self, configuration: Configuration, k: int):
        super().__init__()
        picture, latent = configuration.shapes[k], configuration.latent(k + 1)
        transform = configuration.representations[k] if k < configuration.depth else None
        step = configuration.representations[k - 1].step if k else 1
        self.encoder = Encoder(configuration, picture, latent)
        self.decoder = Decoder(configuration, picture, step, latent, transform)
        self.prior = None
        if transform is not None:
            self.prior = Encoder(configuration, configuration.shapes[k + 1], latent, configuration.latent(k + 2))


class Hierarchy(nn.Module):
    """A model of the family; see `build`.

    Attributes:
        configuration: what it is made of.
        levels: of y_0 = x first.
        prior: p(u).
    """

    def __init__(self, configuration: Configuration):
        super().__init__()
        self.configuration = configuration
        self.levels = nn.ModuleList(Level(configuration, k) for k in range(configuration.depth + 1))
        self.prior = prior_of(configuration)

    @property
    def depth(self) -> int:
        """K."""
        return self.configuration.depth

    def level(self, k: int) -> Level:
        """That of y_k, k = 0 .. K."""
        return cast(Level, self.levels[k])

    def represent(self, x: Tensor) -> list[Tensor]:
        """y_0 = x, y_1 .. y_K; of integers 0..255, float (b, 3, side, side)."""
        found = [x]
        for transform in self.configuration.representations:
            found.append(transform(found[-1]))
        return found

    def posteriors(self, y: list[Tensor]) -> list[Gaussian]:
        """q(z_1 | y_0) .. q(z_K | y_{K-1}), q(u | y_K)."""
        return [self.level(k).encoder(picture) for k, picture in enumerate(y)]

    def terms(self, y: list[Tensor], z: list[Tensor], posteriors: list[Gaussian]) -> Terms:
        """The terms of the ELBO for some values of the variables.

        Args:
            y: x, y_1 .. y_K.
            z: z_1 .. z_K, u.
            posteriors: of `posteriors`.
        """
        p, q = {}, {}
        for k in range(self.depth + 1):
            latent, given = latent_name(k + 1, self.depth), "" if k == self.depth else f"{level_name(k + 1)}, "
            p[f"p({level_name(k)} | {given}{latent})"] = self.pixels(k, y, z).log_mass(y[k])
            if k < self.depth:
                name = f"p({latent} | {given}{latent_name(k + 2, self.depth)})"
                p[name] = self.conditional(k, y, z).log_density(z[k])
            else:
                p["p(u)"] = self.prior.log_density(z[k])
            q[f"q({latent} | {level_name(k)})"] = posteriors[k].log_density(z[k])
        return Terms(p, q)

    def elbo(self, x: Tensor, noise: Noise = torch.randn_like) -> Terms:
        """The terms of the ELBO of pictures x: integers 0..255, float (b, 3, side, side)."""
        y = self.represent(x)
        return self.draw_terms(y, self.posteriors(y), noise)

    def draw_terms(self, y: list[Tensor], posteriors: list[Gaussian], noise: Noise) -> Terms:
        """The terms of the ELBO for latents drawn from the posteriors; as for `terms`."""
        return self.terms(y, [posterior.draw(noise) for posterior in posteriors], posteriors)

    def forward(self, x: Tensor) -> Tensor:
        """The ELBO in nats, (b,)."""
        return self.elbo(x).elbo

    def pixels(
        self, k: int, y: Mapping[int, Tensor] | list[Tensor], z: Mapping[int, Tensor] | list[Tensor]
    ) -> PixelDistribution:
        """p(y_k | y_{k+1}, z_{k+1}), given y_{k+1} under k + 1 and z_{k+1} under k."""
        return self.level(k).decoder(z[k], y[k + 1] if k < self.depth else None)

    def conditional(
        self, k: int, y: Mapping[int, Tensor] | list[Tensor], z: Mapping[int, Tensor] | list[Tensor]
    ) -> Gaussian:
        """p(z_{k+1} | y_{k+1}, z_{k+2}), given y_{k+1} and z_{k+2} under k + 1; k < K."""
        return cast(Encoder, self.level(k).prior)(y[k + 1], z[k + 1])

    def walk(
        self,
        given: Mapping[str, Tensor],
        count: int,
        noise: Noise,
        choose: Callable[[int, PixelDistribution], Tensor],
    ) -> dict[str, Tensor]:
        """All variables of some pictures, from u down to x: those that are given, and the others drawn.

        Args:
            given: some of u, y_K, z_K .. y_1, z_1, x, by name, (count, c, h, w) each.
            count: of pictures.
            noise: what draws latents.
            choose: samples for y_k, given k and their distribution: a draw, or the mean.
        """
        top = self.depth
        found: dict[str, Tensor] = {}
        y: dict[int, Tensor] = {}
        z: dict[int, Tensor] = {}
        for k in range(top, -1, -1):
            latent = latent_name(k + 1, top)
            if latent in given:
                z[k] = given[latent]
            else:
                z[k] = self.prior.draw(count, noise) if k == top else self.conditional(k, y, z).draw(noise)
            name = level_name(k)
            y[k] = given[name] if name in given else choose(k, self.pixels(k, y, z))
            found |= {latent: z[k], name: y[k]}
        return found


def latent_name(k: int, depth: int) -> str:
    """z_k, or u for K + 1."""
    return "u" if k == depth + 1 else f"z_{k}"


def level_name(k: int) -> str:
    """y_k, or x."""
    return f"y_{k}" if k else "x"


def build(configuration: Configuration) -> Hierarchy:
    """A model with random weights, on the CPU, whatever the program's default device is."""
    with torch.device("cpu"):
        return Hierarchy(configuration)


@functools.cache
def count_weights(configuration: Configuration) -> int:
    """How many numbers a model learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Hierarchy(configuration).parameters())


def sized(configuration: Configuration, weights: int) -> Configuration:
    """The same model, as wide as it can be with so many weights; at least of the least width."""
    least, beyond = LEAST_WIDTH // 2, 1024  # half of the width
    while beyond - least > 1:
        middle = (least + beyond) // 2
        if count_weights(replace(configuration, width=2 * middle)) <= weights:
            least = middle
        else:
            beyond = middle
    return replace(configuration, width=2 * least)
