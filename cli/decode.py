"""`svcodec decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import MAX_PIXELS
from .files import STANDARD_STREAM, Job, device_option, plan, run, warnings_reported

# Suffix: Pillow's name of the format and how to write it, so that it holds the decoded pixels (JPEG: nearly).
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"lossless": True, "exact": True}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".ppm": ("PPM", {}),
}


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="File, folder or '-'; by default IN with the suffix .png.")
@click.option(
    "--seed", type=click.IntRange(0), help="Draw what is not in the file with this seed, instead of its expected value."
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse files of larger pictures.",
)
@click.option("--model", metavar="NAME|PATH", help="Model to decode with; by default the one that each file names.")
@device_option
def decode(
    sources: tuple[str, ...], output: str | None, seed: int | None, max_pixels: int, model: str | None, device: str
) -> None:
    """Decode .svc files to pictures.

    IN is an .svc file, a folder of them, or '-' for standard input. OUT's suffix says the format: .png, .webp
    (lossless), .jpg or .ppm; in a folder and on standard output it is PNG. ICC profile, EXIF, XMP and
    other metadata are kept where the format holds them; what it does not hold is named on standard error.
    """
    jobs = plan(sources, output, {".svc"}, ".png")
    for job in jobs:
        _format(job)
    from .. import decode as to_image
    from .. import write_picture

    def work(data: bytes, job: Job) -> bytes:
        image = to_image(data, seed=seed, max_pixels=max_pixels, model=model, device=device)
        name, options = _FORMATS[_suffix(job.target)]
        with warnings_reported(job.source):
            return write_picture(image, name, **options)

    run(jobs, work)


def _suffix(target: str) -> str:
    return ".png" if target == STANDARD_STREAM else Path(target).suffix.lower()


def _format(job: Job) -> None:
    if _suffix(job.target) not in _FORMATS:
        raise click.UsageError(f"{job.target!r}: the suffix has to be one of {', '.join(_FORMATS)}.")
