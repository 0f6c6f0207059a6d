"""`svcodec check`."""

from __future__ import annotations

from typing import Any

import click

from .batch import Batch
from .finding import find, picture_suffixes
from .options import calibration_option, device_option, json_option, max_pixels_option, model_option
from .terminal import read, shown_input


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@max_pixels_option
@calibration_option
@model_option
@device_option
@json_option
def check(
    sources: tuple[str, ...], calibration: str | None, model: str | None, device: str, as_json: bool, **options: Any
) -> None:
    """Say whether pictures are photos, without encoding them.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Exits with 1 if a
    picture does not look like a photo, or can't be read.
    """
    from .. import Codec

    codec = Codec(model, device=device, calibration=calibration)
    codec.gate  # noqa: B018 - what is wrong with it is said once
    given = {name: value for name, value in options.items() if value}
    batch = Batch("checked", as_json=as_json)
    for source in find(sources, picture_suffixes(), batch):
        with batch.file(source.path) as result:
            found = codec.assess(read(source.path), **given)
            batch.accepted = batch.accepted and found.accepted
            result.text = f"{shown_input(source.path)}: {found}"
            result.fields = found.as_dict()
    batch.finish()
