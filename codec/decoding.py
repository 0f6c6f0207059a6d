"""`decode`, `decode_array` and `transcode`, which wait for torch only where a picture needs the networks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import PIL.Image

from ..bitstream.container import Stream
from ..errors import InputError
from .arguments import MAX_PIXELS
from .memory import tells_out_of_memory
from .pictures import Picture, to_array, to_image
from .pictures.writing import refuse_format, to_file
from .sources import Source
from .streams import open_stream, plain_picture, refuse_without_mode
from .views import Region, View


@tells_out_of_memory
def decode(
    source: Source,
    *,
    seed: int | None = None,
    reduce: int = 1,
    region: Region | None = None,
    partial: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """The picture of an .svc file, mode L, LA, RGB, RGBA or I;16, with its profile and metadata in `info`.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        seed: with which to draw what the tier does not code, 0 or more; None takes the model's mean instead.
        reduce: 2, 4 or 8 for the picture with its sides divided by that, rounded up, in a fraction of the time.
            Where the tier is lossless it is the exact y_1, y_2 or y_3; `preview` and `high` have y_3 exactly.
        region: left, top, width and height, in pixels, of a part of the picture: no more tiles are read and computed
            than it takes, but of pictures of 16 bits and of the paper's models, which are decoded whole. With
            `reduce`, what lies there in the smaller picture, rounded outwards.
        partial: a file that ends early will do, and a `DroppedWarning` says so: what is missing of a lossy one is the
            model's mean, a lossless one gives the finest of its levels that is whole. Nothing tells whether what is
            there is right.
        max_pixels: the most that the picture may have; None for as many as the format allows, 2^28. Pixels of a picture
            that takes less than 1/512 bit for each count eightfold.
        model: as for `Codec`; None for the one that the file names, in the package or of `register_model`. A plain
            picture needs none.
        device: as for `Codec`.

    Raises:
        InputError: the source can't be read, an argument is out of range, or Pillow has no mode for the picture: 16
            bits in colour or with alpha, for which there is `decode_array`.
        StreamError: it is no intact .svc file; TooLargeError for a picture that has more pixels than allowed, or does
            not fit in memory.
        ModelError: the model is not there, is another, or is not computed exactly on this machine.
        OutOfMemoryError: memory ran out all the same.
    """
    view = View.of(seed, reduce, region, partial)
    stream = open_stream(source, max_pixels, view.partial)
    refuse_without_mode(stream)
    return to_image(_picture(stream, view, model, device))


@tells_out_of_memory
def decode_array(
    source: Source,
    *,
    seed: int | None = None,
    reduce: int = 1,
    region: Region | None = None,
    partial: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> npt.NDArray[Any]:
    """The samples of any .svc file, channels last.

    Args:
        source: as for `decode`, as are all arguments.
        seed: likewise.
        reduce: likewise.
        region: likewise.
        partial: likewise.
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
        OutOfMemoryError: likewise.
    """
    view = View.of(seed, reduce, region, partial)
    return to_array(_picture(open_stream(source, max_pixels, view.partial), view, model, device))


@tells_out_of_memory
def transcode(
    source: Source,
    format: str,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    reduce: int = 1,
    region: Region | None = None,
    partial: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> bytes:
    """Any .svc file as a file of another format, with all that it carries and this format holds.

    A `DroppedWarning` names what the format does not hold.

    Args:
        source: as for `decode`, as are all arguments but the next two.
        format: PNG, JPEG, TIFF, WEBP, AVIF, BMP, PPM or another one that Pillow writes; PNG or TIFF for 16 bits per
            sample.
        options: of Pillow's `save` for this format.
        seed: as for `decode`.
        reduce: likewise.
        region: likewise.
        partial: likewise.
        max_pixels: likewise.
        model: likewise.
        device: likewise.

    Returns:
        The content of the file.

    Raises:
        InputError: as for `decode`, or the format does not hold the picture, or Pillow can't write it.
        StreamError: as for `decode`.
        ModelError: likewise.
        OutOfMemoryError: likewise.
    """
    view = View.of(seed, reduce, region, partial)
    stream = open_stream(source, max_pixels, view.partial)
    refuse_format(format, deep=stream.fine is not None, alpha=stream.alpha is not None)
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(name, str) for name in options)):
        raise InputError(f"options of a format are a dictionary by their names, not {options!r}")
    return to_file(_picture(stream, view, model, device), format, options or {})


def _picture(stream: Stream, view: View, model: str | os.PathLike[str] | None, device: str) -> Picture:
    if stream.plain is not None:
        return plain_picture(stream, stream.plain, view)
    from .model_files import find_model, load_named
    from .rendering import decode_stream

    loaded = load_named(stream.model_name, device) if model is None else find_model(model, device)
    return decode_stream(loaded, stream, view)
