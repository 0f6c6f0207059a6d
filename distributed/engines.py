"""Which engine a cluster's name stands for."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from .outcome import Task, Work
from .processes import Numbered

SCHEMES = ("ray", "dask", "ray://HOST:PORT", "tcp://HOST:PORT", "tls://HOST:PORT")


def outcomes(work: Work, tasks: Sequence[Task], cluster: str, workers: int, gpus: float = 0) -> Numbered:
    """Do all tasks on a cluster, and give each one's place and outcome as it is done.

    Args:
        work: what to do with a task, picklable; for names of fsspec `places.Recoder`.
        tasks: any number.
        cluster: `ray` for the cluster that Ray is set up for, or else one on this machine, `ray://HOST:PORT` for a
            server of Ray's clients; `tcp://HOST:PORT` or `tls://...` for a scheduler of Dask, `dask` for one on this
            machine.
        workers: of Ray at most, or of a cluster on this machine; a scheduler of Dask takes all that it has.
        gpus: of each of Ray's workers.

    Raises:
        InputError: the name is none of these.
        MissingPackageError: the engine is not installed.
    """
    scheme = cluster.partition("://")[0]
    if scheme == "ray":
        from . import on_ray

        return on_ray.outcomes(work, tasks, None if cluster == "ray" else cluster, workers, gpus)
    if scheme in ("dask", "tcp", "tls"):
        from . import on_dask

        return on_dask.outcomes(work, tasks, None if cluster == "dask" else cluster, workers)
    raise InputError(f"there is no cluster {cluster!r}: it is one of {', '.join(SCHEMES)}")
