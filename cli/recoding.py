"""How `encode` and `decode` go through their files: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ..distributed import Coder
from .batch import Batch
from .clusters import run_on_cluster
from .jobs import Way, plan, recode


def code(
    coder: Callable[[str | None], Coder],
    sources: Sequence[str],
    output: str | None,
    way: Way,
    batch: Batch,
    *,
    overwrite: bool,
    processes: int,
    cluster: str | None,
    workers: int | None,
    device: str,
) -> None:
    """Code all files that are not there yet, or say what would be done, and sum up.

    Args:
        coder: makes what codes them, given the first output, whose suffix is that of all unless it is the only one;
            None on a cluster.
        sources: as for `plan`, as are the next three and `overwrite`.
        processes: as for `Batch.run`.
        cluster: as for `run_on_cluster`, as are the next two; None for this machine.

    Raises click.UsageError if the arguments can't be meant.
    """
    if cluster:
        run_on_cluster(cluster, workers, partial(coder, None), device, sources, output, way, batch, overwrite=overwrite)
    else:
        jobs = plan(sources, output, way, batch, overwrite=overwrite)
        if batch.dry:
            batch.preview(jobs)
        elif jobs:
            batch.run(partial(recode, coder(jobs[0].target)), jobs, processes)
    batch.finish()
