"""The codec: pictures to .svc streams and back."""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import PIL.Image

from ..bitstream.container import Colour, Stream, Verdict, pack, unpack
from ..bitstream.stack import Stack
from ..errors import InputError, ModelError, OutlierWarning, RejectedError
from ..gate.assessment import GATES, Assessment, Calibration
from ..gate.gate import Gate
from ..models.exact import exact_arithmetic
from . import lossless, lossy
from .gates import load_gate
from .model import load_model
from .pictures import Picture, decode_alpha, encode_alpha, read_picture, to_image
from .tiers import SPECS, checked_quality, spec_of

ADVICE = "store it as a PNG or lossless WebP, or code it all the same with the gate set to warn"


class Codec:
    """Encoder and decoder with one model, reusable and stateless between calls.

    Args:
        model: name of a model in the package, or path of a .safetensors file; None for the default one.
        device: where networks run: "cpu", or a GPU such as "cuda".
        calibration: path of a file of `svcodec gate calibrate`; None for the threshold that comes with the model.
    Raises:
        ModelError: there is no such model, or this machine does not compute it exactly.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        calibration: str | os.PathLike[str] | None = None,
    ):
        self._name = None if model is None else os.fspath(model)
        self._calibration = calibration
        self.model = load_model(self._name, device)

    @cached_property
    def gate(self) -> Gate:
        """What `assess` asks, loaded when it is first used.

        Raises:
            ModelError: the model has no gate, or the gate or the calibration belongs to other weights.
            InputError: the calibration can't be opened.
        """
        gate = load_gate(self._name, self.model)
        if self._calibration is None:
            return gate
        try:
            text = Path(self._calibration).read_text()
        except OSError as error:
            raise InputError(f"{os.fspath(self._calibration)}: {error.strerror}") from error
        return gate.calibrated(Calibration.from_json(text))

    def assess(self, image: Any) -> Assessment:
        """Whether a picture is a photo like those that the model was trained on.

        Args:
            image: as for `encode`.
        Raises:
            InputError: the picture can't be coded.
            ModelError: as for `gate`.
        """
        return self.gate.assess(read_picture(image).pixels)

    def encode(self, image: Any, tier: str = "standard", quality: int | None = None, gate: str = "off") -> bytes:
        """A picture as the bytes of an .svc file.

        Args:
            image: whatever `read_picture` takes: a path, a file, a Pillow image, a uint8 array or tensor.
            tier: sketch, preview, standard, high or lossless.
            quality: 1..100 for sketch, standard and high; None for the tier's default.
            gate: off, or what to do with a picture that `assess` does not accept: warn (`OutlierWarning`) or reject.
        Raises:
            InputError: the picture, the tier or the quality can't be coded.
            RejectedError: an InputError, the gate's.
            ModelError: as for `gate`, unless that is off.
        """
        if gate not in GATES:
            raise InputError(f"there is no gate {gate!r}: it is one of {', '.join(GATES)}")
        spec = spec_of(tier)
        quality = checked_quality(spec, quality)
        picture = read_picture(image)
        assessment = None if gate == "off" else self.gate.assess(picture.pixels)
        if assessment and not assessment.accepted:
            if gate == "reject":
                raise RejectedError(f"{assessment}: {ADVICE}", assessment)
            warnings.warn(str(assessment), OutlierWarning, stacklevel=2)
        stack = Stack(self.model.residuals)
        with exact_arithmetic():
            if spec.exact:
                account = lossless.encode(self.model, stack, picture.pixels)
            else:
                account = lossy.encode(self.model, stack, spec, quality, picture.pixels)
        height, width = picture.pixels.shape[:2]
        return pack(
            Stream(
                tier=spec.tier,
                colour=Colour.GREY if picture.pixels.ndim == 2 else Colour.RGB,
                quality=quality,
                width=width,
                height=height,
                model_name=self.model.name,
                model_hash=self.model.hash,
                codes=stack.to_bytes(),
                account=account,
                alpha=None if picture.alpha is None else encode_alpha(picture.alpha),
                icc=picture.icc,
                exif=picture.exif,
                xmp=picture.xmp,
                verdict=None if assessment is None else _verdict(assessment),
            )
        )

    def decode(self, data: bytes, sample: int | None = None) -> PIL.Image.Image:
        """The picture of an .svc file, mode L, LA, RGB or RGBA, with its profile and metadata in `info`.

        Args:
            data: the whole file.
            sample: seed with which to draw what the tier does not code, instead of taking the model's mean.
        Raises:
            StreamError: the data is no intact .svc file.
            ModelError: it was made with another model.
        """
        stream = unpack(data)
        if (stream.model_name, stream.model_hash) != (self.model.name, self.model.hash):
            raise ModelError(
                f"the file was made with model {stream.model_name} ({stream.model_hash.hex()}), "
                f"not with {self.model.name} ({self.model.hash.hex()})"
            )
        spec, size = SPECS[stream.tier], (stream.height, stream.width)
        grey = stream.colour is Colour.GREY
        alpha = None if stream.alpha is None else decode_alpha(stream.alpha, stream.width, stream.height)
        stack = Stack.from_bytes(stream.codes, self.model.residuals)
        with exact_arithmetic():
            if spec.exact:
                pixels = lossless.decode(self.model, stack, size, grey)
            else:
                pixels = lossy.decode(self.model, stack, spec, stream.quality, size, grey, sample)
        return to_image(Picture(pixels, alpha, stream.icc, stream.exif, stream.xmp))


def _verdict(assessment: Assessment) -> Verdict:
    return Verdict(round(1000 * assessment.score), round(1000 * assessment.threshold))


def encode(
    image: Any,
    tier: str = "standard",
    quality: int | None = None,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    gate: str = "off",
    calibration: str | os.PathLike[str] | None = None,
) -> bytes:
    """`Codec(model, device, calibration).encode(image, tier, quality, gate)`."""
    return Codec(model, device, calibration).encode(image, tier, quality, gate)


def assess(
    image: Any,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    calibration: str | os.PathLike[str] | None = None,
) -> Assessment:
    """`Codec(model, device, calibration).assess(image)`."""
    return Codec(model, device, calibration).assess(image)


def decode(
    data: bytes,
    sample: int | None = None,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """`Codec(model, device).decode(data, sample)`; the model defaults to the one that the file names."""
    return Codec(model or unpack(data).model_name, device).decode(data, sample)
