"""How many bits a picture's samples have in its file, which is more than Pillow shows of some."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, TypeGuard

from PIL import ExifTags, Image, ImageFile

from . import boxes, png

_MODES = {"I;16": 16, "I;16L": 16, "I;16B": 16, "I;16N": 16, "I": 32, "F": 32}

# Formats whose files say more than Pillow does.
_TELLING = ("PNG", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM", "SGI", "BMP", "DDS", "PSD", "GIF")


def depth_of(image: Image.Image, content: bytes | None) -> int:
    """The bits per sample of the file that an image was opened from; 8 where there are fewer, or nothing says it.

    Pillow cuts samples to 8 bits when it loads most kinds of file. So a picture that is loaded already is looked up in
    its file; where this can't be had any more, and of what was made of another image, only its mode can tell.

    Args:
        image: opened, loaded or not.
        content: of its file, or None where it can't be had any more.
    """
    if image.mode in _MODES:
        return _MODES[image.mode]
    if image.format is None:
        return 8
    if isinstance(depth := image.info.get("bit_depth"), int):  # of pillow-heif
        return max(depth, 8)
    if image.format == "TIFF":
        bits: tuple[int, ...] = getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (8,))
        return max(8, *bits)
    if content is None:
        return 8
    if image.format == "PNG":
        return max(content[24], 8) if content.startswith(png.SIGNATURE) else 8
    if image.format in ("AVIF", "HEIF"):
        return max(boxes.Boxes(content).depth, 8)
    if image.format == "JPEG2000":
        # SIZ marker: depth less one and a sign, three bytes apart, one for each component
        start = content.partition(b"\xff\x4f\xff\x51")[2]
        components = int.from_bytes(start[36:38], "big")
        return max(8, *((depth & 0x7F) + 1 for depth in start[38 : 38 + 3 * components : 3]))
    return _by_tile(image if is_unloaded(image) else Image.open(io.BytesIO(content)))


def content_of(image: Image.Image) -> bytes | None:
    """The file that an image was opened from, or None where it can't be had any more."""
    if not isinstance(image, ImageFile.ImageFile) or image.format not in _TELLING:
        return None
    for read in (_from_file, _from_path):
        with contextlib.suppress(Exception):  # the file may be gone, closed, or another one by now
            content = read(image)
            with Image.open(io.BytesIO(content)) as again:
                if (again.format, again.size) == (image.format, image.size):
                    return content
    return None


def rawmode(image: Image.Image) -> str:
    """The layout in the file of a picture that is still to be loaded, in Pillow's terms; otherwise empty."""
    if not is_unloaded(image):
        return ""
    args = image.tile[0].args
    return str(args[0] if isinstance(args, tuple) else args)


def is_unloaded(image: Image.Image) -> TypeGuard[ImageFile.ImageFile]:
    """Whether an opened picture's samples are still in its file only; those of a loaded one may have been changed."""
    return isinstance(image, ImageFile.ImageFile) and bool(image.tile)


def _from_file(image: ImageFile.ImageFile) -> bytes:
    # Of a loaded picture Pillow keeps the file of a PNG or TIFF only.
    file: Any = image.fp if is_unloaded(image) else getattr(image, "_fp", None)
    position = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(position)
    return content


def _from_path(image: ImageFile.ImageFile) -> bytes:
    return Path(os.fsdecode(image.filename)).read_bytes()


def _by_tile(image: Image.Image) -> int:
    if not is_unloaded(image):
        return 8
    name, _, _, args = image.tile[0]
    last = args[-1] if isinstance(args, tuple) and args else None
    if image.format == "PPM" and isinstance(last, int):
        return max(last.bit_length(), 8)
    deep = name == "SGI16" or (name == "sgi_rle" and last == 2) or ";16" in rawmode(image) or "BC6H" in str(args)
    return 16 if deep else 8
