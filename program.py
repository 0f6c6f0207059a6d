"""What the programs of all rooms share: threads and garbage that can wait, and errors that end with one line."""

from __future__ import annotations

import gc
import os
from typing import IO, Any

import click

from .errors import SvcodecError

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Objects made before Python looks for garbage among them, and so on for older ones: torch makes 170,000 when it is
# imported, which all stay, and coding leaves none.
COLLECTIONS = (400_000, 20, 50)


class Failure(click.ClickException):
    """Ends the program with exit code 1 and `svcodec: MESSAGE` on standard error."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"svcodec: {self.format_message()}", file=file, err=True)


class Program(click.Group):
    """A group whose commands end with one line of text, not a traceback, for what svcodec raises on purpose."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: Python looks for garbage less often than by default."""
        gc.set_threshold(*COLLECTIONS)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            gc.freeze()  # Python's last collection would visit them all once more

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SvcodecError as error:
            raise Failure(str(error)) from error
