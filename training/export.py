"""From checkpoints to a model file.

Calibrates on photos the networks that were not trained on grids, rounds all weights to their grids, proves the bound of
every output channel, and measures what the rounding cost on the held-out photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..codec.model_files import name_of, save_model
from ..errors import InputError, ModelError
from ..models import integers
from ..models.exact import ExactnessError
from ..models.photo import PhotoNetwork
from .checkpoints import load_average
from .loop import VALIDATION_PHOTOS
from .objectives import OBJECTIVES
from .photos import Photos, central_crop
from .recipe import check_crop
from .weights import load_weights

CALIBRATION_PHOTOS = 16


def export_run(
    run: Path,
    sources: Sequence[Path],
    output: Path,
    start: Path | None = None,
    crop: int = 256,
    *,
    overwrite: bool = False,
) -> dict[str, dict[str, Any]]:
    """Write the model file of a training.

    Args:
        run: folder that the training wrote.
        sources: the photos it was trained on.
        output: the .safetensors file.
        start: the model file that training started from, if it did; what was not trained since is taken from there.
        crop: side of the crops to calibrate on, in pixels.
        overwrite: whether a file that is there is replaced.

    Returns:
        of each part, validation figures of the networks as they were trained, `floats`, and as written, `integers`.

    Raises:
        InputError: a checkpoint is missing, or there are too few photos.
        ModelError: `start` can't be loaded, the networks can't be computed exactly, or no stream could name the output.
        OSError: the output can't be written; FileExistsError where a file is not to be replaced.
    """
    check_crop(crop)
    name_of(output)
    checkpoints = [run / f"{part}.pt" for part in OBJECTIVES]
    if start and not (checkpoints := [path for path in checkpoints if path.exists()]):
        raise InputError(f"there are no checkpoints in {run}")
    model = PhotoNetwork().requires_grad_(False).eval()
    if start:
        load_weights(model, start)
    for path in checkpoints:
        load_average(model, OBJECTIVES[path.stem].parts, path)
    photos = Photos(sources, smallest=crop)
    every = max(1, len(photos.training) // CALIBRATION_PHOTOS)
    calibration = torch.stack([central_crop(photo, crop) for photo in photos.training[::every]]).float()
    held_out = photos.validation(VALIDATION_PHOTOS)
    floats = {part: objective.validate(model, held_out) for part, objective in OBJECTIVES.items()}
    integers.calibrate(model, calibration)
    integers.observe(model, calibration)
    try:
        integers.snap(model)
        save_model(model, output, overwrite=overwrite)
    except ExactnessError as error:
        raise ModelError(f"{run} can't be exported: {error}") from error
    return {
        part: {"floats": floats[part], "integers": objective.validate(model, held_out)}
        for part, objective in OBJECTIVES.items()
    }
