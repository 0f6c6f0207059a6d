"""Streams as they are read, and the pictures of those that need no model. Needs no torch."""

from __future__ import annotations

import PIL.Image

from ..arrays import Pixels
from ..bitstream.container import Colour, Stream, unpack
from ..bitstream.forms import Plain
from . import plain
from .arguments import refuse_larger, whole_number
from .memory import PLAIN, refuse_what_does_not_fit
from .pictures import Picture, decode_alpha, to_image
from .sources import Source, read_stream


def open_stream(source: Source, seed: int | None, max_pixels: int | None) -> Stream:
    """The stream that `decode` is asked for.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        seed: 0 or more, or None; only checked.
        max_pixels: the most that the picture may have, or None.

    Raises:
        InputError: the source can't be read, or an argument is out of range.
        StreamError: it is no intact .svc file.
        TooLargeError: a StreamError, of a picture with more pixels.
    """
    stream = unpack(read_stream(source))
    refuse_larger(stream.width, stream.height, max_pixels, None if stream.plain else len(stream.codes))
    if seed is not None:
        whole_number("seed", seed, 0)
    return stream


def alpha_of(stream: Stream) -> Pixels | None:
    """The alpha channel, uint8 (h, w), or None. Raises CorruptError for one that can't be read."""
    return None if stream.alpha is None else decode_alpha(stream.alpha, stream.width, stream.height)


def image_of(stream: Stream, pixels: Pixels, alpha: Pixels | None) -> PIL.Image.Image:
    """Decoded pixels with all that goes with them, as `to_image` returns them."""
    return to_image(Picture(pixels, alpha, stream.metadata))


def plain_image(stream: Stream, content: Plain) -> PIL.Image.Image:
    """The picture of a stream that is plain.

    Raises:
        CorruptError: it can't be read.
        TooLargeError: it does not fit in memory.
    """
    refuse_what_does_not_fit("decoding", PLAIN, stream.width, stream.height)
    pixels = plain.decode(content, (stream.height, stream.width), stream.colour is Colour.GREY)
    return image_of(stream, pixels, alpha_of(stream))
