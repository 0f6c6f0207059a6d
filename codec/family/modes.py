"""The lossy tiers by a model of the family: the four modes of section 3.3, tile by tile.

Nothing gives back what bits-back would draw with: a decoder that lacks y_{k-1} can't tell q(z_k | y_{k-1}). So latents
are the means of their posteriors, rounded to a coarse grid and coded directly under their priors; u where the base of
RealNVP has it. What a mode does not code is the mean of its distribution, or with a seed a draw.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from torch import Tensor

from ...arrays import Pixels, tiles
from ...bitstream.container import Entry, Variable
from ...bitstream.stack import Stack, check_seal, checksum
from ...family.gaussians import Gaussian, seeded
from ...family.generation import kept
from ...family.hierarchy import latent_name, level_name
from ...family.pixels import PixelDistribution
from ...family.priors import Mixture
from ...models.transforms import to_pixels
from ..ledger import Ledger, latent_variable, level_variable
from ..tiers import TierSpec
from .chain import filled, samples_of
from .family_model import FamilyModel
from .variables import on_grid, pop_latent, pop_level, push_latent, push_level, weights_of

COARSE = 2  # bits behind the point of latents
KEPT = 64  # tiles whose distributions are kept until they are pushed; those of others are computed again

Pushes = list[tuple[Variable, Callable[[], None]]]


class Road(ABC):
    """What the variables of a tile come from, on the way from u down to x: an encoder's or a decoder's."""

    @abstractmethod
    def u(self) -> Tensor:
        """u."""

    @abstractmethod
    def level(self, k: int, pixels: PixelDistribution) -> Tensor:
        """y_k, given its distribution."""

    @abstractmethod
    def latent(self, k: int, gaussian: Gaussian) -> Tensor:
        """z_k, given its prior."""


class Writer(Road):
    """Takes the variables from a tile, and keeps how they are to be pushed."""

    def __init__(self, model: FamilyModel, stack: Stack, tile: Tensor, channels: int | None) -> None:
        self.network, self.stack, self.channels = model.network, stack, channels
        self.y = self.network.represent(filled(tile, model.side))
        self.means = [posterior.mean for posterior in self.network.posteriors(self.y)]
        self.pushes: Pushes = []

    def u(self) -> Tensor:
        prior, mean = self.network.prior, self.means[-1]
        if isinstance(prior, Mixture):
            component = int(prior.component_log_densities(mean).argmax())
            self._push(Variable.U, lambda: self.stack.push_symbols([component], weights_of(prior)))
            return self._latent(Variable.U, mean, prior.components([component]))
        return prior.from_base(self._latent(Variable.U, prior.to_base(mean), prior.base()))

    def level(self, k: int, pixels: PixelDistribution) -> Tensor:
        samples = self.y[k]
        channels = self.channels or samples.shape[1]
        self._push(level_variable(k), lambda: push_level(self.stack, pixels, samples, channels))
        return samples

    def latent(self, k: int, gaussian: Gaussian) -> Tensor:
        return self._latent(latent_variable(k), self.means[k - 1], gaussian)

    def _latent(self, variable: Variable, mean: Tensor, gaussian: Gaussian) -> Tensor:
        z = on_grid(mean, COARSE)
        self._push(variable, lambda: push_latent(self.stack, z, gaussian, COARSE))
        return z

    def _push(self, variable: Variable, push: Callable[[], None]) -> None:
        self.pushes.append((variable, push))


class Reader(Road):
    """Pops the variables of a tile, and keeps them by name as `popped`."""

    def __init__(self, model: FamilyModel, stack: Stack, channels: int | None) -> None:
        self.network, self.stack, self.channels = model.network, stack, channels
        self.popped: dict[str, Tensor] = {}

    def u(self) -> Tensor:
        prior = self.network.prior
        if isinstance(prior, Mixture):
            component = int(self.stack.pop_symbols(weights_of(prior))[0])
            return self._kept("u", pop_latent(self.stack, prior.components([component]), COARSE))
        return self._kept("u", prior.from_base(pop_latent(self.stack, prior.base(), COARSE)))

    def level(self, k: int, pixels: PixelDistribution) -> Tensor:
        channels, side = self.network.configuration.shapes[k]
        samples = pop_level(self.stack, pixels, side, side, self.channels or channels)
        return self._kept(level_name(k), samples)

    def latent(self, k: int, gaussian: Gaussian) -> Tensor:
        return self._kept(latent_name(k, self.network.depth), pop_latent(self.stack, gaussian, COARSE))

    def _kept(self, name: str, value: Tensor) -> Tensor:
        self.popped[name] = value
        return value


def encode(model: FamilyModel, spec: TierSpec, pixels: Pixels) -> tuple[Stack, tuple[Entry, ...]]:
    """A stack with a picture, and what its variables took.

    Args:
        spec: of a lossy tier.
        pixels: uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        InputError: the model is a VAE, and the tier needs a representation.
    """
    names, stack = coded(model, spec), model.stack()
    grey = pixels.ndim == 2
    parts = list(tiles(pixels.shape[:2], model.side))
    decoded = np.empty_like(pixels)

    @functools.lru_cache(KEPT)
    def pushes(index: int) -> Pushes:
        """Of a tile; what it decodes to is noted."""
        rows, columns = parts[index]
        writer = Writer(model, stack, samples_of(pixels[rows, columns]), 1 if grey else None)
        decoded[rows, columns] = within(descend(model, names, writer), rows, columns, grey)
        return writer.pushes

    for index in range(len(parts)):
        pushes(index)
    stack.seal(checksum(decoded))  # beneath all tiles, of which the first comes last
    ledger = Ledger()
    for index in reversed(range(len(parts))):
        for variable, push in reversed(pushes(index)):
            with ledger.counting(stack, variable):
                push()
    return stack, ledger.account()


def decode(
    model: FamilyModel, stack: Stack, spec: TierSpec, size: tuple[int, int], grey: bool, seed: int | None
) -> Pixels:
    """The pixels that `encode` put on a stack: uint8 (h, w, 3), or (h, w) for grey.

    Args:
        seed: draws what the tier does not code instead of taking its mean.

    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine computes otherwise.
    """
    names = coded(model, spec)
    noise = None if seed is None else seeded(seed)
    means = np.empty(size if grey else (*size, 3), np.uint8)
    shown = means if noise is None else np.empty_like(means)
    for rows, columns in tiles(size, model.side):
        reader = Reader(model, stack, 1 if grey else None)
        means[rows, columns] = within(descend(model, names, reader), rows, columns, grey)
        if noise is not None:  # only now: what is coded was coded given means
            drawn = model.network.walk(reader.popped, 1, noise, lambda k, p: p.draw(noise) if k else p.mean())
            shown[rows, columns] = within(drawn["x"], rows, columns, grey)
    check_seal(stack.unseal(), means)
    return shown


def within(tile: Tensor, rows: slice, columns: slice, grey: bool) -> Pixels:
    """What a tile, (1, 3, side, side), has of the picture, which may end in it."""
    return to_pixels(tile[..., : rows.stop - rows.start, : columns.stop - columns.start], grey)


def coded(model: FamilyModel, spec: TierSpec) -> tuple[str, ...]:
    """Names of the variables that a tier codes. Raises InputError for a VAE that has none to code."""
    return kept(model.network, spec.mode.replace(" ", "-"))


def descend(model: FamilyModel, names: tuple[str, ...], road: Road) -> Tensor:
    """A tile's mean, (1, 3, side, side), given the variables that are coded and the means of the others."""
    network, depth = model.network, model.network.depth
    y: dict[int, Tensor] = {}
    z: dict[int, Tensor] = {}
    for k in range(depth, -1, -1):
        if k == depth:
            z[k] = road.u()
        else:
            prior = network.conditional(k, y, z)
            z[k] = road.latent(k + 1, prior) if latent_name(k + 1, depth) in names else prior.mean
        pixels = network.pixels(k, y, z)
        y[k] = road.level(k, pixels) if level_name(k) in names else pixels.mean()
    return y[0]
