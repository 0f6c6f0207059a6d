"""Files by the names that fsspec knows: local ones, s3://, gs://, memory:// and others with their packages."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import InputError, MissingPackageError
from ..files import write_whole
from .outcome import Result, Task

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from .coders import Coder

# Where what is put is there whole or not at all. Elsewhere a file is written beside its place and moved.
_WHOLE = {"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci"}


def pairs(source: str, target: str, suffixes: Collection[str], rename: Callable[[str], str]) -> list[Task]:
    """A task for each file below a folder, in the order of their names; those whose names begin with a dot are left.

    Args:
        source: a folder, or prefix of objects, or one file.
        target: the folder that takes the outputs, at the same places below it.
        suffixes: of the files to take, in lower case.
        rename: an output's name by its input's.

    Raises:
        InputError: nothing is there.
        MissingPackageError: fsspec, or its package for these names, is not installed.
        OSError: the folder can't be listed.
    """
    system, root = _located(source)
    out, below = _located(target)
    tasks = []
    for path in sorted(system.find(root)):
        name = PurePosixPath(path).relative_to(root) if path != root else PurePosixPath(PurePosixPath(path).name)
        if name.suffix.lower() in suffixes and not any(part.startswith(".") for part in name.parts):
            place = PurePosixPath(below) / name.with_name(rename(name.name))
            tasks.append(Task(system.unstrip_protocol(path), out.unstrip_protocol(str(place))))
    if not tasks:
        raise InputError(f"{source}: no file there is of a kind that is read here")
    return tasks


class Recoder:
    """What a worker does with a task: read, code, write. It can be pickled.

    An output that is there is not made again: so work that an engine gives out twice does no harm.
    """

    def __init__(self, coder: Coder):
        self.coder = coder

    def __call__(self, task: Task) -> Result:
        """Do it.

        Raises:
            FileExistsError: the output is there.
            SvcodecError: as the coder.
            OSError: a file can't be read or written.
        """
        if task.target is None:
            raise InputError("a file that is coded has to be written somewhere")
        out, target = _located(task.target)
        if out.exists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), task.target)
        system, source = _located(task.source)
        content, statistics = self.coder(system.cat_file(source), task.source)
        _write(out, target, content)
        return Result(fields=statistics)


def _write(system: AbstractFileSystem, path: str, content: bytes) -> None:
    """A whole file, which replaces one that came to be there meanwhile: it holds the same."""
    kinds = {system.protocol} if isinstance(system.protocol, str) else {*system.protocol}
    if "file" in kinds:
        write_whole(Path(path), content)
    elif kinds & _WHOLE:
        system.pipe_file(path, content)
    else:
        temporary = f"{PurePosixPath(path).parent}/.svcodec-{os.urandom(8).hex()}.tmp"
        system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        try:
            system.pipe_file(temporary, content)
            system.mv(temporary, path)
        except BaseException:
            with suppress(Exception):  # what went wrong before is told
                system.rm(temporary)
            raise


def _located(name: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(name)
    except ImportError as error:
        raise MissingPackageError(f"{name}: {error}; fsspec comes with svcodec[ray] and svcodec[dask]") from error
    except ValueError as error:  # of a protocol that nobody knows
        raise InputError(f"{name}: {error}") from error
