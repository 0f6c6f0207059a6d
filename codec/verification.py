"""Streams decoded and compared before anyone relies on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ModelError, StreamError
from .pictures import Picture


def check_given_back(decode: Callable[[], Picture], picture: Picture, exact: bool) -> None:
    """Raise ModelError unless a stream decodes to what was meant.

    Args:
        decode: what gives the stream's picture.
        picture: that was encoded.
        exact: its pixels are to come back; those of others have their checksum in the stream, as the encoder made them.
    """
    try:
        decoded = decode()
    except StreamError as error:
        raise ModelError(f"the stream was decoded to verify it, and can't be: {error}") from error
    as_meant = _same(decoded.pixels, picture.pixels) if exact else decoded.pixels.shape == picture.pixels.shape
    if not (as_meant and _same(decoded.alpha, picture.alpha) and decoded.metadata == picture.metadata):
        raise ModelError("the stream was decoded to verify it, and does not give back what was meant")


def _same(given: Any, meant: Any) -> bool:
    if given is None or meant is None:
        return given is meant
    return bool(given.dtype == meant.dtype and np.array_equal(given, meant))
