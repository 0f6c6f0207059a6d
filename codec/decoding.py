"""`decode` and `decode_array`, which wait for torch only where a picture needs the networks."""

from __future__ import annotations

import os
from typing import Any

import numpy.typing as npt
import PIL.Image

from ..bitstream.container import Stream
from .arguments import MAX_PIXELS
from .pictures import Picture, to_array, to_image
from .sources import Source
from .streams import mode_of, open_stream, plain_picture


def decode(
    source: Source,
    *,
    seed: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """The picture of an .svc file, mode L, LA, RGB, RGBA or I;16, with its profile and metadata in `info`.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        seed: with which to draw what the tier does not code, 0 or more; None takes the model's mean instead.
        max_pixels: the most that the picture may have; None for as many as the format allows, 2^28.
        model: as for `Codec`; None for the one that the file names, in the package or of `register_model`. A plain
            picture needs none.
        device: as for `Codec`.

    Raises:
        InputError: the source can't be read, an argument is out of range, or Pillow has no mode for the picture: 16
            bits in colour or with alpha, for which there is `decode_array`.
        StreamError: it is no intact .svc file; TooLargeError for a picture with more pixels than allowed.
        ModelError: the model is not there, is another, or is not computed exactly on this machine.
    """
    stream = open_stream(source, seed, max_pixels)
    mode_of(stream)
    return to_image(_picture(stream, seed, model, device))


def decode_array(
    source: Source,
    *,
    seed: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> npt.NDArray[Any]:
    """The samples of any .svc file, channels last.

    Args:
        source: as for `decode`, as are all arguments.
        seed: likewise.
        max_pixels: likewise.
        model: likewise.
        device: likewise.

    Returns:
        uint8, or uint16 where there are 16 bits per sample: (h, w) grey, (h, w, 2) grey and alpha, (h, w, 3) RGB or
        (h, w, 4) RGBA.

    Raises:
        InputError: the source can't be read, or an argument is out of range.
        StreamError: as for `decode`.
        ModelError: likewise.
    """
    return to_array(_picture(open_stream(source, seed, max_pixels), seed, model, device))


def _picture(stream: Stream, seed: int | None, model: str | os.PathLike[str] | None, device: str) -> Picture:
    if stream.plain is not None:
        return plain_picture(stream, stream.plain)
    from .codec import decode_stream
    from .model_files import find_model, load_named

    loaded = load_named(stream.model_name, device) if model is None else find_model(model, device)
    return decode_stream(loaded, stream, seed)
