"""The VAEs of appendix A (Poklukar et al.), which follow Nalisnick et al. (2018): 28 x 28 grey images, 20 latents.

What the paper leaves open: convolutions are padded so that strides alone change the sides (28, 14, 14, 7, 7, 4 and
7, 14, 14, 28, 28); the last layer has the sigmoid in place of ReLU, normalisation and dropout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LATENTS = 20
SIDE = 28
PIXELS = SIDE * SIDE
DROPOUT = 0.1
BATCH = 512
RATE = 1e-3
LEAST_DEVIATION = 1e-4  # of a latent variable
NEAR_ZERO = 1e-6  # Bernoulli parameters stay this far from 0 and 1


class PixelLikelihood(Protocol):
    """A likelihood of iid pixels, an exponential family: log p(x | phi) = x . eta(phi) - A(phi) + h(x)."""

    def prepare(self, images: Tensor) -> Tensor:
        """Images (..., 28, 28) of values in [0, 1] as the likelihood takes them."""

    def natural(self, phi: Tensor) -> Tensor:
        """eta: parameters (..., 784) for means (..., 784) in [0, 1]."""

    def normaliser(self, phi: Tensor) -> Tensor:
        """A in nats: (...) for means (..., 784)."""

    def base(self, x: Tensor) -> Tensor:
        """h in nats: (...) for images (..., 784)."""


@dataclass(frozen=True)
class Bernoulli:
    """Of V1: pixels binarised at 0.5."""

    def prepare(self, images: Tensor) -> Tensor:
        return (images > 0.5).float()

    def natural(self, phi: Tensor) -> Tensor:
        return torch.logit(phi, NEAR_ZERO)

    def normaliser(self, phi: Tensor) -> Tensor:
        return -torch.log1p(-phi.clamp(NEAR_ZERO, 1 - NEAR_ZERO)).sum(-1)

    def base(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[:-1])


@dataclass(frozen=True)
class Gaussian:
    """Of V2: pixels in [0, 1], all of the same given variance."""

    variance: float

    def prepare(self, images: Tensor) -> Tensor:
        return images

    def natural(self, phi: Tensor) -> Tensor:
        return phi / self.variance

    def normaliser(self, phi: Tensor) -> Tensor:
        return phi.square().sum(-1) / (2 * self.variance)

    def base(self, x: Tensor) -> Tensor:
        return -x.square().sum(-1) / (2 * self.variance) - x.shape[-1] / 2 * math.log(2 * math.pi * self.variance)


def convolution(layer: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.ReLU(), nn.BatchNorm2d(width), nn.Dropout(DROPOUT))


class VAE(nn.Module):
    """q(z | x) and p(x | phi(z)) with z of 20 standard normal variables."""

    def __init__(self, pixels: PixelLikelihood):
        super().__init__()
        self.pixels = pixels
        widths, strides = (1, 8, 16, 32, 64, 64), (2, 1, 2, 1, 2)
        self.encoder = nn.Sequential(
            *(
                convolution(nn.Conv2d(before, after, 5, stride, padding=2), after)
                for before, after, stride in zip(widths[:-1], widths[1:], strides, strict=True)
            ),
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, 50),
            nn.Linear(50, 2 * LATENTS),
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 64 * 7 * 7),
            nn.Unflatten(1, (64, 7, 7)),
            convolution(nn.ConvTranspose2d(64, 32, 3, 2, padding=1, output_padding=1), 32),
            convolution(nn.ConvTranspose2d(32, 32, 3, 1, padding=1), 32),
            convolution(nn.ConvTranspose2d(32, 3, 4, 2, padding=1), 3),
            nn.ConvTranspose2d(3, 1, 5, 1, padding=2),
            nn.Sigmoid(),
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z | x), float (n, 20) each; of prepared images, float (n, 1, 28, 28)."""
        mean, width = self.encoder(x).chunk(2, 1)
        return mean, F.softplus(width) + LEAST_DEVIATION

    def decode(self, z: Tensor) -> Tensor:
        """phi(z), the means of the pixels: float (n, 1, 28, 28) in [0, 1]; of float (n, 20)."""
        return self.decoder(z)

    def elbo(self, x: Tensor, noise: Tensor) -> Tensor:
        """Lower bound of log p(x) in nats, by one value of z for each row of noise.

        Args:
            x: prepared images, float (n, 1, 28, 28).
            noise: standard normal, float (n, 20), or (k, 20) for a single image.

        Returns:
            float (n,), or (k,).
        """
        mean, deviation = self.encode(x)
        phi = self.decode(mean + deviation * noise).flatten(1)
        divergence = ((mean.square() + deviation.square() - 1) / 2 - deviation.log()).sum(1)
        return log_density(self.pixels, x.flatten(1), phi) - divergence


def log_density(pixels: PixelLikelihood, x: Tensor, phi: Tensor) -> Tensor:
    """log p(x | phi) in nats, images paired with means: (...) of (..., 784), which may broadcast."""
    return (x * pixels.natural(phi)).sum(-1) - pixels.normaliser(phi) + pixels.base(x)


def log_density_pairs(pixels: PixelLikelihood, x: Tensor, phi: Tensor) -> Tensor:
    """log p(x | phi) in nats of every image under all means: (n, s) of (n, 784) and (s, 784)."""
    return x @ pixels.natural(phi).T - pixels.normaliser(phi) + pixels.base(x)[:, None]


def perturb(x: Tensor, pixels: PixelLikelihood, share: float) -> Tensor:
    """Prepared images, a share of whose pixels is replaced by uniform noise (prepared likewise)."""
    return torch.where(torch.rand_like(x) < share, pixels.prepare(torch.rand_like(x)), x)


def train_vae(
    images: Tensor, pixels: PixelLikelihood, seed: int, epochs: int, perturbed: float = 0.0
) -> Iterator[tuple[VAE, dict[str, float]]]:
    """Train by maximising the ELBO, an epoch at each step of the iterator.

    Args:
        images: float (n, 1, 28, 28) in [0, 1].
        pixels: the likelihood.
        seed: of torch's generator, which draws weights, batches and latents.
        epochs: passes over the images.
        perturbed: share of pixels replaced by noise, for a background model (Ren et al. 2019).

    Yields:
        the network, in evaluation mode after the last epoch, with the epoch's mean `elbo` in nats per image.
    """
    torch.manual_seed(seed)
    net = VAE(pixels).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.RMSprop(net.parameters(), lr=RATE)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for batch in torch.split(torch.randperm(len(images)), BATCH):
            x = perturb(pixels.prepare(images[batch]), pixels, perturbed)
            elbo = net.elbo(x, torch.randn(len(x), LATENTS))
            optimizer.zero_grad()
            (-elbo.mean()).backward()
            optimizer.step()
            total += float(elbo.detach().sum())
        if epoch == epochs - 1:
            net.eval()
        yield net, {"elbo": total / len(images)}
