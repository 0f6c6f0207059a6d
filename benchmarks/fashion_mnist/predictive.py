"""Predictive likelihoods of images: p_VAE and p_FEVAE of Poklukar et al., equations 1, 2 and 4.

All are in nats per image. Random numbers come from torch's global generator.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from .feature_likelihood import FeatureLikelihood, log_fe
from .vae import LATENTS, VAE, log_density, log_density_pairs

Scheme = Literal["PR", "APO"]  # prior predictive, approximate posterior predictive
PRIOR_DRAWS = 2000  # of z, shared by all images
POSTERIOR_DRAWS = 10  # of z, for each image
CHUNK = 500  # images, or decoded draws, that are worked on at a time


def log_mean_exp(terms: Tensor) -> Tensor:
    """log of the mean of exp over the last axis: (...) of (..., k)."""
    return terms.logsumexp(-1) - math.log(terms.shape[-1])


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
