"""What a command says of its files, of each one and of all, and the exit code with which it ends."""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from .. import SvcodecError
from .terminal import STANDARD_OUTPUT, THERE, echo, shown_input

KINDS_SHOWN = 8


@dataclass
class Result:
    """What is said of a file that went well: lines of text, or the fields of a JSON object."""

    text: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Batch:
    """The files of one command.

    Attributes:
        verb: what has been done to a file that went well, such as `encoded`.
        as_json: results and errors are told as JSON objects, one a line.
        quiet: of files that went well nothing is said.
        skip_existing: an output that is there, also by another program meanwhile, is no error.
        err: results go to standard error, as standard output carries data.
        of_folder: a folder was among the arguments.
        accepted: no file was found wanting, though without an error.
        done, skipped, failed: how many files went well, were left out as asked, and could not be worked on.
        left_out: how many files in folders are of other kinds, by what those are called.
    """

    verb: str
    as_json: bool = False
    quiet: bool = False
    skip_existing: bool = False
    err: bool = False
    of_folder: bool = False
    accepted: bool = True
    done: int = 0
    skipped: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def file(self, source: str, target: str | None = None) -> Iterator[Result]:
        """Around all that is done to one file. Says how that went; whatever goes wrong is this file's trouble alone.

        The caller fills in the result. Only a standard output that nobody reads any more ends the program.
        """
        result = Result()
        failure: Exception | None = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")  # of what is for programmers
            warnings.simplefilter("always", UserWarning)
            try:
                yield result
            except Exception as error:
                failure = error
        texts = [str(warning.message) for warning in caught]
        for text in texts:
            echo(f"svcodec: {shown_input(source)}: {text}", err=True)
        if texts:
            result.fields["warnings"] = texts
        try:
            if failure:
                raise failure
            self._tell(source, target, result)
        except Exception as error:
            if isinstance(error, BrokenPipeError) and error.filename == STANDARD_OUTPUT:
                raise
            if isinstance(error, FileExistsError) and self.skip_existing and target is not None:
                self.skip(source, target)
            else:
                self.error(source, error, target)
        else:
            self.done += 1

    def error(self, source: str, error: Exception, target: str | None = None) -> None:
        """Say what went wrong with a file, and that of the program's files not all are done."""
        self.failed += 1
        place = error.filename if isinstance(error, OSError) and isinstance(error.filename, str) else source
        echo(f"svcodec: {shown_input(place)}: {reason(error)}", err=True)
        if self.as_json:
            self._put(source, target, {"error": reason(error)})

    def skip(self, source: str, target: str) -> None:
        """Count a file that need not be worked on."""
        self.skipped += 1
        if self.as_json:
            self._put(source, target, {"skipped": True})

    def finish(self) -> None:
        """Sum up, and end the program with exit code 1 if a file failed or was found wanting."""
        if not self.quiet and (self.of_folder or self.skipped):
            parts = [f"{self.done} {self.verb}"]
            parts += [f"{self.skipped} there already"] * bool(self.skipped)
            parts += [f"{self.failed} failed"] * bool(self.failed)
            if kinds := +self.left_out:
                named = [f"{kind} ({count})" for kind, count in kinds.most_common(KINDS_SHOWN)]
                more = kinds.total() - sum(count for _, count in kinds.most_common(KINDS_SHOWN))
                parts.append(f"left out: {', '.join(named)}" + f", {more} more" * bool(more))
            echo(f"svcodec: {'; '.join(parts)}", err=True)
        if self.failed or not self.accepted:
            sys.exit(1)

    def _tell(self, source: str, target: str | None, result: Result) -> None:
        if self.as_json:
            self._put(source, target, result.fields)
        elif result.text and not self.quiet:
            echo(result.text, err=self.err)

    def _put(self, source: str, target: str | None, fields: dict[str, Any]) -> None:
        names = {"file": source} if target is None else {"file": source, "output": target}
        whole = {key: click.format_filename(name) for key, name in names.items()}
        echo(json.dumps({**whole, **fields}), err=self.err)


def reason(error: Exception) -> str:
    """What an error says, in one line. Its kind goes with it where it was not expected."""
    if isinstance(error, FileExistsError):
        return THERE
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, SvcodecError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
