"""The files that arguments stand for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import InputError
from ..distributed.outcome import Task
from .batch import Batch
from .paths import is_folder, is_stream, suffix_of

STREAM_SUFFIXES = frozenset({".svc"})


@dataclass(frozen=True)
class Found:
    """A file to read, and its name below the folder that was given, or without one."""

    path: str
    name: str


def find(arguments: Sequence[str], suffixes: Collection[str], batch: Batch) -> list[Found]:
    """The files named, and those below the folders named that end in one of `suffixes`, in the order of their names.

    Hidden files and folders are left alone. What else a folder holds is counted in `batch.left_out`, links to folders
    with it; a folder that can't be read, or holds no such file, is an error of the batch.
    """
    found = []
    for argument in arguments:
        if not is_folder(argument):
            found.append(Found(argument, Path(argument).name))
            continue
        errors = len(batch.errors)
        below = list(_below(argument, suffixes, batch))
        if not below and len(batch.errors) == errors:
            batch.error(Task(argument), InputError("no file in this folder is of a kind that is read here"))
        batch.of_folder = True
        found += below
    return found


def picture_suffixes() -> frozenset[str]:
    """Suffixes of the formats that Pillow reads now, .svc aside, and without what it can only tell the name of."""
    from PIL import Image, ImageFile

    suffixes = Image.registered_extensions()
    nameable = {"SVC", "MPEG"} | {
        name
        for name, (factory, _) in Image.OPEN.items()
        if isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
    }
    return frozenset(suffix for suffix, name in suffixes.items() if name in Image.OPEN.keys() - nameable)


def _below(folder: str, suffixes: Collection[str], batch: Batch) -> Iterator[Found]:
    def unreadable(error: OSError) -> None:
        batch.error(Task(error.filename), error)

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        batch.left_out["linked folders"] += sum(os.path.islink(os.path.join(parent, name)) for name in folders)  # noqa: PTH114, PTH118
        for name in sorted(names):
            path, suffix = str(Path(parent, name)), suffix_of(name)
            if name.startswith("."):
                continue
            if suffix not in suffixes:
                _leave_out(suffix, suffixes, batch)
            elif is_stream(path):
                batch.left_out["pipes and devices"] += 1
            else:  # what is no file, such as a link to nothing, can't be read, which is told then
                yield Found(path, os.path.relpath(path, folder))


def _leave_out(suffix: str, suffixes: Collection[str], batch: Batch) -> None:
    """Count a file; beside pictures not their streams, and beside streams none."""
    if suffixes != STREAM_SUFFIXES and suffix not in STREAM_SUFFIXES:
        batch.left_out[suffix or "without a suffix"] += 1
