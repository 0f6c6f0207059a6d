"""What is measured of a trained model, and the parts of the figures that show it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...family.gaussians import seeded
from ...family.generation import MODES, complete, edit, from_posteriors, generate, interpolate, kept, reconstruct
from ...family.hierarchy import Hierarchy, latent_name, level_name
from ...family.objective import bits_per_dimension, elbo_terms, log_likelihood
from ...training.datasets import ImageSet
from .feature_distance import Features, distance
from .plan import Plan

AT_ONCE = 50
EXACT = "exact"  # the mode that gives x itself


@dataclass(frozen=True)
class Rows:
    """Rows of pictures for the figures, integers 0..255, (n, 3, side, side) each, by their titles."""

    generations: dict[str, Tensor]
    reconstructions: dict[str, Tensor]
    edits: dict[str, Tensor]


@torch.inference_mode()
def measure(network: Hierarchy, images: ImageSet, plan: Plan, features: Features) -> dict[str, Any]:
    """Figures of a model on test images, as JSON takes them.

    Returns:
        those of `likelihoods` and `rates`; `errors`, the root of the mean squared error of each mode's pictures;
        `distance`, of features.
    """
    likely = likelihoods(network, images, plan)
    weighed = images.testing[: plan.weighed].to(device_of(network)).float()
    count = min(plan.generated, len(images.testing))
    real = images.testing[:count]
    drawn = [generate(network, len(part), plan.seed + i).cpu() for i, part in enumerate(torch.split(real, AT_ONCE))]
    return {
        **likely,
        "rates": {**rates(network, images, plan), EXACT: round(sum(likely["terms"].values()) / 8, 4)},
        "errors": {mode: _error(network, weighed, mode, plan.seed) for mode in _modes(network)},
        "distance": round(distance(features, torch.cat(drawn), real), 3),
        "pictures": {
            "tested": len(images.testing[: plan.tested]),
            "weighed": len(weighed),
            "generated": count,
        },
    }


@torch.inference_mode()
def likelihoods(network: Hierarchy, images: ImageSet, plan: Plan) -> dict[str, Any]:
    """Bits per dimension of test images.

    Returns:
        `elbo`, their mean by the ELBO; `likelihood`, the same less what importance sampling gains on the images that
        are weighed, which tells more than a mean over so few; both with standard errors; and the ELBO's `terms`.
    """
    x = images.testing[: plan.tested].to(device_of(network))
    noise = seeded(plan.seed)
    parts, terms = [], []
    for part in torch.split(x, AT_ONCE):
        found = network.elbo(part.float(), noise)
        parts.append(bits_per_dimension(found.elbo, part))
        terms.append({name: value.item() * len(part) for name, value in elbo_terms(found, part).items()})
    elbo = torch.cat(parts)
    weighed = x[: plan.weighed].float()
    likelihood = log_likelihood(network, weighed, noise, plan.importance_samples)
    (mean, error), (gain, of_gain) = map(
        _with_error, (elbo, elbo[: len(weighed)] - bits_per_dimension(likelihood, weighed))
    )
    return {
        "elbo": [round(mean, 4), round(error, 4)],
        "likelihood": [round(mean - gain, 4), round(math.hypot(error, of_gain), 4)],
        "terms": {name: round(sum(each[name] for each in terms) / len(x), 4) for name in terms[0]},
    }


@torch.inference_mode()
def rates(network: Hierarchy, images: ImageSet, plan: Plan) -> dict[str, float]:
    """What each mode of section 3.3 takes from a picture, in shares of x's eight bits per sub-pixel.

    A latent tells ln q - ln p, a level -ln p, given the variables above it as a decoder has them: those that are kept,
    draws of other latents and means of other levels, as in the figures.
    """
    x = images.testing[: plan.tested].to(device_of(network))
    depth, totals = network.depth, dict.fromkeys(_modes(network), 0.0)
    noises = {mode: seeded(plan.seed) for mode in totals}
    for part in torch.split(x.float(), AT_ONCE):
        pictures = network.represent(part)
        posteriors = network.posteriors(pictures)
        for mode, noise in noises.items():
            own, names = from_posteriors(network, pictures, posteriors, noise), kept(network, mode)
            found = complete(network, {name: own[name] for name in names}, len(part), noise, mean=True)
            y = [found[level_name(k)] for k in range(depth + 1)]
            z = [found[latent_name(k + 1, depth)] for k in range(depth + 1)]
            terms = elbo_terms(network.terms(y, z, posteriors), part)
            # "p(z_1 | y_1, u)" is of z_1
            bits = sum(float(value) for term, value in terms.items() if term[2:-1].split(" | ")[0] in names)
            totals[mode] += bits * len(part)
    return {mode: round(total / len(x) / 8, 4) for mode, total in totals.items()}


def rows(network: Hierarchy, images: ImageSet, plan: Plan, rates: dict[str, float]) -> Rows:
    """Figures 4 and 5 (generations), 6 (reconstructions with what they take) and 12 (interpolations and edits)."""
    x = images.testing[: plan.shown].to(device_of(network)).float()
    reconstructions = {"original": x}
    for mode in _modes(network):
        reconstructions[f"{mode}, {rates[mode]:.1%}"] = reconstruct(network, x, mode, plan.seed, mean=True)
    edits = {"interpolation": interpolate(network, x[:2], plan.shown, plan.seed)}
    depth = network.depth
    for k in range(1, depth + 2):
        name = latent_name(k, depth)
        edits[f"{name} anew"] = edit(network, x[:1], [name], plan.shown, plan.seed, mean=True)
    return Rows({"generations": generate(network, plan.shown, plan.seed)}, reconstructions, edits)


def device_of(network: Hierarchy) -> torch.device:
    """Where a network is."""
    return next(network.parameters()).device


def _modes(network: Hierarchy) -> list[str]:
    """Those that start from a picture, and that the model has."""
    return [mode for mode, names in MODES.items() if names and (network.depth or set(names) == {"u"})]


def _error(network: Hierarchy, x: Tensor, mode: str, seed: int) -> float:
    parts = [reconstruct(network, part, mode, seed, mean=True) - part for part in torch.split(x, AT_ONCE)]
    return round(math.sqrt(float(torch.cat(parts).square().mean())), 3)


def _with_error(values: Tensor) -> tuple[float, float]:
    """Mean and standard error; none of one value."""
    return float(values.mean()), float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else 0.0
