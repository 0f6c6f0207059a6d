"""`encode` and `assess`, by a codec for one call."""

from __future__ import annotations

import os

from ..gate.assessment import Assessment, Calibration
from .arguments import MAX_PIXELS
from .codec import Codec
from .pictures import PictureLike


def encode(
    image: PictureLike,
    *,
    tier: str = "standard",
    quality: int | None = None,
    tune: str | None = None,
    effort: int | None = None,
    bytes: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    ssimulacra2: float | None = None,
    gate: str = "off",
    verify: bool = False,
    strip: str | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> bytes:
    """A picture as the bytes of an .svc file, by a codec for this one call.

    Args:
        image: a path, a binary file object, bytes of a picture file, a Pillow image, a uint8 or uint16 array (h, w)
            or (h, w, c) with 1 to 4 channels, or such a tensor, that one also with its channels first: see
            `Codec.encode`.
        tier: sketch, preview, standard, high or lossless.
        quality: 1..100 for sketch, standard and high; None for the tier's default.
        tune: ssim or psnr for the same tiers; None for ssim.
        effort: 1..9 for lossless; None for 5.
        bytes: the most that the file may have, for sketch, standard and high, instead of a quality.
        bpp: the same in bits per pixel.
        psnr: the least that the decoded picture may have, in dB, likewise.
        ssimulacra2: the same by SSIMULACRA 2, which takes the package ssimulacra2.
        gate: off, or what to do with a picture that is no photo: warn (`OutlierWarning`) or reject.
        verify: as for `Codec.encode`.
        strip: as for `Codec.encode`.
        max_pixels: as for `Codec.encode`.
        model: as for `Codec`.
        device: as for `Codec`.
        calibration: as for `Codec`.

    Raises:
        InputError: the picture or an argument can't be coded; RejectedError where the gate rejects it, TooLargeError
            for more pixels or where the picture does not fit in memory.
        ModelError: the model is not there, or is not computed exactly on this machine, or the gate can't be used.
        OutOfMemoryError: memory ran out all the same.
        MissingPackageError: ssimulacra2 is not installed.
    """
    codec = Codec(model, device=device, calibration=calibration)
    return codec.encode(
        image,
        tier=tier,
        quality=quality,
        tune=tune,
        effort=effort,
        bytes=bytes,
        bpp=bpp,
        psnr=psnr,
        ssimulacra2=ssimulacra2,
        gate=gate,
        verify=verify,
        strip=strip,
        max_pixels=max_pixels,
    )


def assess(
    image: PictureLike,
    *,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> Assessment:
    """Whether a picture is a photo.

    Args:
        image: as for `encode`.
        max_pixels: as for `encode`.
        model: as for `Codec`.
        device: as for `Codec`.
        calibration: as for `Codec`.

    Raises:
        InputError: the picture can't be coded; TooLargeError for one with more pixels.
        ModelError: the model is not there, or is not computed exactly on this machine, or the gate can't be used.
        OutOfMemoryError: memory ran out.
    """
    return Codec(model, device=device, calibration=calibration).assess(image, max_pixels=max_pixels)
