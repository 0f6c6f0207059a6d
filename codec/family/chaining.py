"""Several pictures in one file, on one stack: each draws its latents with the bits of those before it.

What the first tile borrows is paid once: by the picture that is coded first, which is the last one of the file, as the
first one is decoded first.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import PIL.Image

from ...arrays import Pixels
from ...bitstream.container import Colour, Stream, Tier, pack, unpack
from ...bitstream.links import Link, read_links, write_links
from ...bitstream.stack import Stack, checksum
from ...errors import CorruptError, DroppedWarning, InputError
from ..arguments import MAX_PIXELS, refuse_larger
from ..ledger import Ledger
from ..memory import DECODING, cost_of, refuse_what_does_not_fit, tells_out_of_memory
from ..model_files import family_model, find_model, load_named
from ..pictures import Picture, PictureLike, read_picture, to_image
from ..pictures.strip import stripped
from ..rendering import refuse_other_model
from ..sources import Source, prefix, read_stream
from ..streams import alpha_of, unfilled
from . import chain
from .family_model import FamilyModel
from .roads import told_of_machine


@tells_out_of_memory
def encode_chain(
    pictures: Mapping[str, PictureLike],
    *,
    model: str | os.PathLike[str],
    strip: str | None = None,
    max_pixels: int | None = MAX_PIXELS,
) -> bytes:
    """Pictures as the bytes of one .svc file, lossless, by a model of the first paper.

    Only the picture coded first pays for the bits that bits-back begins with: `inspect` says how many, as `borrowed`.
    None of them can be decoded without those that stand before it.

    Args:
        pictures: by name, a relative path with slashes; each as for `Codec.encode`, of 8 bits per sample.
        model: of the family, as for `Codec`.
        strip: as for `Codec.encode`.
        max_pixels: the most that a picture may have.

    Raises:
        InputError: a picture can't be coded, a name is none, or there are no pictures; TooLargeError for more pixels.
        ModelError: there is no such model, or it is one of photos.
        OutOfMemoryError: memory ran out.
    """
    loaded = family_model(find_model(model))
    if not isinstance(pictures, Mapping) or not pictures:
        raise InputError("a chain takes a dictionary of one picture or more, by their names")
    for name in pictures:
        Link(name, 0, b"")  # before anything is coded: whether it can be one
    read = [stripped(_read(name, image, max_pixels), strip) for name, image in pictures.items()]
    pixels = []
    for name, picture in zip(pictures, read, strict=True):
        if picture.pixels.dtype != np.uint8:
            raise InputError(f"{name}: it has 16 bits per sample, which no chain keeps: code it on its own")
        if picture.dropped:
            warnings.warn(f"{name}: not kept: {', '.join(picture.dropped)}", DroppedWarning, stacklevel=3)
        pixels.append(picture.pixels.astype(np.uint8, copy=False))
    stack, accounts = loaded.compute(lambda: chain.encode(loaded, pixels))
    streams = [_stream(loaded, picture) for picture in read]
    links = [
        Link(name, checksum(samples), pack(replace(stream, account=account)))
        for name, samples, stream, account in zip(pictures, pixels, streams, accounts, strict=True)
    ]
    bare = _stream(loaded, Picture(pixels[0]))
    return pack(replace(bare, codes=stack.to_bytes(), account=_total(accounts), chain=write_links(links)))


def _read(name: str, image: PictureLike, max_pixels: int | None) -> Picture:
    """A picture, or the error with its name, unless that has one."""
    try:
        return read_picture(image, max_pixels=max_pixels)
    except InputError as error:
        if prefix(image):
            raise
        raise type(error)(f"{name}: {error}") from error


@tells_out_of_memory
def decode_chain(
    source: Source, *, model: str | os.PathLike[str] | None = None, max_pixels: int | None = MAX_PIXELS
) -> Iterator[tuple[str, PIL.Image.Image]]:
    """The pictures that `encode_chain` put into a file, by name, one after another.

    Args:
        source: as for `decode`.
        model: as for `decode`.
        max_pixels: the most that a picture may have.

    Raises:
        InputError: the source can't be read, or is the file of one picture.
        StreamError: it is no intact .svc file; TooLargeError for a picture with more pixels.
        ModelError: the model is not there, or the file was made with another, or by a machine that computes otherwise.
    """
    stream = unpack(read_stream(source))
    if stream.chain is None:
        raise InputError("the file holds one picture, and no chain: `decode` gives it")
    loaded = family_model(load_named(stream.model_name) if model is None else find_model(model))
    refuse_other_model(stream, loaded)
    links = read_links(stream.chain)
    streams = [_checked(unpack(link.file), stream, max_pixels) for link in links]
    return _decoded(loaded, stream, links, streams)


def _decoded(
    model: FamilyModel, stream: Stream, links: list[Link], streams: list[Stream]
) -> Iterator[tuple[str, PIL.Image.Image]]:
    stack = Stack.from_bytes(stream.codes, model.stack().tables)
    for link, own in zip(links, streams, strict=True):
        with told_of_machine(model, stream):
            pixels = _popped(model, stack, own)
            if checksum(pixels) != link.checksum:
                raise CorruptError(f"the decoded picture {link.name} is not the one that was encoded")
            if link is links[-1]:
                chain.finish(stack, pixels)
        yield link.name, _image(pixels, own)


@tells_out_of_memory
def _popped(model: FamilyModel, stack: Stack, own: Stream) -> Pixels:
    return model.compute(lambda: chain.pop(model, stack, (own.height, own.width), own.colour is Colour.GREY))


@tells_out_of_memory
def _image(pixels: Pixels, own: Stream) -> PIL.Image.Image:
    return to_image(Picture(pixels, alpha_of(own), own.metadata))


def _total(accounts: Sequence[chain.Account]) -> chain.Account:
    ledger = Ledger()
    for entry in itertools.chain(*accounts):
        ledger.book(entry)
    return ledger.account()


def _stream(model: FamilyModel, picture: Picture) -> Stream:
    """A picture's, without codes."""
    return replace(unfilled(picture, Tier.LOSSLESS, model.name, model.hash), machine=model.fingerprint)


def _checked(own: Stream, stream: Stream, max_pixels: int | None) -> Stream:
    """A picture's own stream. Raises CorruptError for one that does not belong to the chain."""
    if own.codes or own.chain is not None or own.plain or own.fine is not None or own.tier is not Tier.LOSSLESS:
        raise CorruptError("a picture of the chain has codes of its own, or is of another kind")
    if (own.model_hash, own.machine) != (stream.model_hash, stream.machine):
        raise CorruptError("a picture of the chain was made with another model or by another machine")
    refuse_larger(own.width, own.height, max_pixels, len(stream.codes))
    refuse_what_does_not_fit("decoding", cost_of(DECODING, own.tier, deep=False), own.width, own.height)
    return own
