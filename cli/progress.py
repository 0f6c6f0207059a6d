"""How far a command is with its files, in the last line of a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ..distributed.outcome import Task

_BAR = 20
_PAUSE = 0.1  # seconds from one drawing to the next


class Progress:
    """A line on standard error, which is gone when the context ends, and while anything else is said.

    The share that is done is that of bytes to read, since large pictures take longer.
    """

    def __init__(self, sizes: Sequence[int], drawn: bool = False):
        """Begin.

        Args:
            sizes: of all files, in bytes.
            drawn: whether there is a terminal to draw on.
        """
        self.sizes = sizes
        self._whole = sum(sizes)
        self.drawn = drawn
        self._start = time.monotonic()
        self._drawn_at = 0.0
        self._files = self._bytes = 0
        self._line = ""

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(self, *raised: object) -> None:
        self._clear()
        self.drawn = False

    def step(self, place: int) -> None:
        """The file at a place is done."""
        self._files += 1
        self._bytes += self.sizes[place]
        if time.monotonic() > self._drawn_at + _PAUSE:
            self._clear()
            self._draw()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Around what is said meanwhile."""
        self._clear()
        yield
        self._draw()

    def _draw(self) -> None:
        if self.drawn:
            self._drawn_at = time.monotonic()
            text = line(self._files, len(self.sizes), self._bytes, self._whole, self._drawn_at - self._start)
            self._line = text[: shutil.get_terminal_size().columns - 1]
            click.echo(self._line, file=sys.stderr, nl=False)

    def _clear(self) -> None:
        if self._line:
            click.echo("\r" + " " * len(self._line) + "\r", file=sys.stderr, nl=False)
            self._line = ""


def line(files: int, all_files: int, done: int, whole: int, seconds: float) -> str:
    """What is said of so many files, and bytes of them, that are done after so many seconds."""
    share = done / whole if whole else files / all_files
    bar = "#" * int(_BAR * share)
    text = f"[{bar:-<{_BAR}}] {files} of {all_files}"
    if not files or seconds <= 0 or not share:
        return text
    left = round(seconds * (1 - share) / share)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
    return f"{text}, {files / seconds:.1f} files and {done / seconds / 1e6:.1f} MB a second, {clock} left"


def sizes_of(tasks: Sequence[Task]) -> list[int]:
    """Bytes of the files to read; 0 where that is not known."""
    return [_size(task.source) for task in tasks]


def _size(name: str) -> int:
    try:
        return Path(name).stat().st_size
    except (OSError, ValueError):
        return 0
