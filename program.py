"""What the programs of all rooms share: how they end when svcodec raises an error on purpose."""

from __future__ import annotations

from typing import IO, Any

import click

from .errors import SvcodecError


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
