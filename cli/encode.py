"""`svcodec encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import GATES, STRIPS, TIERS, TUNES
from ..distributed import Encoder
from .clusters import cluster_options
from .completion import complete_files
from .finding import STREAM_SUFFIXES, picture_suffixes
from .jobs import OWN_OUTPUT, Way
from .options import (
    calibration_option,
    device_option,
    dry_run_option,
    jobs_option,
    json_option,
    max_pixels_option,
    model_option,
    overwrite_option,
    quiet_option,
    skip_option,
    sources_argument,
)
from .recoding import Files, code, of_files

AIMS = ("quality", "bytes", "bpp", "psnr", "ssimulacra2")


@click.command()
@sources_argument
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    shell_complete=complete_files,
    help="File, folder or '-'; by default IN with the suffix .svc.",
)
@overwrite_option
@skip_option
@dry_run_option
@jobs_option
@click.option("--keep-suffix", is_flag=True, help="Name outputs photo.png.svc, not photo.svc, where OUT is no file.")
@click.option("-t", "--tier", type=click.Choice(TIERS), default="standard", show_default=True, help="What is coded.")
@click.option(
    "-q", "--quality", type=click.IntRange(1, 100), help="For sketch, standard and high; by default the tier's own."
)
@click.option(
    "--bytes", metavar="N", type=click.IntRange(1), help="The best quality at which a file has at most N bytes."
)
@click.option("--bpp", metavar="X", type=float, help="The same, in bits per pixel.")
@click.option("--psnr", metavar="DB", type=float, help="The least quality at which the picture has this PSNR.")
@click.option("--ssimulacra2", metavar="S", type=float, help="The same, by SSIMULACRA 2 (pip install ssimulacra2).")
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
@click.option("--verify", is_flag=True, help="Decode each file before it is written, and compare.")
@max_pixels_option
@calibration_option
@model_option
@device_option
@cluster_options
@json_option
@quiet_option
@of_files
def encode(
    files: Files,
    keep_suffix: bool,
    gate: str,
    calibration: str | None,
    model: str | None,
    device: str,
    **options: Any,
) -> None:
    """Encode pictures as .svc files.

    IN is a picture in any format that Pillow reads, a folder of them, or '-' for standard input. Several pictures and
    folders keep their names in the folder OUT.
    """
    from .. import Codec

    chosen = [f"--{name}" for name in AIMS if options[name] is not None]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} don't go together: each says what the quality is.")
    way = Way(
        reads=picture_suffixes(),
        writes=STREAM_SUFFIXES,
        rename=lambda name: f"{name if keep_suffix else Path(name).stem}.svc",
        mistaken="is an .svc file already: `svcodec decode` makes a picture of it",
        apart=OWN_OUTPUT if keep_suffix else "--keep-suffix keeps them apart",
    )

    def encoder(target: str | None) -> Encoder:
        codec = Codec(model, device=device, calibration=calibration)
        given = {name: value for name, value in options.items() if value is not None and value is not False}
        if gate != "off":
            codec.gate  # noqa: B018 - what is wrong with it is said once
        return Encoder(codec, gate=gate, **given)

    code(encoder, files, way, "encoded", device)
