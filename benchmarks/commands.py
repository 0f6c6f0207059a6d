"""`svcodec bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import MissingPackageError, SvcodecError


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else list(dict.fromkeys(name.strip() for name in value.split(",")))


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the results."
)
@click.option("--codecs", metavar="A,B,..", callback=_names, help="Codecs to run; by default all that are installed.")
@click.option("--log-rate", is_flag=True, help="Plot against the logarithm of the rate.")
@click.option("--kodak", is_flag=True, help="FOLDER holds the 24 Kodak images: show published curves too.")
@click.option("--jobs", type=click.IntRange(1), default=1, help="Photos at a time, each then on one thread.")
def bench(folder: Path, output: Path, codecs: list[str] | None, log_rate: bool, kodak: bool, jobs: int) -> None:
    """Compare svcodec with other codecs on the photos in FOLDER.

    Writes CompressAI's result JSON for each codec, plots, tables with BD-rates, crops at matched rates, and
    report.html, which holds them all. A run that was interrupted goes on where it stopped.
    """
    try:
        from .conditions import read_photos, refuse_other_than_kodak
        from .metrics import BUTTERAUGLI, has_butteraugli
        from .peers import registry
        from .rate_distortion.comparison import run, steps
    except ImportError as error:
        raise MissingPackageError(f'bench needs {error.name}: pip install "svcodec[bench]"') from error
    if unknown := set(codecs or ()) - set(registry.NAMES):
        raise click.UsageError(f"Unknown codec {sorted(unknown)[0]!r}; there are {', '.join(registry.NAMES)}.")
    chosen = []
    for name in codecs or registry.NAMES:
        try:
            chosen.append(registry.make(name))
        except SvcodecError as error:
            if codecs:
                raise
            click.echo(f"svcodec: left out: {error}", err=True)
    photos = read_photos(folder)
    if kodak:
        refuse_other_than_kodak(photos)
    if not has_butteraugli():
        click.echo(f"svcodec: left out: Butteraugli needs the program {BUTTERAUGLI}, which comes with libjxl", err=True)
    with click.progressbar(
        run(chosen, photos, output, log_rate=log_rate, kodak=kodak, jobs=jobs),
        length=steps(chosen, photos),
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        item_show_func=lambda item: item,
    ) as bar:
        for _ in bar:
            pass
    click.echo((output / "report.md").read_text("utf-8"))
    click.echo(f"See {output / 'report.html'}")
