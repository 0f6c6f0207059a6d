"""Pictures and metadata that several files of tests make."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from PIL import Image

from svcodec.codec import choice
from svcodec.codec.pictures import Picture, read_picture

Samples = npt.NDArray[np.uint8]


def written(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def texture(height: int, width: int, channels: int | None = 3, noise: float = 6.0) -> Samples:
    """Smooth colours under some noise, uint8 (height, width, channels), or (height, width) for None."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    base = 110 + 60 * np.sin(rows / 11)[..., None] + 50 * np.cos(columns[..., None] / 17 + np.arange(channels or 1))
    noisy = (base + rng.normal(0, noise, base.shape)).clip(0, 255).astype(np.uint8)
    return noisy if channels else noisy[..., 0]


def files_in(folder: Path) -> list[str]:
    """Their names, from the folder on."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


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
    with mock.patch.multiple(choice, encode=choice.learned, as_drawing=lambda pixels: None):
        yield
