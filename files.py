"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def named(name: str) -> str:
    """A file's name as a text has it, which shows that it is empty."""
    return name or "''"


def write_whole(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file beside its place, then move it there; folders above it are made.

    A symbolic link is written through. A file that is replaced leaves its mode, and where that is allowed its owner, to
    the new one; other hard links to it keep the old content. What is no regular file, a pipe or a device, is written to
    as it is.

    Args:
        path: the file's place.
        data: its whole content.
        overwrite: whether a file that is there is replaced.

    Raises:
        FileExistsError: a file is there that is not to be replaced, be it that it came only now.
        PermissionError: the file that is there is read-only, or the folder is.
        OSError: the file can't be written for another reason. `filename` is the path, whatever was in the way.
    """
    try:
        _write(path, data, overwrite)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    old = _status(path)
    if old and not stat.S_ISREG(old.st_mode):
        path.write_bytes(data)
        return
    if old and not overwrite:
        raise _error(errno.EEXIST)
    if old and not (old.st_mode & 0o222 and os.access(path, os.W_OK)):  # by its mode: root may write anything
        raise _error(errno.EACCES)
    place = Path(os.path.realpath(path))
    _make_folder(place.parent)
    temporary = place.with_name(f".svcodec-{os.urandom(8).hex()}.tmp")  # a process number may be another's too
    try:
        with temporary.open("xb") as file:
            if old:
                _liken(temporary, old)  # before anyone could read what they may not
            file.write(data)
        if overwrite:
            temporary.replace(place)
        else:
            _move_to_free_place(temporary, place)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise _error(errno.ENOTDIR) from error


def _liken(temporary: Path, old: os.stat_result) -> None:
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # who is not root gives no files away
            os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(stat.S_IMODE(old.st_mode))


def _move_to_free_place(temporary: Path, place: Path) -> None:
    try:
        os.link(temporary, place)  # unlike a rename, it fails where a file is
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, as on memory cards
        place.open("xb").close()
        temporary.replace(place)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
