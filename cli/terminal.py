"""Standard streams and names of files: `-` and its kin are read and written, odd names are shown."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import click

from .. import InputError
from ..files import named, write_whole
from ..program import discard_unwritable_output, one_line
from .paths import STANDARD_STREAM, descriptor, identity, is_file, is_stream, suffix_of

STANDARD_OUTPUT = "standard output"  # as errors name it
THERE = "is there already: name another output, or replace it with --overwrite"


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether somebody looks at a standard stream, which is None if it was closed."""
    return stream is not None and stream.isatty()


def read(source: str) -> bytes:
    """The content of a file, or of standard input for `-`."""
    if source != STANDARD_STREAM:
        return Path(source).read_bytes()
    if sys.stdin is None:
        raise OSError(errno.EBADF, "is closed", "standard input")
    return sys.stdin.buffer.read()


def write(target: str, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file so that it is there whole or not at all, or to a stream.

    `-` is standard output. A name of an open file, as the shell's `>(...)` gives one, is written to where it stands.

    Raises:
        FileExistsError: the file is there, and not to be replaced.
        OSError: it can't be written. `filename` says what.
    """
    if target == STANDARD_STREAM:
        echo(data)
        return
    number = descriptor(target)
    if number is None:
        write_whole(Path(target), data, overwrite=overwrite)
        return
    try:
        with os.fdopen(number, "wb", closefd=False) as file:
            file.write(data)
    except OSError as error:
        error.filename = target
        raise


def refuse_existing(target: str, overwrite: bool, inputs: Iterable[str] = ()) -> None:
    """Raise InputError for a file that is there and is not to be replaced, before there is anything to write.

    One of the inputs never is.
    """
    if is_stream(target) or not is_file(target):
        return
    if identity(target) in map(identity, inputs):
        raise InputError(f"{shown(target)} is an input: name another output")
    if not overwrite:
        raise InputError(f"{shown(target)} {THERE}")


def refuse_terminal(target: str) -> None:
    """Raise click.UsageError where a picture's bytes would be shown to somebody."""
    if target == STANDARD_STREAM and is_terminal(sys.stdout):
        raise click.UsageError(
            "Standard output is a terminal, where a picture's bytes are no use: name a file with -o."
        )


def refuse_suffix(target: str, suffixes: Iterable[str], also: str = "") -> None:
    """Raise click.UsageError for a file whose name does not end in one of the suffixes."""
    if not is_stream(target) and suffix_of(target) not in suffixes:
        raise click.UsageError(f"{target!r} has to end in {', '.join(sorted(suffixes))}{also}.")


def echo(message: str | bytes, err: bool = False) -> None:
    """Print a line, or bytes as they are. Raises OSError, which names the stream, if that can't be."""
    try:
        if isinstance(message, bytes) and sys.stdout is None:
            raise OSError(errno.EBADF, "is closed")
        click.echo(message, nl=isinstance(message, str), err=err)
    except OSError as error:
        error.filename = "standard error" if err else STANDARD_OUTPUT
        if not err:
            discard_unwritable_output()
        raise


def shown(name: str) -> str:
    """A file's name in one line of text, with the replacement sign for what is no text."""
    return one_line(click.format_filename(named(name)))


def shown_input(name: str) -> str:
    """Likewise, of a file that is read."""
    return "standard input" if name == STANDARD_STREAM else shown(name)
