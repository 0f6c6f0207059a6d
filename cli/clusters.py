"""`--cluster` of `encode` and `decode`: a folder, or a bucket, by the machines of a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from .. import InputError
from ..cpus import usable_cpus
from ..distributed import Coder
from ..distributed.engines import SCHEMES, outcomes
from ..distributed.places import Recoder, pairs
from .batch import Batch
from .jobs import Way
from .terminal import shown

Command = TypeVar("Command", bound=Callable[..., Any])


def cluster_options(command: Command) -> Command:
    """`--cluster` and `--workers`."""
    workers = click.option(
        "--workers",
        metavar="N",
        type=click.IntRange(1),
        help="Of a cluster: how many code at once, one file each; by default as many as this machine has cores. "
        "A scheduler of Dask takes all that it has.",
    )
    cluster = click.option(
        "--cluster",
        metavar="URL",
        help=f"Code on a cluster, one of {', '.join(SCHEMES)}; IN and OUT may then be names such as s3://BUCKET/FOLDER.",
    )
    return cluster(workers(command))


def run_on_cluster(
    cluster: str,
    workers: int | None,
    coder: Callable[[], Coder],
    device: str,
    sources: Sequence[str],
    output: str | None,
    way: Way,
    batch: Batch,
    *,
    overwrite: bool,
) -> None:
    """Code a folder that fsspec knows into another one; outputs that are there are left out.

    Raises click.UsageError if the arguments can't be meant.
    """
    if len(sources) != 1 or output is None:
        raise click.UsageError("--cluster takes one folder or bucket, and -o the one for the outputs.")
    if overwrite:
        raise click.UsageError("--overwrite is not for clusters: an output that is there may be another worker's.")
    batch.of_folder = batch.skip_existing = True
    tasks = pairs(sources[0], output, way.reads, way.rename)
    times = Counter(task.target for task in tasks)
    for task in tasks:
        if times[task.target] > 1:
            text = f"would be written to {shown(task.target or '')}, and another too: {way.apart}"
            batch.error(task, InputError(text))
    tasks = [task for task in tasks if times[task.target] == 1]
    if batch.dry:
        batch.preview(tasks)
    elif tasks:
        number, gpus = workers or usable_cpus(), 0 if device.startswith("cpu") else 1
        batch.follow(outcomes(Recoder(coder()), tasks, cluster, number, gpus), tasks)
