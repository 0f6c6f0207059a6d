"""`svcodec decode`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import MAX_PIXELS, InputError
from .files import STANDARD_STREAM, Job, device_option, plan, run

if TYPE_CHECKING:
    from PIL import Image

# Suffix: Pillow's name of the format and how to write it, so that it holds the decoded pixels (JPEG: nearly).
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"lossless": True, "exact": True}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".ppm": ("PPM", {}),
}
_OPAQUE_FORMATS = ("JPEG", "PPM")


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
    (lossless), .jpg or .ppm; in a folder and on standard output it is PNG. ICC profile, EXIF and XMP are kept, except
    in .ppm.
    """
    jobs = plan(sources, output, {".svc"}, ".png")
    for job in jobs:
        _format(job)
    from .. import decode as to_image

    def work(data: bytes, job: Job) -> bytes:
        image = to_image(data, seed=seed, max_pixels=max_pixels, model=model, device=device)
        return _to_bytes(image, job.target)

    run(jobs, work)


def _suffix(target: str) -> str:
    return ".png" if target == STANDARD_STREAM else Path(target).suffix.lower()


def _format(job: Job) -> None:
    if _suffix(job.target) not in _FORMATS:
        raise click.UsageError(f"{job.target!r}: the suffix has to be one of {', '.join(_FORMATS)}.")


def _to_bytes(image: Image.Image, target: str) -> bytes:
    name, options = _FORMATS[_suffix(target)]
    if image.has_transparency_data and name in _OPAQUE_FORMATS:
        raise InputError(f"the picture has an alpha channel, which {name} can't hold: write .png or .webp")
    stream = io.BytesIO()
    try:
        image.save(stream, name, **options, **_metadata(image, name))
    except (OSError, ValueError) as error:  # for example EXIF that is too long for a JPEG
        raise InputError(f"can't be written as {name}: {error}") from error
    return stream.getvalue()


def _metadata(image: Image.Image, name: str) -> dict[str, Any]:
    """ICC profile, EXIF and XMP as parameters of Pillow's `save`, which takes none of them from `info` unasked."""
    kept: dict[str, Any] = {key: image.info[key] for key in ("icc_profile", "exif", "xmp") if key in image.info}
    if name == "PNG" and "xmp" in kept:
        from PIL import PngImagePlugin

        kept["pnginfo"] = PngImagePlugin.PngInfo()
        kept["pnginfo"].add_itxt("XML:com.adobe.xmp", kept.pop("xmp"))
    return kept
