"""`svcodec desktop`: files by which desktops, shells and `man` know the program."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import resources
from pathlib import Path

import click

from ..distributed.outcome import noted_warnings
from ..files import write_whole
from .completion import script
from .man import page
from .terminal import echo, read, refuse_existing, shown, write


@click.group()
def desktop() -> None:
    """What desktops, shells and man know of .svc files and of this program (freedesktop.org; Linux and BSD)."""


@desktop.command()
@click.pass_context
def install(context: click.Context) -> None:
    """Write type, thumbnailer, manual page and completions of bash and fish into the user's data folder.

    That is $XDG_DATA_HOME, or else ~/.local/share.
    """
    home = _data_home()
    for name, text in _files(context.find_root().command).items():
        write_whole(home / name, text.encode())
        echo(shown(str(home / name)))
    _renew_types(home)


@desktop.command()
@click.pass_context
def uninstall(context: click.Context) -> None:
    """Remove what `install` wrote."""
    home = _data_home()
    for name in _files(context.find_root().command):
        if (home / name).exists():
            (home / name).unlink()
            echo(shown(str(home / name)))
    _renew_types(home)


@desktop.command()
def magic() -> None:
    """Print lines for file(1): `svcodec desktop magic >> ~/.magic`."""
    echo(_data("svcodec.magic").rstrip())


@desktop.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.argument("side", type=click.IntRange(1))
def thumbnail(source: str, target: str, side: int) -> None:
    """Write a PNG of at most SIDE pixels a side, upright, as desktops ask for; OUT is replaced."""
    from PIL import ImageOps

    from .. import decode, inspect

    refuse_existing(target, True, [source])
    content = read(source)
    info = inspect(content)
    reduce = next(reduce for reduce in (8, 4, 2, 1) if reduce == 1 or max(info.width, info.height) >= reduce * side)
    image = decode(content, reduce=reduce)
    with noted_warnings(), suppress(Exception):  # Pillow raises many kinds for EXIF that is broken
        image = ImageOps.exif_transpose(image)
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    write(target, stream.getvalue(), overwrite=True)


def _data_home() -> Path:
    """As the XDG Base Directory Specification has it: relative paths don't count."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".local/share"


def _files(program: click.Command) -> dict[str, str]:
    """What is installed, by its place below the data folder."""
    python = shlex.quote(sys.executable)
    return {
        "mime/packages/svcodec.xml": _data("svcodec.xml"),
        "thumbnailers/svcodec.thumbnailer": (
            "[Thumbnailer Entry]\n"
            f"TryExec={sys.executable}\n"
            f"Exec={python} -m svcodec desktop thumbnail %i %o %s\n"
            "MimeType=image/svcodec;\n"
        ),
        "man/man1/svcodec.1": page(program) + "\n",
        "bash-completion/completions/svcodec": script("bash", program),
        "fish/vendor_completions.d/svcodec.fish": script("fish", program),
    }


def _data(name: str) -> str:
    return resources.files(__package__).joinpath("freedesktop", name).read_text("utf-8")


def _renew_types(home: Path) -> None:
    """Let the desktop read its types anew."""
    program = shutil.which("update-mime-database")
    if program is None:
        echo("svcodec: update-mime-database is not installed (shared-mime-info): run it later", err=True)
    elif (home / "mime").is_dir():
        subprocess.run([program, str(home / "mime")], check=False)
