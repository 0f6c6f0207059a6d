"""What is to be done to a file, and what came of it: the same wherever the work is done, and picklable."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import SvcodecError
from ..program import signals_as_raised


@dataclass(frozen=True)
class Task:
    """One file to work on.

    Attributes:
        source: the file to read.
        target: the file to write, or None where nothing is written.
        replaces: a target that is there is replaced.
    """

    source: str
    target: str | None = None
    replaces: bool = False


@dataclass
class Result:
    """What is said of a file that went well: lines of text, or the fields of a JSON object."""

    text: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


Work: TypeAlias = Callable[[Task], Result]


@dataclass
class Outcome:
    """What came of a task.

    Attributes:
        task: what was to be done.
        result: what is to be said, if nothing went wrong.
        warnings: texts of what svcodec warned of.
        error: what went wrong, or None. It is one of svcodec, of the operating system, or a MemoryError.
    """

    task: Task
    result: Result = field(default_factory=Result)
    warnings: list[str] = field(default_factory=list)
    error: Exception | None = None


class UnexpectedError(SvcodecError):
    """An error that was not raised on purpose."""


def attempt(work: Work, task: Task) -> Outcome:
    """Do the work of one file. Whatever goes wrong, or is warned of, is in what comes back."""
    outcome = Outcome(task)
    with noted_warnings() as outcome.warnings:
        try:
            with signals_as_raised():
                outcome.result = work(task)
        except Exception as error:
            outcome.error = _told(error)
    return outcome


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """The texts of all that is warned of meanwhile, once it is over; Python itself would say each one once."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")  # of what is for programmers
        warnings.simplefilter("always", UserWarning)
        try:
            yield texts
        finally:
            texts += [str(warning.message) for warning in caught]


def reason(error: Exception) -> str:
    """What the error of an outcome says, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    return " ".join(str(error).split())


def _told(error: Exception) -> Exception:
    """The same error if another process can be told of it, or one of its kind and text."""
    if isinstance(error, (SvcodecError, MemoryError)):
        return error
    if isinstance(error, OSError) and error.errno:
        return OSError(error.errno, error.strerror or os.strerror(error.errno), error.filename)
    return UnexpectedError(f"unexpected {type(error).__name__}: {error}")
