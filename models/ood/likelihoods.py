"""Likelihoods of images: p_VAE, p_FE and p_FEVAE of Poklukar et al., equations 1 to 4.

All are in nats per image. Random numbers come from torch's global generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .jigsaw import Jigsaw
from .mixture import Mixture
from .vae import LATENTS, VAE, log_density, log_density_pairs

Scheme = Literal["PR", "APO"]  # prior predictive, approximate posterior predictive
PRIOR_DRAWS = 2000  # of z, shared by all images
POSTERIOR_DRAWS = 10  # of z, for each image
CHUNK = 500  # images, or decoded draws, that are worked on at a time


def log_mean_exp(terms: Tensor) -> Tensor:
    """log of the mean of exp over the last axis: (...) of (..., k)."""
    return terms.logsumexp(-1) - math.log(terms.shape[-1])


@dataclass(frozen=True)
class FeatureLikelihood:
    """p_FE: a mixture over the features that a layer of a jigsaw classifier gives to training images.

    Images and decoded means are float (n, channels, h, w), prepared as those the classifier was trained on.
    """

    jigsaw: Jigsaw
    mixture: Mixture
    layer: int = 1

    def log_density(self, images: Tensor) -> Tensor:
        """log p(f_x) of images alone, under the whole mixture: float64 (n,)."""
        return self.mixture.log_density(self.jigsaw.features(images, self.layer))

    def components(self, images: Tensor) -> Tensor:
        """log p_FE(f_x | C) under every component: float64 (n, C)."""
        return self.mixture.component_log_densities(self.jigsaw.features(images, self.layer))

    def decoded(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """C_phi and log p_FE(f_phi | C_phi) of decoded means: int64 (n,), float64 (n,)."""
        features = self.jigsaw.features(phi, self.layer)
        chosen = self.mixture.heaviest(features)
        return chosen, self.mixture.component_log_densities(features).gather(1, chosen[:, None]).squeeze(1)


def log_fe(components: Tensor, chosen: Tensor, of_decoded: Tensor) -> Tensor:
    """Equation 3, log p_FE(f_x | f_phi) for k decoded means for each image.

    Args:
        components: (n, C), `FeatureLikelihood.components` of the images.
        chosen, of_decoded: (n, k) or (1, k), `FeatureLikelihood.decoded` of the means.
    Returns:
        float64 (n, k).
    """
    return components.gather(1, chosen.expand(len(components), -1)) + of_decoded


@torch.no_grad()
def prior_predictive(
    images: Tensor, vae: VAE, features: FeatureLikelihood | None = None, draws: int = PRIOR_DRAWS
) -> Tensor:
    """log p(x) under PR: equation 1, or with features equation 4 inside its integral.

    Args:
        images: prepared by `vae.pixels`, float (n, 1, 28, 28).
        vae: in evaluation mode.
        features: p_FE, if it is to weight p_VAE.
        draws: of z from the prior; all images share them.
    Returns:
        float (n,).
    """
    phi = torch.cat([vae.decode(z) for z in torch.split(torch.randn(draws, LATENTS), CHUNK)])
    decoded = features and [part[None] for part in features.decoded(phi)]
    values = []
    for x in torch.split(images, CHUNK):
        terms = log_density_pairs(vae.pixels, x.flatten(1), phi.flatten(1))
        if features and decoded:
            terms = terms + log_fe(features.components(x), *decoded)
        values.append(log_mean_exp(terms))
    return torch.cat(values)


@torch.no_grad()
def posterior_predictive(
    images: Tensor, vae: VAE, features: FeatureLikelihood | None = None, draws: int = POSTERIOR_DRAWS
) -> Tensor:
    """log p(x) under APO: equation 2, or with features equation 4 inside its integral.

    Arguments and result as those of `prior_predictive`; every image has `draws` of its own from q(z | x).
    """
    values = []
    for x in torch.split(images, max(1, CHUNK // draws)):
        mean, deviation = (part[:, None] for part in vae.encode(x))
        phi = vae.decode((mean + deviation * torch.randn(len(x), draws, LATENTS)).flatten(0, 1))
        terms = log_density(vae.pixels, x.flatten(1)[:, None], phi.view(len(x), draws, -1))
        if features:
            chosen, of_decoded = (part.view(len(x), draws) for part in features.decoded(phi))
            terms = terms + log_fe(features.components(x), chosen, of_decoded)
        values.append(log_mean_exp(terms))
    return torch.cat(values)


PREDICTIVE = {"PR": prior_predictive, "APO": posterior_predictive}
