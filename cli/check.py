"""`svcodec check`."""

from __future__ import annotations

import json
import sys

import click

from .. import SvcodecError
from .files import calibration_option, device_option, expand, model_option, picture_suffixes, read, report


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per picture and line.")
@calibration_option
@model_option
@device_option
def check(sources: tuple[str, ...], as_json: bool, calibration: str | None, model: str | None, device: str) -> None:
    """Say whether pictures are photos like those that the model was trained on, without encoding them.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Exits with 1 if a
    picture does not look like a photo, or can't be read.
    """
    from .. import Codec

    codec = Codec(model, device=device, calibration=calibration)
    accepted = True
    for source, _ in (file for argument in sources for file in expand(argument, picture_suffixes())):
        try:
            found = codec.assess(read(source))
        except (SvcodecError, OSError) as error:
            report(source, error)
            accepted = False
            continue
        accepted = accepted and found.accepted
        click.echo(json.dumps({"file": source, **found.as_dict()}) if as_json else f"{source}: {found}")
    if not accepted:
        sys.exit(1)
