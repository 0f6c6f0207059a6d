"""`svcodec decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..distributed import Decoder
from .clusters import cluster_options
from .completion import complete_files
from .finding import STREAM_SUFFIXES
from .jobs import Way
from .options import (
    device_option,
    dry_run_option,
    jobs_option,
    json_option,
    max_pixels_option,
    overwrite_option,
    quiet_option,
    skip_option,
    sources_argument,
)
from .picture_formats import FORMATS, Format, format_of
from .recoding import Files, code, of_files

SCALES = {"1/2": 2, "1/4": 4, "1/8": 8}


@click.command()
@sources_argument
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    shell_complete=complete_files,
    help="File, folder or '-'; by default IN with the format's suffix.",
)
@overwrite_option
@skip_option
@dry_run_option
@jobs_option
@click.option(
    "--format",
    "name",
    type=click.Choice(list(FORMATS)),
    help="What to write; by default what OUT's suffix says, and png in folders and streams.",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Draw what is not in the file with this seed, instead of its expected value."
)
@click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    help="Decode at a part of the size, in a fraction of the time.",
)
@click.option(
    "--crop",
    "region",
    metavar="X,Y,W,H",
    callback=lambda context, parameter, value: value and _region(value),
    help="Decode W x H pixels from column X and row Y on, and compute no more than it takes.",
)
@click.option("--partial", is_flag=True, help="Decode what there is of a file that ends early.")
@click.option("--thumbnail", "scale", flag_value="1/8", help="The same as --scale 1/8.")
@max_pixels_option
@click.option("--model", metavar="NAME|PATH", help="Model to decode with; by default the one that each file names.")
@device_option
@cluster_options
@json_option
@quiet_option
@of_files
def decode(
    files: Files,
    name: str | None,
    seed: int | None,
    scale: str | None,
    region: tuple[int, ...] | None,
    partial: bool,
    max_pixels: int,
    model: str | None,
    device: str,
) -> None:
    """Decode .svc files to pictures.

    IN is an .svc file, a folder of them, or '-' for standard input. Pixels are written as they are, but nearly so as
    jpg and avif; 16 bits per sample as png and tiff. All that the picture carries goes with them; what the format does
    not hold is named on standard error.

    Without OUT a picture is never replaced: what is there may be the original.
    """
    if files.overwrite and files.output is None:
        raise click.UsageError("--overwrite needs -o: a picture that is there may be the original.")
    wanted = FORMATS[name or "png"]
    way = Way(
        reads=STREAM_SUFFIXES,
        writes=wanted.suffixes
        if name
        else frozenset(suffix for known in FORMATS.values() for suffix in known.suffixes),
        rename=lambda source: _named(source, wanted),
        mistaken="is a picture, not an .svc file: `svcodec encode` makes one of it",
    )
    reduce = SCALES[scale] if scale else 1
    options: dict[str, Any] = {"seed": seed, "reduce": reduce, "region": region, "partial": partial}
    options |= {"model": model, "max_pixels": max_pixels, "device": device}

    def decoder(target: str | None) -> Decoder:
        written = wanted if target is None else format_of(target, wanted)
        return Decoder(written.name, written.options, **options)

    code(decoder, files, way, "decoded", device)


def _region(text: str) -> tuple[int, ...]:
    try:
        left, top, width, height = map(int, text.split(","))
    except ValueError as error:
        raise click.BadParameter("give four whole numbers with commas between: X,Y,W,H") from error
    if min(left, top) < 0 or min(width, height) < 1:
        raise click.BadParameter("X and Y are 0 or more, W and H 1 or more")
    return left, top, width, height


def _named(source: str, wanted: Format) -> str:
    """`photo.png` for `photo.svc`, and for `photo.png.svc`, which `encode --keep-suffix` writes."""
    stem = Path(source).stem
    return stem if Path(stem).suffix.lower() in wanted.suffixes else stem + wanted.suffixes[0]
