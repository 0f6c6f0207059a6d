"""Training of the gate of a model.

The jigsaw classifier learns from crops of the training photos, mixtures are fitted to what the model finds in them, and
the threshold is set by photos that were held out. Needs scikit-learn; takes minutes on one core.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..arrays import Pixels
from ..errors import InputError
from ..gate.assessment import Calibration
from ..gate.feature_likelihood import FeatureLikelihood
from ..gate.gate import CodingModel, Gate, hash_of, measure_picture, scores
from ..gate.mixture import Mixture
from ..gate.statistics import TILE
from ..gate.typicality import FEATURE_COMPONENTS, LAYER, Typicality, thumbnails
from .photos import FILTERS, Photos, soften, to_image, to_photo
from .puzzles import PHOTOS, train_jigsaw

CROPS = 8000  # that the classifier learns from
EPOCHS = 80  # over them
FITTED = 600  # photos that the mixtures are fitted to
VERSIONS = 4  # of each held-out photo
FALSE_ALARMS = 0.01
SEED = 0

T = TypeVar("T")


class Progress(Protocol):
    """Hands on the steps of something long, `length` of them, and may show how far it is."""

    def __call__(self, steps: Iterable[T], length: int, label: str) -> Iterable[T]: ...


def vary(photo: Tensor, rng: np.random.Generator) -> Pixels:
    """A photo as it might come: perhaps downscaled, softened, through a JPEG, or grey.

    Args:
        photo: uint8 (3, h, w).

    Returns:
        uint8 (h, w, 3) or (h, w).
    """
    if rng.random() < 0.5:
        factor = rng.uniform(1.0, 2.5)
        image = to_image(photo)
        size = [max(TILE // 2, round(side / factor)) for side in image.size]
        photo = to_photo(image.resize((size[0], size[1]), FILTERS[rng.integers(len(FILTERS))]))
    if rng.random() < 0.6:
        photo = soften(photo, rng)
    image = to_image(photo)
    if rng.random() < 0.4:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(60, 96)))
        image = Image.open(stream)
    if rng.random() < 0.15:
        image = image.convert("L")
    return np.array(image)


def held_out_versions(photos: Sequence[Tensor], rng: np.random.Generator) -> Iterator[Pixels]:
    """Each photo as it is and, VERSIONS - 1 times, as `vary` makes it."""
    for photo in photos:
        yield np.array(to_image(photo))
        for _ in range(VERSIONS - 1):
            yield vary(photo, rng)


def fit_gate(photos: Photos, model: CodingModel, progress: Progress) -> tuple[Gate, float]:
    """Train the gate of a model.

    Args:
        photos: those that the model was trained on, with sides of at least TILE.
        model: whose gate it is to be.
        progress: shown how far training is.

    Returns:
        the gate, and the share of the puzzles that the classifier solved in its last epoch, 0..1 (by chance 0.01).

    Raises:
        InputError: there are too few photos to set a threshold by.
    """
    count, needed = len(photos.held_out), math.ceil(1 / FALSE_ALARMS / VERSIONS)
    if count < needed:
        raise InputError(
            f"the gate takes {needed} held-out photos of {TILE} x {TILE} pixels or more: there are {count}"
        )
    rng = np.random.default_rng(SEED)
    of_features, solved = learn_features(photos, rng, progress)
    fitted = fit_values(photos, of_features, model, rng, progress)
    typicality = Typicality.from_tensors(fitted.to_tensors())  # rounded as it will be stored
    pictures = progress(
        held_out_versions(photos.held_out, np.random.default_rng(SEED)), VERSIONS * count, "Held-out photos"
    )
    found = [scores(typicality, measure_picture(typicality.of_features, model, pixels))[0] for pixels in pictures]
    about = f"{count} held-out photos, each as it is and in {VERSIONS - 1} versions that are at random "
    about += "downscaled, softened, through a JPEG or grey"
    return Gate(typicality, model, Calibration.of_scores(hash_of(typicality), found, FALSE_ALARMS, about)), solved


def learn_features(photos: Photos, rng: np.random.Generator, progress: Progress) -> tuple[FeatureLikelihood, float]:
    """Train the jigsaw classifier on crops of the training photos, and fit the mixture of their features.

    Returns p_FE and the share of the puzzles that were solved in the last epoch.
    """
    crops = torch.cat([thumbnails(photos.batch(200, TILE, rng)) for _ in range(CROPS // 200)])
    epochs = train_jigsaw(crops, replace(PHOTOS, epochs=EPOCHS), SEED)
    *_, (net, figures) = progress(epochs, EPOCHS, "Jigsaw puzzles")
    jigsaw = net.requires_grad_(False).half().float()  # as it will be stored
    mixture = Mixture.fit(jigsaw.features(crops, LAYER), FEATURE_COMPONENTS)
    return FeatureLikelihood(jigsaw, mixture, LAYER), figures["accuracy"]


def fit_values(
    photos: Photos, of_features: FeatureLikelihood, model: CodingModel, rng: np.random.Generator, progress: Progress
) -> Typicality:
    """Fit the mixture of the values to FITTED training photos in versions of `vary`."""
    chosen = rng.permutation(len(photos.training))[:FITTED]
    varied = (vary(photos.training[index], rng) for index in chosen)
    values = [
        measure_picture(of_features, model, pixels) for pixels in progress(varied, len(chosen), "Photos to fit to")
    ]
    return Typicality.fit(of_features, torch.cat(values))
