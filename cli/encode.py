"""`svcodec encode`."""

from __future__ import annotations

import click

from .. import GATES, STRIPS, TIERS, TUNES, ModelError
from .files import (
    Job,
    calibration_option,
    device_option,
    model_option,
    picture_suffixes,
    plan,
    run,
    warnings_reported,
)


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="File, folder or '-'; by default IN with the suffix .svc.")
@click.option("--tier", type=click.Choice(TIERS), default="standard", show_default=True, help="What is coded.")
@click.option(
    "--quality", type=click.IntRange(1, 100), help="For sketch, standard and high; by default the tier's own."
)
@click.option(
    "--tune",
    type=click.Choice(TUNES),
    help="For the same tiers: psnr for the least squared error, ssim for the eye; by default ssim.",
)
@click.option(
    "--effort", type=click.IntRange(1, 9), help="For lossless: from 1, the fastest, to 9, the smallest; by default 5."
)
@click.option(
    "--gate",
    type=click.Choice(GATES),
    default="warn",
    show_default=True,
    help="What to do with a picture that is no photo like those that the model was trained on.",
)
@click.option(
    "--strip",
    type=click.Choice(STRIPS),
    help="Leave out GPS positions, or all metadata but ICC profile and orientation.",
)
@calibration_option
@model_option
@device_option
def encode(
    sources: tuple[str, ...],
    output: str | None,
    tier: str,
    quality: int | None,
    tune: str | None,
    effort: int | None,
    gate: str,
    strip: str | None,
    calibration: str | None,
    model: str | None,
    device: str,
) -> None:
    """Encode pictures as .svc files.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Several pictures and
    folders keep their names in the folder OUT.

    A model without a gate codes unchecked, and says so, unless --gate is reject.
    """
    from .. import Codec

    jobs = plan(sources, output, picture_suffixes(), ".svc")
    codec = Codec(model, device=device, calibration=calibration)
    if gate == "warn" and calibration is None:
        try:
            codec.gate  # noqa: B018
        except ModelError as error:
            click.echo(f"svcodec: {error}; the pictures are not checked", err=True)
            gate = "off"

    def work(data: bytes, job: Job) -> bytes:
        with warnings_reported(job.source):
            return codec.encode(data, tier=tier, quality=quality, tune=tune, effort=effort, gate=gate, strip=strip)

    run(jobs, work)
