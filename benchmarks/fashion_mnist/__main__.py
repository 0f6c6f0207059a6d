"""Fashion-MNIST against MNIST, whole: `python -m svcodec.benchmarks.fashion_mnist --data ../shared/data -o OUT`.

Trains the networks, scores both test sets by every detector and writes tables and figures to OUT. What is finished
stays there: a run that was interrupted goes on.
"""

from __future__ import annotations

from pathlib import Path

import click

from ...program import OneCommand
from .experiment import FULL, QUICK, run
from .images import load


@click.command(cls=OneCommand, help=__doc__)
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="folder for the results")
@click.option("--quick", is_flag=True, help="a few images and one epoch, to see whether everything works")
def main(data: Path, output: Path, quick: bool) -> None:
    settings = QUICK if quick else FULL
    run(load(data, settings.train, settings.test), output, settings)
    click.echo((output / "table.md").read_text())


if __name__ == "__main__":
    main()
