"""`svcodec decode`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import MAX_PIXELS, InputError, inspect
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
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
}
_DEEP_FORMATS = ("PNG", "TIFF")
_OPAQUE_FORMATS = ("JPEG", "PPM")
_XMP = 700  # TIFF's tag


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
    (lossless), .tif, .jpg or .ppm; in a folder and on standard output it is PNG. ICC profile, EXIF and XMP are kept,
    except in .ppm. Pictures of 16 bits per sample can be written as .png and .tif.
    """
    jobs = plan(sources, output, {".svc"}, ".png")
    for job in jobs:
        _format(job)
    from .. import decode as to_image
    from .. import decode_array

    options: dict[str, Any] = {"seed": seed, "max_pixels": max_pixels, "model": model, "device": device}

    def work(data: bytes, job: Job) -> bytes:
        if inspect(data).bits_per_sample == 8:
            return _to_bytes(to_image(data, **options), job.target)
        return _deep_to_bytes(data, lambda: decode_array(data, **options), job.target)

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


def _deep_to_bytes(data: bytes, samples_of: Callable[[], Any], target: str) -> bytes:
    """A picture of 16 bits, decoded once it is sure that the format can hold it."""
    from PIL import Image

    from .deep_output import MODES, with_samples

    name, _ = _FORMATS[_suffix(target)]
    if name not in _DEEP_FORMATS:
        raise InputError(f"the picture has 16 bits per sample, which {name} can't hold here: write .png or .tif")
    samples = samples_of()
    samples = samples.reshape(*samples.shape[:2], -1)
    pixel = Image.new(MODES[samples.shape[2]], (1, 1))
    with Image.open(io.BytesIO(data)) as file:
        pixel.info.update(file.info)
    return with_samples(_to_bytes(pixel, target), name, samples)


def _metadata(image: Image.Image, name: str) -> dict[str, Any]:
    """ICC profile, EXIF and XMP as parameters of Pillow's `save`, which takes none of them from `info` unasked."""
    kept: dict[str, Any] = {key: image.info[key] for key in ("icc_profile", "exif", "xmp") if key in image.info}
    if name == "PNG" and "xmp" in kept:
        from PIL import PngImagePlugin

        kept["pnginfo"] = PngImagePlugin.PngInfo()
        kept["pnginfo"].add_itxt("XML:com.adobe.xmp", kept.pop("xmp"))
    if name == "TIFF" and "xmp" in kept:
        from PIL import Image

        exif = Image.Exif()
        exif.load(kept.get("exif", b""))
        exif[_XMP] = kept.pop("xmp")
        kept["exif"] = exif
    return kept
