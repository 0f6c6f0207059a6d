"""What models of the family are trained for and judged by: -ELBO and importance-weighted likelihood, term by term."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .dense import initialising
from .gaussians import Noise
from .hierarchy import Hierarchy, Terms

IMPORTANCE_SAMPLES = 512  # of the paper's likelihoods (section 4.1)
AT_ONCE = 64  # draws of latents that are decoded together


def bits_per_dimension(nats: Tensor, x: Tensor) -> Tensor:
    """Minus log-probabilities of pictures in bits, for each of their sub-pixels: (b,)."""
    return -nats / (math.log(2.0) * x[0].numel())


def elbo_terms(terms: Terms, x: Tensor) -> dict[str, Tensor]:
    """Mean of every term of -ELBO in bits per dimension of x, by name; those of q negative. They add up to -ELBO."""
    signed = {**terms.p, **{name: -value for name, value in terms.q.items()}}
    return {name: bits_per_dimension(value.detach(), x).mean() for name, value in signed.items()}


def initialise(network: Hierarchy, x: Tensor) -> None:
    """Set scales and biases of all layers by a batch (Salimans & Kingma 2016); integers 0..255, float (b, 3, h, w)."""
    with initialising(network):
        network(x)


@torch.no_grad()
def log_likelihood(network: Hierarchy, x: Tensor, noise: Noise, samples: int = IMPORTANCE_SAMPLES) -> Tensor:
    """ln p(x) = ln p(x, y_1:K) of pictures by importance sampling (Burda et al. 2015), in nats: (b,).

    ln (1/S) sum over s of p(x, y, u_s, z_s) / q(u_s, z_s | x, y), with u_s, z_s from q. A lower bound in expectation,
    the tighter the more samples.

    Args:
        network: the model.
        x: integers 0..255, float (b, 3, side, side).
        noise: what draws.
        samples: S.
    """
    y = network.represent(x)
    posteriors = network.posteriors(y)
    found = []
    for b in range(len(x)):
        log_weights = []
        for start in range(0, samples, AT_ONCE):
            count = min(AT_ONCE, samples - start)
            of_picture = [picture[b : b + 1].expand(count, -1, -1, -1) for picture in y]
            repeated = [posterior.repeat(b, count) for posterior in posteriors]
            log_weights.append(network.draw_terms(of_picture, repeated, noise).elbo)
        found.append(torch.logsumexp(torch.cat(log_weights), 0) - math.log(samples))
    return torch.stack(found)
