"""Training of the gate of a model: `python -m svcodec.training.gate_fitting SOURCE... -o NAME-gate.safetensors`.

The jigsaw classifier learns from crops of the training photos, mixtures are fitted to what the model finds in them, and
the threshold is set by photos that were held out. Needs scikit-learn; takes minutes on one core.
"""

import argparse
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..arrays import Pixels
from ..codec.model import Model
from ..codec.model_files import load_model
from ..gate.assessment import Calibration
from ..gate.feature_likelihood import FeatureLikelihood
from ..gate.gate import Gate, hash_of, measure_picture, save_gate
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


def learn_features(photos: Photos, rng: np.random.Generator) -> FeatureLikelihood:
    """Train the jigsaw classifier on crops of the training photos, and fit the mixture of their features."""
    crops = torch.cat([thumbnails(photos.batch(200, TILE, rng)) for _ in range(CROPS // 200)])
    epochs = train_jigsaw(crops, replace(PHOTOS, epochs=EPOCHS), SEED)
    *_, (net, figures) = progress(epochs, EPOCHS, "Jigsaw puzzles")
    click.echo(f"puzzles solved: {figures['accuracy']:.1%} (by chance 1%)", err=True)
    jigsaw = net.requires_grad_(False).half().float()  # as it will be stored
    mixture = Mixture.fit(jigsaw.features(crops, LAYER), FEATURE_COMPONENTS)
    return FeatureLikelihood(jigsaw, mixture, LAYER)


def fit(photos: Photos, model: Model) -> Typicality:
    """Learn features, and fit the mixture to FITTED training photos in versions of `vary`."""
    rng = np.random.default_rng(SEED)
    of_features = learn_features(photos, rng)
    chosen = rng.permutation(len(photos.training))[:FITTED]
    varied = (vary(photos.training[index], rng) for index in chosen)
    values = [
        measure_picture(of_features, model, pixels) for pixels in progress(varied, len(chosen), "Photos to fit to")
    ]
    return Typicality.fit(of_features, torch.cat(values))


def progress(steps: Iterable[T], length: int, label: str) -> Iterator[T]:
    with click.progressbar(steps, length, label, file=sys.stderr, update_min_steps=max(1, length // 20)) as bar:
        yield from bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, help="the model's training photos: folders, or zip archives")
    parser.add_argument("--model", help="name, or path of a .safetensors file; by default the built-in one")
    parser.add_argument("-o", "--output", type=Path, required=True, help="NAME-gate.safetensors beside the model")
    args = parser.parse_args()
    model = load_model(args.model)
    photos = Photos(args.sources, TILE)
    tensors = fit(photos, model).to_tensors()
    typicality = Typicality.from_tensors(tensors)  # rounded as it will be stored
    gate = Gate(typicality, hash_of(tensors), Calibration(hash_of(tensors), 0.0, 0.0, "", 0, ()))
    pictures = held_out_versions(photos.held_out, np.random.default_rng(SEED))
    count = VERSIONS * len(photos.held_out)
    scores = [gate.assess(model, pixels).score for pixels in progress(pictures, count, "Held-out photos")]
    about = f"{len(photos.held_out)} held-out photos, each as it is and in {VERSIONS - 1} versions that are at random "
    about += "downscaled, softened, through a JPEG or grey"
    calibration = Calibration.of_scores(gate.hash, scores, FALSE_ALARMS, about)
    save_gate(typicality, model, calibration, args.output)
    click.echo(f"{calibration.to_json()}{args.output}: {args.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
