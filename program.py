"""What the programs of all rooms share: threads and garbage that can wait, and errors that end with one line."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from typing import IO, Any

import click
from PIL import Image

from .errors import SvcodecError

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Objects made before Python looks for garbage among them, and so on for older ones: torch makes 170,000 when it is
# imported, which all stay, and coding leaves none.
COLLECTIONS = (400_000, 20, 50)

# glibc's names of two numbers: from which size on memory is the system's at once when it is freed, and how much of it
# may lie unused. Pages that are taken anew for every layer cost a tenth of the time of coding.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1


class Failure(click.ClickException):
    """Ends the program with exit code 1 and `svcodec: MESSAGE` on standard error."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"svcodec: {self.format_message()}", file=file, err=True)


class Program(click.Group):
    """A group whose commands end with one line of text, not a traceback, for what svcodec raises on purpose."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: Python looks for garbage less often than by default, and freed memory is kept.

        Pillow's limit on the number of pixels is lifted, as commands have one of their own.
        """
        Image.MAX_IMAGE_PIXELS = None
        gc.set_threshold(*COLLECTIONS)
        _keep_memory()
        try:
            return super().__call__(*args, **kwargs)
        finally:
            gc.freeze()  # Python's last collection would visit them all once more

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SvcodecError as error:
            raise Failure(str(error)) from error


def _keep_memory() -> None:
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)
