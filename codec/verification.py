"""Streams decoded and compared before anyone relies on them."""

from __future__ import annotations

from collections.abc import Callable

import PIL.Image

from ..errors import ModelError, StreamError
from .pictures import Picture, to_image


def check_given_back(decode: Callable[[], PIL.Image.Image], picture: Picture, exact: bool) -> None:
    """Raise ModelError unless a stream decodes to what was meant.

    Args:
        decode: what gives the stream's picture.
        picture: that was encoded.
        exact: its pixels are to come back; those of others have their checksum in the stream, as the encoder made them.
    """
    try:
        decoded, meant = decode(), to_image(picture)
    except StreamError as error:
        raise ModelError(f"the stream was decoded to verify it, and can't be: {error}") from error
    bands = meant.getbands() if exact else ("A",) if picture.alpha is not None else ()
    same = (decoded.mode, decoded.size, decoded.info) == (meant.mode, meant.size, meant.info)
    if not same or any(decoded.getchannel(band).tobytes() != meant.getchannel(band).tobytes() for band in bands):
        raise ModelError("the stream was decoded to verify it, and does not give back what was meant")
