"""Scores that tell images like those of the training from foreign ones, one interface for all."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .feature_likelihood import FeatureLikelihood
from .predictive import CHUNK, PREDICTIVE, Scheme
from .vae import LATENTS, PIXELS, VAE, PixelLikelihood

PER_PIXEL = "nats per pixel"
ELBO_DRAWS = 4


class Detector(Protocol):
    """A score of images, greater for images like those of the training."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def unit(self) -> str:
        """Of the score."""

    def score(self, images: Tensor) -> Tensor:
        """Float (n,) of images, float (n, 1, 28, 28) in [0, 1]; random numbers from torch's global generator."""


def in_chunks(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Values (n,) of images, computed for a few of them at a time."""
    return torch.cat([function(part) for part in torch.split(images, CHUNK)])


@dataclass(frozen=True)
class Elbo:
    """The VAE's lower bound of log p(x), the mean of four draws of z."""

    vae: VAE
    name: str = "ELBO"
    unit: str = PER_PIXEL

    @torch.no_grad()
    def score(self, images: Tensor) -> Tensor:
        def mean_elbo(x: Tensor) -> Tensor:
            return torch.stack([self.vae.elbo(x, torch.randn(len(x), LATENTS)) for _ in range(ELBO_DRAWS)]).mean(0)

        return in_chunks(mean_elbo, self.vae.pixels.prepare(images)) / PIXELS


@dataclass(frozen=True)
class Predictive:
    """log p_VAE(x), equations 1 and 2, or with features log p_FEVAE(x), equation 4."""

    vae: VAE
    scheme: Scheme
    draws: int  # of z: in all under PR, for each image under APO
    features: FeatureLikelihood | None = None
    unit: str = PER_PIXEL

    @property
    def name(self) -> str:
        return f"{'p_FEVAE' if self.features else 'p_VAE'}, {self.scheme}"

    def score(self, images: Tensor) -> Tensor:
        log_likelihood = PREDICTIVE[self.scheme](self.vae.pixels.prepare(images), self.vae, self.features, self.draws)
        return log_likelihood / PIXELS


@dataclass(frozen=True)
class Features:
    """log p(f_x), the density of an image's features under the whole mixture, without any VAE."""

    pixels: PixelLikelihood
    features: FeatureLikelihood
    name: str = "p_FE"
    unit: str = "nats"

    @torch.no_grad()
    def score(self, images: Tensor) -> Tensor:
        return in_chunks(self.features.log_density, self.pixels.prepare(images))


@dataclass(frozen=True)
class LikelihoodRatio:
    """ELBO less that of a background model, a VAE trained on perturbed images (Ren et al. 2019)."""

    vae: VAE
    background: VAE
    name: str = "likelihood ratio"
    unit: str = PER_PIXEL

    def score(self, images: Tensor) -> Tensor:
        return Elbo(self.vae).score(images) - Elbo(self.background).score(images)


@dataclass(frozen=True)
class InputComplexity:
    """ELBO plus the length of the image as a lossless file (Serra et al. 2020), here PNG."""

    vae: VAE
    name: str = "input complexity"
    unit: str = PER_PIXEL

    def score(self, images: Tensor) -> Tensor:
        levels = (self.vae.pixels.prepare(images) * 255).round().to(torch.uint8).squeeze(1).numpy()
        bits = torch.tensor([8.0 * png_bytes(image) for image in levels])
        return Elbo(self.vae).score(images) + math.log(2) * bits / PIXELS


def png_bytes(image: np.ndarray) -> int:
    """Size of a grey image, uint8 (h, w), as a PNG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return file.tell()


@dataclass(frozen=True)
class LikelihoodRegret:
    """Minus what the ELBO gains when the encoder is optimised for the one image (Xiao et al. 2020).

    Adam takes `steps` steps; the draws of z are the same before and after, so that they cancel.
    """

    vae: VAE
    steps: int = 50
    rate: float = 1e-3
    name: str = "likelihood regret"
    unit: str = PER_PIXEL

    def score(self, images: Tensor) -> Tensor:
        noise = torch.randn(ELBO_DRAWS, LATENTS)
        return torch.stack([-self.regret(x[None], noise) for x in self.vae.pixels.prepare(images)]) / PIXELS

    def regret(self, x: Tensor, noise: Tensor) -> Tensor:
        """Of one prepared image, float (1, 1, 28, 28), in nats: a scalar."""
        vae = copy.deepcopy(self.vae).requires_grad_(False)
        vae.encoder.requires_grad_(True)
        optimizer = torch.optim.Adam(vae.encoder.parameters(), lr=self.rate)
        first = vae.elbo(x, noise).mean()
        elbo = first
        for _ in range(self.steps):
            optimizer.zero_grad()
            (-elbo).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            elbo = vae.elbo(x, noise).mean()
        return (elbo - first).detach()
