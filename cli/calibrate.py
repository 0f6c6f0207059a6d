"""`svcodec gate`."""

from __future__ import annotations

from pathlib import Path

import click

from ..distributed import Result, Task
from .batch import Batch
from .finding import find, picture_suffixes
from .options import device_option, model_option, overwrite_option
from .terminal import echo, read, refuse_existing, shown, write


@click.group()
def gate() -> None:
    """The judge of whether a picture is a photo, which `encode --gate` and `check` ask."""


@gate.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False))
@click.option("-o", "--output", metavar="FILE", required=True, help="The calibration, for --calibration.")
@overwrite_option
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Share of the photos to be flagged.",
)
@model_option
@device_option
def calibrate(folder: str, output: str, overwrite: bool, false_alarms: float, model: str | None, device: str) -> None:
    """Set the gate's threshold by the photos in FOLDER, of which it will flag the share asked for.

    All pictures in the folder have to be photos; a share of 1% takes 100 of them, and is rough with fewer than 1000.
    """
    from .. import Codec

    batch = Batch("scored")
    found = find([folder], picture_suffixes(), batch)
    models = [model, str(Path(model).with_stem(f"{Path(model).stem}-gate"))] if model else []
    refuse_existing(output, overwrite, [*models, *(file.path for file in found)])
    codec = Codec(model, device=device)
    codec.gate  # noqa: B018 - what is wrong with it is said once
    scores = []

    def score(task: Task) -> Result:
        scores.append(codec.assess(read(task.source)).score)
        return Result()

    batch.run(score, [Task(file.path) for file in found])
    calibration = codec.calibrate(scores, false_alarms=false_alarms, photos=f"the photos in {shown(folder)}")
    write(output, calibration.to_json().encode(), overwrite=overwrite)
    echo(f"threshold {calibration.threshold:.3f} from {calibration.pictures} photos", err=True)
    batch.finish()
