"""`svcodec chain` and `svcodec unchain`."""

from __future__ import annotations

from pathlib import Path, PurePath

import click

from .. import STRIPS
from .batch import Batch
from .completion import complete_files
from .finding import find, picture_suffixes
from .options import max_pixels_option, overwrite_option
from .picture_formats import FORMATS
from .terminal import echo, read, refuse_existing, shown, write


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, shell_complete=complete_files)
@click.option("-o", "--output", metavar="FILE", required=True, help="The .svc file; - for standard output.")
@click.option("--model", metavar="NAME|PATH", required=True, help="One of the first paper's models.")
@click.option("--strip", type=click.Choice(STRIPS), help="As for encode.")
@overwrite_option
@max_pixels_option
def chain(
    sources: tuple[str, ...], output: str, model: str, strip: str | None, overwrite: bool, max_pixels: int | None
) -> None:
    """Encode pictures into one lossless .svc file, by a model of the first paper.

    IN is a picture or a folder of them. Bits-back chains all of them: only one pays for the bits that it begins with.
    """
    from .. import MAX_PIXELS, encode_chain

    refuse_existing(output, overwrite)
    batch = Batch("chained", err=output == "-")
    found = find(sources, picture_suffixes(), batch)
    if not batch.errors:
        pictures = {PurePath(file.name).as_posix(): file.path for file in found}
        if len(pictures) < len(found):
            raise click.UsageError("two pictures have the same name: name folders, below which names differ")
        data = encode_chain(pictures, model=model, strip=strip, max_pixels=max_pixels or MAX_PIXELS)
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
def unchain(source: str, output: str, name: str, model: str | None, overwrite: bool, max_pixels: int | None) -> None:
    """Decode the pictures of a file that `svcodec chain` wrote."""
    from .. import MAX_PIXELS, decode_chain, inspect, write_picture

    wanted, data = FORMATS[name], read(source)
    made: set[Path] = set()
    for path, image in decode_chain(data, model=model, max_pixels=max_pixels or MAX_PIXELS):
        target = Path(output, path)
        if target.with_suffix(wanted.suffixes[0]) in made:  # a.jpg beside a.png
            target = target.with_name(target.name + wanted.suffixes[0])
        else:
            target = target.with_suffix(wanted.suffixes[0])
        replaces = overwrite and target not in made
        refuse_existing(str(target), replaces)
        target.parent.mkdir(parents=True, exist_ok=True)
        write(str(target), write_picture(image, wanted.name, **wanted.options), overwrite=replaces)
        made.add(target)
    echo(f"{len(made)} of {inspect(data).pictures} pictures -> {shown(output)}")
