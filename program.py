"""What the programs of all rooms share: threads and garbage that can wait, and errors that end with one line."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import click
from PIL import Image

from .errors import SvcodecError
from .files import named

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Objects made before Python looks for garbage among them, and so on for older ones: torch makes 170,000 when it is
# imported, which all stay, and coding leaves none.
COLLECTIONS = (400_000, 20, 50)

# glibc's names of two numbers: from which size on memory is the system's at once when it is freed, and how much of it
# may lie unused. Pages that are taken anew for every layer cost a tenth of the time of coding.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1

_CONTROLS = ("Cc", "Zl", "Zp")  # Unicode's categories of what steers a terminal or ends a line


class Failure(click.ClickException):
    """Ends the program with exit code 1 and `svcodec: MESSAGE` on standard error."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"svcodec: {one_line(self.format_message())}", file=file, err=True)


class Interruption(Failure):
    """Ends the program as Ctrl-C does, with the exit code that shells expect."""

    exit_code = 128 + signal.SIGINT


class OneCommand(click.Command):
    """A command that ends with one line of text, not a traceback, for what svcodec raises on purpose."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of a standard stream, or of a file that a command alone writes
            if not kwargs.get("standalone_mode", True):
                raise
            discard_unwritable_output()
            place = f"{named(error.filename)}: " if isinstance(error.filename, str) else ""
            Failure(f"{place}{error.strerror or error}").show()
            sys.exit(Failure.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with signals_as_raised():
                return super().invoke(ctx)
        except SvcodecError as error:
            raise Failure(str(error)) from error
        except KeyboardInterrupt as error:
            raise Interruption("interrupted") from error


class Program(OneCommand, click.Group):
    """A group of commands that end so."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program of its own.

        Standard streams are there, and take any text. Asked to end, the program cleans up before.
        """
        own_process()
        _fill_standard_streams()
        try:
            with ending_in_order():
                return super().__call__(*args, **kwargs)
        finally:
            gc.freeze()  # Python's last collection would visit them all once more


def one_line(text: str) -> str:
    """Text as a terminal shows it in one line, with the replacement sign for what would steer it."""
    return "".join("\ufffd" if unicodedata.category(sign) in _CONTROLS else sign for sign in text)


def discard_unwritable_output() -> None:
    """Forget what standard output did not take, which Python would try to write once more at its end."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def own_process() -> None:
    """Settings of a whole process, which a library leaves alone.

    Garbage waits longer, freed memory is kept, and Pillow takes any number of pixels, as commands have their own limit.
    """
    gc.set_threshold(*COLLECTIONS)
    Image.MAX_IMAGE_PIXELS = None
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)


def _fill_standard_streams() -> None:
    """Keep files from being opened in the place of standard streams that were closed; print no text that fails."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the least free number
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as an exception does, which leaves no temporary files behind.

    Not afterwards: an exception would only be shown, where Python itself comes to its end.
    """
    allowed = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has one
    changed = [number for number in numbers if allowed and signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def signals_as_raised() -> Iterator[None]:
    """What a signal raises comes out as it is, also from an import.

    Python before 3.12 makes a RuntimeError of all that is raised while a class's attributes are told their names.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, (SystemExit, KeyboardInterrupt)):
            raise error.__cause__ from None
        raise


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
