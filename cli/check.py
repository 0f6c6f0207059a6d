"""`svcodec check`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ..distributed import Result, Task
from .batch import Batch
from .finding import find, picture_suffixes
from .options import (
    calibration_option,
    device_option,
    jobs_option,
    json_option,
    max_pixels_option,
    model_option,
    sources_argument,
)
from .terminal import read, shown_input

if TYPE_CHECKING:
    from .. import Codec


@click.command()
@sources_argument
@jobs_option
@max_pixels_option
@calibration_option
@model_option
@device_option
@json_option
def check(
    sources: tuple[str, ...],
    processes: int,
    max_pixels: int,
    calibration: str | None,
    model: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Say whether pictures are photos, without encoding them.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Exits with 1 if a
    picture does not look like a photo, or can't be read.
    """
    from .. import Codec

    codec = Codec(model, device=device, calibration=calibration)
    codec.gate  # noqa: B018 - what is wrong with it is said once
    batch = Batch("checked", as_json=as_json)
    tasks = [Task(file.path) for file in find(sources, picture_suffixes(), batch)]
    batch.run(partial(_check, codec, max_pixels), tasks, processes)
    batch.finish()


def _check(codec: Codec, max_pixels: int, task: Task) -> Result:
    found = codec.assess(read(task.source), max_pixels=max_pixels)
    return Result(f"{shown_input(task.source)}: {found}", found.as_dict())
