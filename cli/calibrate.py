"""`svcodec gate`."""

from __future__ import annotations

import sys

import click

from .files import device_option, expand, model_option, picture_suffixes, read, write


@click.group()
def gate() -> None:
    """The judge of whether a picture is a photo, which `encode --gate` and `check` ask."""


@gate.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False))
@click.option("-o", "--output", metavar="FILE", required=True, help="The calibration, for --calibration.")
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Share of the photos to be flagged.",
)
@model_option
@device_option
def calibrate(folder: str, output: str, false_alarms: float, model: str | None, device: str) -> None:
    """Set the gate's threshold by the photos in FOLDER, of which it will flag the share asked for.

    All pictures in the folder have to be photos; a share of 1% takes 100 of them, and is rough with fewer than 1000.
    """
    from .. import Codec

    codec = Codec(model, device=device)
    files = expand(folder, picture_suffixes())
    with click.progressbar(files, label="Scoring", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        scores = [codec.assess(read(source)).score for source, _ in bar]
    calibration = codec.calibrate(scores, false_alarms=false_alarms, photos=f"the photos in {folder}")
    write(output, calibration.to_json().encode())
    click.echo(f"threshold {calibration.threshold:.3f} nats per dimension from {calibration.pictures} photos", err=True)
