"""PNG and TIFF with samples of sixteen bits, which Pillow can't write in colour or with alpha."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from .png import SIGNATURE, chunks_of

Samples = npt.NDArray[np.uint16]  # (h, w, channels)

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, of eight bits, by the number of channels
_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
_TIFF_DEFLATE, _TIFF_DIFFERENCES, _TIFF_ALPHA = 8, 2, 2
# The tags of a TIFF that say how its samples are laid out.
_LAYOUT = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339}
_EXIF, _GPS, _INTEROPERABILITY = 34665, 34853, 40965


def with_samples(pixel: bytes, format: str, samples: Samples) -> bytes:
    """The file of a picture of one pixel, with these samples instead and all else that it holds.

    Args:
        pixel: as Pillow wrote it, of the mode that MODES has for the samples' channels.
        format: PNG or TIFF.
        samples: to be written.
    """
    return _png(pixel, samples) if format == "PNG" else _tiff(pixel, samples)


def _png(pixel: bytes, samples: Samples) -> bytes:
    height, width, channels = samples.shape
    file = io.BytesIO()
    file.write(pixel[: len(SIGNATURE)])
    for name, start, end in chunks_of(pixel):
        if name == b"IHDR":
            header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOURS[channels], 0, 0, 0)
            PngImagePlugin.putchunk(file, name, header)
        elif name == b"IDAT":
            PngImagePlugin.putchunk(file, name, zlib.compress(_filtered(samples)))
        else:
            file.write(pixel[start - 8 : end + 4])
    return file.getvalue()


def _filtered(samples: Samples) -> bytes:
    """Rows of a PNG by the filter Paeth: each byte less that neighbour which is nearest to left + up - corner."""
    rows = samples.astype(">u2").view(np.uint8).reshape(len(samples), -1).astype(np.int16)
    step = 2 * samples.shape[2]
    padded = np.pad(rows, ((1, 0), (step, 0)))
    left, up, corner = padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step]
    off_left, off_up, off_corner = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
    nearer = np.where(off_up <= off_corner, up, corner)
    predicted = np.where((off_left <= off_up) & (off_left <= off_corner), left, nearer)
    filters = np.full((len(rows), 1), 4, np.uint8)
    return np.hstack([filters, (rows - predicted).astype(np.uint8)]).tobytes()


def _tiff(pixel: bytes, samples: Samples) -> bytes:
    height, width, channels = samples.shape
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]
    strip = zlib.compress(differences.astype("<u2").tobytes())
    tags: Any = ImageFileDirectory_v2()
    with Image.open(io.BytesIO(pixel)) as image:
        kept, exif = image.tag_v2, image.getexif()  # type: ignore[attr-defined]
        for tag in set(kept) - _LAYOUT - {_EXIF, _GPS}:
            tags[tag], tags.tagtype[tag] = kept[tag], kept.tagtype[tag]
        for tag in (_EXIF, _GPS):
            inner = exif.get_ifd(tag)
            inner.pop(_INTEROPERABILITY, None)  # where it lay in another file
            if inner:
                tags[tag] = inner
    tags[256], tags[257], tags[258], tags[277] = width, height, (16,) * channels, channels
    tags[259], tags[317] = _TIFF_DEFLATE, _TIFF_DIFFERENCES
    tags[262] = 1 if channels < 3 else 2
    tags[273], tags[278], tags[279] = 0, height, len(strip)  # one strip, behind the tags
    if channels in (2, 4):
        tags[338] = _TIFF_ALPHA
    file = io.BytesIO()
    tags.save(file)
    return file.getvalue() + strip
