"""HEIC pictures, which Pillow reads where pillow-heif is installed: the extra `heif`."""

from __future__ import annotations

import importlib.util
from typing import IO

from PIL import Image, ImageFile

_NAME = "HEIF"
_SUFFIXES = [".heic", ".heics", ".heif", ".heifs", ".hif"]
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")


def is_heif(content: bytes) -> bool:
    """Whether a file is one of these pictures, by its first 12 bytes."""
    return content[4:8] == b"ftyp" and content[8:12] in _BRANDS


def is_installed() -> bool:
    """Whether pillow-heif is."""
    try:
        return importlib.util.find_spec("pillow_heif") is not None
    except (ImportError, ValueError):  # a finder refuses to look
        return False


def register() -> None:
    """Make Pillow open these pictures where it can; harmless when repeated, or when the program has done it."""
    if _NAME not in Image.OPEN and is_installed():
        Image.register_open(_NAME, _open, is_heif)
        Image.register_extensions(_NAME, _SUFFIXES)


def _open(file: IO[bytes], filename: str | bytes) -> ImageFile.ImageFile:
    """Open a picture by pillow-heif, imported only now; it registers itself in place of this function."""
    try:
        import pillow_heif
    except ImportError as error:  # one that does not fit this Python, for example
        raise SyntaxError(str(error)) from error
    pillow_heif.register_heif_opener()
    return pillow_heif.HeifImageFile(file, filename)  # type: ignore[no-untyped-call]
