"""Many files on a Dask cluster: a plugin keeps the model in each worker."""

from __future__ import annotations

import pickle
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import MissingPackageError, SvcodecError
from .outcome import Outcome, Task, Work, attempt

try:
    import dask

    from distributed import Client, Future, KilledWorker, WorkerPlugin, as_completed, get_worker
except ImportError as error:
    raise MissingPackageError(f'{error}: pip install "svcodec[dask]"') from error


# Of a cluster on this machine.
_LOCAL = {
    "distributed.deploy.lost-worker-timeout": "1h",  # a worker that dies twice within it would be given up for good
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 30,  # Dask's own 64 KiB halve the speed
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 30,
}


class _Keeper(WorkerPlugin):  # type: ignore[misc]
    """What a worker keeps. One file at a time: more threads of one process gain little, and share Python's warnings."""

    def __init__(self, name: str, work: Work):
        self.name = name
        self._pickled = pickle.dumps(work)

    def setup(self, worker: Any) -> None:
        self.work: Work = pickle.loads(self._pickled)
        self.lock = threading.Lock()


def _attempt(name: str, task: Task) -> Outcome:
    keeper = get_worker().plugins[name]
    with keeper.lock:
        return attempt(keeper.work, task)


def outcomes(work: Work, tasks: Sequence[Task], address: str | None, workers: int) -> Iterator[tuple[int, Outcome]]:
    """Do all tasks, and give each one's place and outcome as it is done.

    Args:
        work: what to do with a task, picklable.
        tasks: any number.
        address: of a scheduler, such as `tcp://host:8786`; None for a cluster on this machine.
        workers: of the latter, processes of one thread each.
    """
    local = {} if address else {"n_workers": workers, "threads_per_worker": 1}
    with dask.config.set(_LOCAL), Client(address, **local) as client:
        name = f"svcodec-{uuid.uuid4()}"
        client.register_plugin(_Keeper(name, work))
        futures = client.map(_attempt, [name] * len(tasks), tasks, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        done = as_completed(futures, with_results=True, raise_errors=False)
        del futures  # what is gathered is not made again when a worker dies
        try:
            for future, result in done:
                place = places[future.key]
                yield place, _failed(tasks[place], future) if future.status == "error" else result
        finally:
            client.unregister_worker_plugin(name)


def _failed(task: Task, future: Future) -> Outcome:
    error = future.exception()
    if not isinstance(error, KilledWorker):
        raise error
    return Outcome(task, error=SvcodecError("the workers that had it died, one after another"))
