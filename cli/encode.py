"""`svcodec encode`."""

from __future__ import annotations

import io

import click

from .. import TIERS
from .files import device_option, model_option, plan, run


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="File, folder or '-'; by default IN with the suffix .svc.")
@click.option("--tier", type=click.Choice(TIERS), default="standard", show_default=True, help="What is coded.")
@click.option(
    "--quality", type=click.IntRange(1, 100), help="For sketch, standard and high; by default the tier's own."
)
@model_option
@device_option
def encode(
    sources: tuple[str, ...], output: str | None, tier: str, quality: int | None, model: str | None, device: str
) -> None:
    """Encode pictures as .svc files.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Several pictures and
    folders keep their names in the folder OUT.
    """
    from PIL import Image

    from .. import Codec

    suffixes = {
        suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN and name != "SVC"
    }
    jobs = plan(sources, output, suffixes, ".svc")
    codec = Codec(model=model, device=device)
    run(jobs, lambda data, _: codec.encode(io.BytesIO(data), tier=tier, quality=quality))
