"""Many files on a Ray cluster: Ray Data gives them to actors that keep the model."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import MissingPackageError, SvcodecError
from .outcome import Outcome, Task, Work, attempt

_BLOCKS = 10_000  # that Ray Data keeps an account of; of one file each where these are enough
_TRIES = 3  # with other actors, of those whose actor died
_Batch = dict[str, Any]  # columns


class _Coder:
    """An actor."""

    def __init__(self, pickled: bytes):
        self.work: Work = pickle.loads(pickled)

    def __call__(self, batch: _Batch) -> _Batch:
        outcomes = [attempt(self.work, pickle.loads(task)) for task in batch["task"]]
        return {"place": batch["place"], "outcome": [pickle.dumps(outcome) for outcome in outcomes]}


def outcomes(
    work: Work, tasks: Sequence[Task], address: str | None, workers: int, gpus: float = 0
) -> Iterator[tuple[int, Outcome]]:
    """Do all tasks, and give each one's place and outcome as it is done.

    Args:
        work: what to do with a task, picklable.
        tasks: any number.
        address: as `ray.init` takes it; None for the cluster that is set up, or else one on this machine.
        workers: actors at most, of one CPU each, and of one thread, as Ray sees to.
        gpus: of each of them.

    Raises:
        MissingPackageError: Ray Data is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingPackageError(f'{error}: pip install "svcodec[ray]"') from error
    ours = not ray.is_initialized()
    if ours:
        ray.init(address, log_to_driver=False)
    items = [{"place": place, "task": pickle.dumps(task)} for place, task in enumerate(tasks)]
    given = ray.data.from_items(items, override_num_blocks=min(len(items), _BLOCKS))
    given.context.max_errored_blocks = -1  # what has killed all its actors is told below
    given.context.enable_progress_bars = False
    done = given.map_batches(
        _Coder,
        fn_constructor_args=(pickle.dumps(work),),
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
        num_gpus=gpus,
        max_task_retries=_TRIES,
    )
    missing = set(range(len(items)))
    try:
        for row in done.iter_rows():
            missing.discard(row["place"])
            yield row["place"], pickle.loads(row["outcome"])
    finally:
        if ours:
            ray.shutdown()
    for place in sorted(missing):
        text = f"the workers that had it died, {_TRIES + 1} times"
        yield place, Outcome(tasks[place], error=SvcodecError(text))
