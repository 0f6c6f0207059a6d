"""`svcodec chain` and `svcodec unchain`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from .. import STRIPS, SvcodecError
from ..distributed import Result, Task
from ..distributed.outcome import attempt, noted_warnings
from ..program import one_line
from .batch import Batch
from .completion import complete_files
from .finding import STREAM_SUFFIXES, find, picture_suffixes
from .options import max_pixels_option, overwrite_option, sources_argument
from .paths import identity, is_stream
from .picture_formats import FORMATS
from .terminal import echo, read, refuse_existing, refuse_suffix, refuse_terminal, shown, write

if TYPE_CHECKING:
    from PIL.Image import Image


@click.command()
@sources_argument
@click.option("-o", "--output", metavar="FILE", required=True, help="The .svc file; - for standard output.")
@click.option("--model", metavar="NAME|PATH", required=True, help="One of the first paper's models.")
@click.option("--strip", type=click.Choice(STRIPS), help="As for encode.")
@overwrite_option
@max_pixels_option
def chain(
    sources: tuple[str, ...], output: str, model: str, strip: str | None, overwrite: bool, max_pixels: int
) -> None:
    """Encode pictures into one lossless .svc file, by a model of the first paper.

    IN is a picture or a folder of them. Bits-back chains all of them: only one pays for the bits that it begins with.
    """
    from .. import encode_chain

    refuse_suffix(output, STREAM_SUFFIXES)
    refuse_terminal(output)
    batch = Batch("chained", err=output == "-")
    found = find(sources, picture_suffixes(), batch)
    refuse_existing(output, overwrite, [model, *(file.path for file in found)])
    if not batch.errors:
        given = {file: read(file.path) if is_stream(file.path) else file.path for file in found}
        pictures = {PurePath(file.name).as_posix(): picture for file, picture in given.items()}
        if len(pictures) < len(found):
            raise click.UsageError("two pictures have the same name: name folders, below which names differ")
        with noted_warnings() as texts:
            data = encode_chain(pictures, model=model, strip=strip, max_pixels=max_pixels)
        for text in texts:
            echo(f"svcodec: {one_line(text)}", err=True)
        write(output, data, overwrite=overwrite)
        batch.done = len(found)
        echo(f"{len(found)} pictures -> {shown(output)}: {len(data):,} bytes", err=batch.err)
    batch.finish()


@click.command()
@click.argument("source", metavar="FILE", shell_complete=complete_files)
@click.option("-o", "--output", metavar="FOLDER", required=True, help="Where the pictures go.")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), default="png", show_default=True, help="Theirs.")
@click.option("--model", metavar="NAME|PATH", help="Model to decode with; by default the one that the file names.")
@overwrite_option
@max_pixels_option
def unchain(source: str, output: str, name: str, model: str | None, overwrite: bool, max_pixels: int) -> None:
    """Decode the pictures of a file that `svcodec chain` wrote."""
    from .. import decode_chain, inspect, write_picture

    if not output or is_stream(output):
        raise click.UsageError(f"-o names a folder, and {output!r} is none.")
    wanted, data = FORMATS[name], read(source)
    batch, taken = Batch("decoded"), {identity(source)}
    try:
        for path, image in decode_chain(data, model=model, max_pixels=max_pixels):
            target = next(one for one in _names(Path(output, path), wanted.suffixes[0]) if identity(one) not in taken)

            def written(task: Task, image: Image = image, target: str = target) -> Result:
                write(target, write_picture(image, wanted.name, **wanted.options), overwrite=overwrite)
                return Result()

            batch.tell(attempt(written, Task(path, target)))
            taken.add(identity(target))  # which a file that is there now may have changed
        echo(f"{batch.done} of {inspect(data).pictures} pictures -> {shown(output)}")
    except SvcodecError as error:
        batch.error(Task(source), error)
    batch.finish()


def _names(path: Path, suffix: str) -> Iterator[str]:
    """What a picture's file may be called; a.png and a.jpg, or A.png where that is the same, can't both be a.png."""
    yield str(path.with_suffix(suffix))
    yield str(path.with_name(path.name + suffix))
    for number in itertools.count(2):
        yield str(path.with_name(f"{path.name}-{number}{suffix}"))
