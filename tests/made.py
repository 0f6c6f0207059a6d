"""Pictures and metadata that several files of tests make."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from PIL import Image

from svcodec.codec import choice
from svcodec.codec.pictures import Picture, read_picture


def written(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def packet(inner: str, attributes: str = "") -> bytes:
    rdf = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" {attributes}>'
    )
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'.encode()


def both_ways(data: bytes) -> list[Picture]:
    """A file's picture by its bytes and by Pillow's image."""
    return [read_picture(data), read_picture(Image.open(io.BytesIO(data)))]


@contextmanager
def in_codes() -> Iterator[None]:
    """Pictures are coded by the networks, not plain, though that would be shorter."""
    with mock.patch.multiple(choice, encode=choice.learned, drawn=lambda pixels: None):
        yield
