"""The steps of a run that take long, as plain functions of which `joblib.Memory` can keep the results.

A result is found again by the arguments that are cheap to compare: settings, names, and digests that stand for images
and, with the settings, for the networks trained on them. `KEYLESS` names the others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
import torch
from torch import Tensor, nn

from .detectors import Detector
from .jigsaw import Jigsaw
from .mixture import Mixture
from .puzzles import train_jigsaw
from .vae import PixelLikelihood, train_vae

KEYLESS = {"vae": ["images"], "jigsaw": ["images"], "mixture": ["images", "net"], "scores": ["detector", "sets"]}


def vae(
    images: Tensor, digest: str, name: str, pixels: PixelLikelihood, epochs: int, perturbed: float
) -> dict[str, Tensor]:
    """The state of a VAE after `train_vae` with these arguments."""
    return last_state(train_vae(images, pixels, seed=0, epochs=epochs, perturbed=perturbed), name, epochs)


def jigsaw(images: Tensor, digest: str, name: str, pixels: PixelLikelihood, epochs: int) -> dict[str, Tensor]:
    """The state of a jigsaw classifier after appendix A's training on the prepared images."""
    return last_state(train_jigsaw(pixels.prepare(images), seed=0, epochs=epochs), name, epochs)


def last_state(training: Iterator[tuple[nn.Module, dict[str, float]]], name: str, epochs: int) -> dict[str, Tensor]:
    """Run a training, whose figures are shown at each epoch; the network's state at the end."""

    def figures(epoch: tuple[nn.Module, dict[str, float]] | None) -> str | None:
        return epoch and ", ".join(f"{figure} {value:.4g}" for figure, value in epoch[1].items())

    with click.progressbar(training, epochs, name, item_show_func=figures, **on_terminal()) as progress:
        *_, (net, _) = progress
    return net.state_dict()


def mixture(
    images: Tensor,
    net: Jigsaw,
    digest: str,
    pixels: PixelLikelihood,
    jigsaw_epochs: int,
    layer: int,
    components: int,
    fitted: int,
    added_variance: float,
) -> Mixture:
    """A mixture over the features that a layer of `net` gives to `fitted` of the images."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    chosen = pixels.prepare(images[order[:fitted]])
    return Mixture.fit(net.features(chosen, layer), components, added_variance=added_variance)


def scores(
    detector: Detector, sets: dict[str, Tensor], digest: str, settings: object, name: str, images: int | None
) -> dict[str, Tensor]:
    """A detector's scores of several sets of images, float64 (n,) each; all draw the same random numbers.

    Args:
        digest: of all the images of the run.
        settings: of the run.
        name: tells the detector from all others of these settings.
        images: how many of each set there are at most; all without.
    """
    values = {}
    with click.progressbar(sets.items(), label=name, **on_terminal()) as progress:
        for key, part in progress:
            torch.manual_seed(0)
            values[key] = detector.score(part).double()
    return values


def on_terminal() -> dict[str, Any]:
    """Options of progress bars: on standard error, and only for someone who looks on."""
    return {"file": sys.stderr, "hidden": not sys.stderr.isatty()}
