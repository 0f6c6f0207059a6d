"""The first paper's experiments: trains its models, measures them, and writes table 1 and the figures.

PLAN is the name of one that comes with the package, or a .json file. What is finished stays in OUT: a run that was
interrupted goes on.
"""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import InputError
from ...program import OneCommand
from ...training.datasets import load
from ...training.family_training import refuse_other_images
from .feature_distance import metric_of
from .plan import read
from .trials import examine, run


@click.command(cls=OneCommand, help=__doc__)
@click.argument("plan", metavar="PLAN")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The plan's data set, on disk.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for everything.")
@click.option("--only", metavar="KIND", multiple=True, help="Train and measure this model alone; may be repeated.")
@click.option("--inception", metavar="FILE", type=click.Path(path_type=Path), help="FID's network, in TorchScript.")
def main(plan: str, data: Path, output: Path, only: tuple[str, ...], inception: Path | None) -> None:
    chosen = read(plan)
    if unknown := [name for name in only if name not in chosen.models]:
        raise InputError(f"{unknown[0]} is none of the plan's models: {', '.join(chosen.models)}")
    metric = metric_of(inception)
    images = load(chosen.data, data, chosen.side)
    if len(images.testing) < 2:
        raise InputError("there are fewer than two images to test models on")
    refuse_other_images(images, output)
    for name in only:
        examine(chosen, name, images, output, metric)
    if not only:
        run(chosen, images, output, metric)
        click.echo((output / "table.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
