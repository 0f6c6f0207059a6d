"""Streams as they are read, and the pictures of those that need no model. Needs no torch."""

from __future__ import annotations

import warnings
from dataclasses import replace

from ..arrays import Deep, Pixels, halved
from ..bitstream.codes import PARTS
from ..bitstream.container import Colour, Stream, Tier, unpack
from ..bitstream.forms import Plain
from ..bitstream.links import read_links
from ..errors import DroppedWarning, InputError, TruncatedError
from . import plain
from .arguments import refuse_larger
from .memory import PLAIN, refuse_what_does_not_fit
from .pictures import Picture, decode_alpha, encode_alpha
from .pictures.reduction import seen, seen_picture
from .sixteen import joined
from .sources import Source, prefix, read_stream
from .tiling import covering, size_of, tiles_of
from .views import View


def open_stream(source: Source, max_pixels: int | None, partial: bool = False) -> Stream:
    """The stream that `decode` is asked for.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        max_pixels: the most that the picture may have, or None.
        partial: a file that ends early will do, with a warning.

    Raises:
        InputError: the source can't be read, or an argument is out of range.
        StreamError: it is no intact .svc file.
        TooLargeError: a StreamError, of a picture with more pixels.
    """
    stream = unpack(read_stream(source), partial)
    if stream.chain is not None:
        count = len(read_links(stream.chain))
        text = f"the file holds a chain, of {count}: svcodec.decode_chain and `svcodec unchain` give them"
        raise InputError(f"{prefix(source)}{text}")
    refuse_larger(stream.width, stream.height, max_pixels, None if stream.plain else len(stream.codes))
    if stream.early:
        stream = beginning(stream)
        text = "not there, as the file ends early: details in part, and alpha and metadata, if it had any"
        warnings.warn(text, DroppedWarning, stacklevel=4)
    return stream


def unfilled(picture: Picture, tier: Tier, model_name: str, model_hash: bytes) -> Stream:
    """A picture's stream by a model, without codes, quality and account."""
    height, width = picture.pixels.shape[:2]
    return Stream(
        tier=tier,
        colour=Colour.GREY if picture.pixels.ndim == 2 else Colour.RGB,
        quality=None,
        tune=None,
        width=width,
        height=height,
        model_name=model_name,
        model_hash=model_hash,
        codes=b"",
        alpha=None if picture.alpha is None else encode_alpha(picture.alpha),
        metadata=picture.metadata,
    )


def beginning(stream: Stream) -> Stream:
    """The picture that there is in a stream that ends early: of a lossless one the finest level that is whole.

    Raises:
        TruncatedError: there is none.
    """
    if stream.plain:
        raise TruncatedError("the file ends early, and a picture written without a model has no coarser ones in it")
    if stream.fine is not None:
        raise TruncatedError("the file ends early, and the lower bits of a picture of 16 have no coarser ones in them")
    if stream.machine is not None:
        raise TruncatedError("the file ends early, and pictures by the paper's models have no coarser ones in them")
    if stream.tier is not Tier.LOSSLESS:
        return stream
    tiles, codes = len(tiles_of((stream.height, stream.width), exact=True)), stream.tiles_codes()
    levels = min(map(len, codes.parts(tiles)))
    if not levels:
        raise TruncatedError("the file ends before it gives the picture at an eighth of its size")
    return replace(stream, codes=codes.cut(tiles, levels), levels=None if levels == PARTS else levels)


def mode_of(stream: Stream) -> str:
    """Pillow's mode of the picture; that of eight bits where Pillow has none, as for colours of sixteen."""
    mode = ("L" if stream.colour is Colour.GREY else "RGB") + ("" if stream.alpha is None else "A")
    return "I;16" if stream.fine is not None and mode == "L" else mode


def least_halvings(stream: Stream) -> int:
    """How often the sides of the finest picture that it gives are halved: of a lossless one that was cut."""
    return PARTS - stream.levels if stream.levels is not None and stream.tier is Tier.LOSSLESS else 0


def refuse_without_mode(stream: Stream) -> None:
    """Raise InputError for a picture for which Pillow has no mode."""
    mode = mode_of(stream)
    if stream.fine is None or mode == "I;16":
        return
    what = "grey and alpha" if mode == "LA" else mode
    raise InputError(
        f"the picture is {what} with 16 bits per sample, for which Pillow has no mode: svcodec.decode_array "
        "returns it as an array, and `svcodec decode -o` writes it to a .png or .tif"
    )


def alpha_of(stream: Stream) -> Pixels | Deep | None:
    """The alpha channel (h, w), uint8 or uint16 as the picture, or None. Raises CorruptError if it can't be read."""
    if stream.alpha is None:
        return None
    return decode_alpha(stream.alpha, stream.width, stream.height, stream.fine is not None)


def picture_of(stream: Stream, pixels: Pixels, alpha: Pixels | Deep | None) -> Picture:
    """Decoded pixels with all that goes with them. Raises StreamError for lower bits that can't be read."""
    whole = pixels if stream.fine is None else joined(stream.fine, pixels)
    return Picture(whole, alpha, stream.metadata)


def plain_picture(stream: Stream, content: Plain, view: View) -> Picture:
    """The picture of a stream that is plain.

    Raises:
        InputError: the view reaches beyond it.
        StreamError: it can't be read; TooLargeError for one that does not fit in memory.
    """
    size, grey = (stream.height, stream.width), stream.colour is Colour.GREY
    where = view.where(size)
    if stream.fine is not None:
        refuse_what_does_not_fit("decoding", PLAIN, *reversed(size))
        picture = picture_of(stream, plain.decode(content, size, grey), alpha_of(stream))
        return seen_picture(picture, where, view.times)
    part = covering(where, view.times, size)
    refuse_what_does_not_fit("decoding", PLAIN, *reversed(size_of(part)))
    alpha = alpha_of(stream)
    return Picture(
        halved(plain.decode(content, size, grey, part), view.times),
        None if alpha is None else seen(alpha, where, view.times),
        stream.metadata,
    )
