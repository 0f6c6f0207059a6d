"""What stands behind a name: a file, a folder, a stream, or nothing that can be looked at."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

STANDARD_STREAM = "-"
_DESCRIPTORS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def mode_of(name: str) -> int | None:
    """The type and mode of a file, as `stat` has them; None where nothing is, or where one may not look."""
    try:
        return Path(name).stat().st_mode
    except (OSError, ValueError):
        return None


def is_file(name: str) -> bool:
    """Whether a regular file is there, be it through links."""
    return stat.S_ISREG(mode_of(name) or 0)


def is_folder(name: str) -> bool:
    """Whether a folder is there, be it through links."""
    return stat.S_ISDIR(mode_of(name) or 0)


def is_stream(name: str) -> bool:
    """Whether a name stands for a pipe, a device or an open file, not for a file or folder."""
    if name == STANDARD_STREAM or descriptor(name) is not None:
        return True
    return mode_of(name) is not None and not is_file(name) and not is_folder(name)


def descriptor(name: str) -> int | None:
    """The number of the open file that a name like /dev/stdout or /dev/fd/63 stands for."""
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", name)
    return int(found[1]) if found else _DESCRIPTORS.get(name)


def is_standard_output(name: str) -> bool:
    """Whether what is written to `name` comes out where messages would."""
    return name == STANDARD_STREAM or descriptor(name) == 1


def identity(name: str) -> object:
    """The same for all names of a file: links, and names that differ in case where that makes no difference."""
    try:
        status = os.fstat(0) if name == STANDARD_STREAM else Path(name).stat()  # of what standard input comes from
    except (OSError, ValueError):
        return os.path.realpath(name)
    return status.st_dev, status.st_ino


def suffix_of(name: str) -> str:
    """In lower case, with its dot."""
    return Path(name).suffix.lower()


def is_meant_as_folder(name: str) -> bool:
    """Whether a name ends as only those of folders do."""
    return name.endswith(("/", os.sep))
