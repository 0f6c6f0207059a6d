"""What the programs of all rooms share: how threads wait, and how an error that svcodec raises on purpose ends them."""

from __future__ import annotations

import os
from typing import IO, Any

import click

from .errors import SvcodecError

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


class Failure(click.ClickException):
    """Ends the program with exit code 1 and `svcodec: MESSAGE` on standard error."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"svcodec: {self.format_message()}", file=file, err=True)


class Program(click.Group):
    """A group whose commands end with one line of text, not a traceback, for what svcodec raises on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SvcodecError as error:
            raise Failure(str(error)) from error
