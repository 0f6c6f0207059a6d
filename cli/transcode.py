"""`svcodec transcode`."""

from __future__ import annotations

import click

from ..distributed import Cutter
from .completion import complete_files
from .finding import STREAM_SUFFIXES
from .jobs import Way
from .options import (
    dry_run_option,
    jobs_option,
    json_option,
    overwrite_option,
    quiet_option,
    skip_option,
    sources_argument,
)
from .recoding import Files, code, of_files


@click.command()
@sources_argument
@click.option(
    "-o", "--output", metavar="OUT", required=True, shell_complete=complete_files, help="File, folder or '-'."
)
@click.option(
    "--levels",
    type=click.IntRange(1, 3),
    help="How many of the four levels to keep, from the coarsest on.",
)
@click.option("--bytes", metavar="N", type=click.IntRange(1), help="Keep as many levels as a file of N bytes holds.")
@overwrite_option
@skip_option
@dry_run_option
@jobs_option
@json_option
@quiet_option
@of_files
def transcode(files: Files, levels: int | None, bytes: int | None) -> None:
    """Make smaller .svc files of .svc files, by leaving out the finest levels: by --levels or --bytes.

    Nothing is decoded or coded anew. A file of a lossy tier gives a picture of the same size, less sharp; a lossless
    one the exact picture at 1/2 (of 3 levels), 1/4 or 1/8 of its size.
    """
    if (levels is None) == (bytes is None):
        raise click.UsageError("say by --levels or --bytes how much is to be kept")
    way = Way(reads=STREAM_SUFFIXES, writes=STREAM_SUFFIXES, rename=lambda name: name)
    code(lambda target: Cutter(levels, bytes), files, way, "cut")
