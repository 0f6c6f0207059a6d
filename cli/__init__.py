"""The command line: `svcodec encode`, `decode`, `info`, `check`, `gate`, `demo` and `bench`."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import SvcodecError, __version__
from .calibrate import gate
from .check import check
from .decode import decode
from .demo import demo
from .encode import encode
from .files import Failure
from .info import info

__all__ = ["main"]

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


class _Commands(click.Group):
    """A group whose commands end with one line of text, not a traceback, for what svcodec raises on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SvcodecError as error:
            raise Failure(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A learned image codec: photos to .svc files in five tiers, from a sketch to lossless.

    Exits with 0 if all went well, 1 if a file could not be coded, 2 if the command line is wrong.
    """


for command in (encode, decode, info, check, gate, demo):
    main.add_command(command)
