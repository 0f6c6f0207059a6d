"""How commands that make files of files go through them: on this machine, or on a cluster."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..distributed import Coder
from .batch import Batch
from .clusters import run_on_cluster
from .jobs import Way, plan, recode


@dataclass(frozen=True)
class Files:
    """What the options say that all these commands share.

    Attributes:
        sources, output, overwrite: as for `plan`.
        skip_existing, dry_run, as_json, quiet: as for `Batch`.
        processes: as for `Batch.run`.
        cluster, workers: as for `run_on_cluster`; None for this machine.
    """

    sources: tuple[str, ...]
    output: str | None
    overwrite: bool
    skip_existing: bool
    dry_run: bool
    processes: int
    as_json: bool
    quiet: bool
    cluster: str | None = None
    workers: int | None = None


def of_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command those of its options as one argument, its first."""
    names = [field.name for field in dataclasses.fields(Files)]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        files = Files(**{name: given.pop(name) for name in names if name in given})
        command(files, **given)

    return called


def code(coder: Callable[[str | None], Coder], files: Files, way: Way, verb: str, device: str = "cpu") -> None:
    """Code all files that are not there yet, or say what would be done, and sum up.

    Args:
        coder: makes what codes them, given the first output, whose suffix is that of all unless it is the only one;
            None on a cluster.
        files: which.
        way: as for `plan`.
        verb: as for `Batch`.
        device: as for `run_on_cluster`.

    Raises click.UsageError if the arguments can't be meant.
    """
    batch = Batch(verb, as_json=files.as_json, quiet=files.quiet, skip_existing=files.skip_existing, dry=files.dry_run)
    given, overwrite = (files.sources, files.output, way, batch), files.overwrite
    if files.cluster:
        run_on_cluster(
            files.cluster, files.workers, functools.partial(coder, None), device, *given, overwrite=overwrite
        )
    else:
        jobs = plan(*given, overwrite=overwrite)
        if batch.dry:
            batch.preview(jobs)
        elif jobs:
            batch.run(functools.partial(recode, coder(jobs[0].target)), jobs, files.processes)
    batch.finish()
