"""The codec: pictures to .svc streams and back."""

from __future__ import annotations

import os
from typing import Any

import PIL.Image

from ..bitstream import Colour, Stack, Stream, pack, unpack
from ..errors import ModelError
from . import coder
from .model import exact_arithmetic, load_model
from .pictures import Picture, decode_alpha, encode_alpha, read_picture, to_image
from .tiers import SPECS, checked_quality, spec_of


class Codec:
    """Encoder and decoder with one model, reusable and stateless between calls.

    Args:
        model: name of a model in the package, or path of a .safetensors file; None for the default one.
        device: where networks run: "cpu", or a GPU such as "cuda".
    Raises:
        ModelError: there is no such model, or this machine does not compute it exactly.
    """

    def __init__(self, model: str | os.PathLike[str] | None = None, device: str = "cpu"):
        self.model = load_model(model if model is None else os.fspath(model), device)

    def encode(self, image: Any, tier: str = "standard", quality: int | None = None) -> bytes:
        """A picture as the bytes of an .svc file.

        Args:
            image: whatever `read_picture` takes: a path, a file, a Pillow image, a uint8 array or tensor.
            tier: sketch, preview, standard, high or lossless.
            quality: 1..100 for sketch, standard and high; None for the tier's default.
        Raises:
            InputError: the picture, the tier or the quality can't be coded.
        """
        spec = spec_of(tier)
        quality = checked_quality(spec, quality)
        picture = read_picture(image)
        with exact_arithmetic():
            stack, account = coder.encode(self.model, spec, quality, picture.pixels)
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
        size = (stream.height, stream.width)
        grey = stream.colour is Colour.GREY
        alpha = None if stream.alpha is None else decode_alpha(stream.alpha, stream.width, stream.height)
        stack = Stack.from_bytes(stream.codes, self.model.residuals)
        with exact_arithmetic():
            pixels = coder.decode(self.model, SPECS[stream.tier], stream.quality, stack, size, grey, sample)
        return to_image(Picture(pixels, alpha, stream.icc, stream.exif, stream.xmp))


def encode(
    image: Any,
    tier: str = "standard",
    quality: int | None = None,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> bytes:
    """`Codec(model, device).encode(image, tier, quality)`."""
    return Codec(model, device).encode(image, tier, quality)


def decode(
    data: bytes,
    sample: int | None = None,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """`Codec(model, device).decode(data, sample)`; the model defaults to the one that the file names."""
    return Codec(model or unpack(data).model_name, device).decode(data, sample)
