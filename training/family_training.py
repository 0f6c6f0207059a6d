"""Training of the first paper's models, the family: objective, checkpoints, model files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..family import stored
from ..family.configuration import SIZES, Configuration, kind
from ..family.gaussians import seeded
from ..family.hierarchy import Hierarchy, build, sized
from ..family.objective import bits_per_dimension, elbo_terms, initialise
from ..files import write_whole
from .capture import Figures
from .checkpoints import load_average, read
from .datasets import ImageSet
from .loop import Objective, Pictures, train
from .optimizer import adamax
from .settings import SELFVAE_BATCH, Settings

RATE, CLIP, DECAY = 2e-3, 1.0, 0.3
PARTS = ("levels", "prior")  # of a model, which are all that it has
HELD_OUT = 128  # pictures that validation takes
INITIAL = 64  # pictures that initialise the layers


def configuration_of(name: str, side: int, size: str) -> Configuration:
    """One of the paper's models, for pictures of that many pixels a side, of a size in `SIZES`.

    Raises InputError where there is no such model or size.
    """
    if size not in SIZES:
        raise InputError(f"there is no size {size!r}: it is one of {', '.join(SIZES)}")
    return sized(kind(name, side), SIZES[size])


def elbo_loss(model: Hierarchy, images: Tensor) -> tuple[Tensor, Figures]:
    """-ELBO in bits per dimension (sections 2.1, 3.2 and 3.4), and its terms."""
    terms = model.elbo(images)
    return bits_per_dimension(terms.elbo, images).mean(), elbo_terms(terms, images)


@torch.no_grad()
def validate_elbo(model: Hierarchy, images: Tensor) -> dict[str, float | str]:
    """-ELBO in bits per dimension of held-out pictures, `score`, and its terms, with the same noise every time."""
    terms = model.elbo(images, seeded(0))
    found = {f"held out {name}": round(value.item(), 4) for name, value in elbo_terms(terms, images).items()}
    return {"score": round(float(bits_per_dimension(terms.elbo, images).mean()), 4), **found}


def family_objective(name: str) -> Objective[Hierarchy]:
    """What a model of the family is trained for.

    Args:
        name: of its checkpoint and log.
    """
    return Objective(name, PARTS, elbo_loss, validate_elbo, HELD_OUT, adamax)


def family_settings(minutes: float, seed: int = 0, batch: int = SELFVAE_BATCH, bf16: bool = False) -> Settings:
    """How a model of the family is trained, unless told otherwise."""
    return Settings(minutes, batch=batch, rate=RATE, clip=CLIP, decay=DECAY, bf16=bf16, seed=seed)


def refuse_other_images(images: ImageSet, folder: Path) -> None:
    """Raise InputError where a folder's models are of other images, which is noted there."""
    digest = hashlib.sha256()
    for part in (images.training, images.held_out, images.testing):
        digest.update(part.numpy().data)
    noted, file = f"{digest.hexdigest()}\n".encode(), folder / "images.sha256"
    if not file.exists():
        write_whole(file, noted)
    elif file.read_bytes() != noted:
        raise InputError(f"{folder} holds models of other images: name another folder")


def train_family(name: str, configuration: Configuration, pictures: Pictures, folder: Path, settings: Settings) -> Path:
    """Train a model of the family, going on from what the folder holds, and write its model file.

    All runs together take `settings.minutes`; a model that had them already is not trained any more.

    Args:
        name: of its files in the folder.
        configuration: of the model.
        pictures: of its size.
        folder: for NAME.pt, NAME.jsonl and NAME.safetensors; made where there is none.
        settings: how to train; `crop` and `spent` are not looked at.

    Returns:
        The model file.

    Raises:
        InputError: the folder's model has another configuration or no checkpoint, or the pictures have another size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, written, file = (folder / f"{name}{suffix}" for suffix in (".pt", ".json", ".safetensors"))
    known = written.read_bytes() if written.exists() else None
    if known != configuration.to_json().encode() and (known is not None or checkpoint.exists()):
        raise InputError(f"{written} is of another model: train this one under another name or into another folder")
    if file.exists() and not checkpoint.exists():
        raise InputError(f"{file} is a model that was not trained here, and would be lost: name another folder")
    torch.manual_seed(settings.seed)
    network = build(configuration)
    spent = 0.0
    if checkpoint.exists():
        spent = read(checkpoint, "minutes")["minutes"]
    else:
        write_whole(written, configuration.to_json().encode())
        initialise(network, pictures.batch(INITIAL, configuration.side, torch.device("cpu")))
    if spent < settings.minutes:
        settings = replace(settings, crop=configuration.side, spent=spent)
        train(network, family_objective(name), pictures, folder, settings)
    finished = build(configuration)
    load_average(finished, PARTS, checkpoint)
    stored.save(finished, file)  # also where a run ended before it came to this
    return file
