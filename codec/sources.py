"""Where the bytes of pictures and streams come from: paths, binary files and objects that hold bytes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Any, TypeAlias

from ..errors import InputError
from ..files import named

Source: TypeAlias = "str | os.PathLike[str] | IO[bytes] | bytes | bytearray | memoryview"


def is_source(thing: Any) -> bool:
    """Whether `read_bytes` takes a thing."""
    return isinstance(thing, (str, os.PathLike, bytes, bytearray, memoryview)) or callable(getattr(thing, "read", None))


def read_bytes(source: Source) -> bytes:
    """The content of a file, or of an object that holds it.

    Args:
        source: a path; a binary file object, read from its start where it can seek, as Pillow does; or the content.

    Raises:
        InputError: the file can't be read, or is open as text. The text names it.
    """
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            return bytes(source)
        content = Path(os.fsdecode(source)).read_bytes() if isinstance(source, (str, os.PathLike)) else _read(source)
    except MemoryError:
        raise
    except Exception as error:  # a file object may raise any kind, as gzip's for a damaged file
        raise InputError(f"{prefix(source)}{reason(error)}") from error
    if not isinstance(content, bytes):
        raise InputError(f"{prefix(source)}the file gives {type(content).__name__}, not bytes: open it with mode 'rb'")
    return content


def read_stream(source: Source) -> bytes:
    """The bytes of an .svc file, from what `read_bytes` takes. Raises InputError as that does, and for other things."""
    if not is_source(source):
        raise InputError(f"expected a path, a binary file or the bytes of an .svc file, not {type(source).__name__}")
    return read_bytes(source)


def prefix(source: Any) -> str:
    """`NAME: ` for a source that has a name, to begin an error's text with."""
    name = getattr(source, "name", None)
    if isinstance(source, (str, os.PathLike)):
        with contextlib.suppress(TypeError):
            name = os.fsdecode(source)
    return f"{named(name)}: " if isinstance(name, str) else ""


def reason(error: Exception) -> str:
    """What an error says, without the file's name that OSError adds."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__


def _read(file: IO[bytes]) -> bytes:
    with contextlib.suppress(AttributeError, OSError):
        file.seek(0)
    return file.read()
