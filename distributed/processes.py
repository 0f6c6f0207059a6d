"""Many files on one machine: processes of one thread each.

Each process has a pipe of its own to this one. So one that dies, for want of memory for example, is known with the task
it had, and none waits for a parent that is gone, which ends their pipes.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TypeAlias

from ..errors import OutOfMemoryError, SvcodecError
from ..program import ending_in_order, own_process, signals_as_raised
from .outcome import Outcome, Result, Task, Work, attempt

Numbered: TypeAlias = "Iterable[tuple[int, Outcome]]"  # with the places of their tasks
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # of the environment, read when torch is imported


def outcomes(work: Work, tasks: Sequence[Task], processes: int = 1) -> Iterator[tuple[int, Outcome]]:
    """Do all tasks, and give each one's place and outcome as soon as it is done.

    Args:
        work: what to do with a task; for more than one process it has to be picklable.
        tasks: any number.
        processes: how many work at once, of one thread each; 1 for this one, with its own threads. No more are started
            than there are tasks.
    """
    if min(processes, len(tasks)) <= 1:
        yield from ((place, attempt(work, task)) for place, task in enumerate(tasks))
        return
    pickled = pickle.dumps(work)
    waiting = iter(enumerate(tasks))
    workers: dict[object, _Worker] = {}
    try:
        for _ in range(min(processes, len(tasks))):
            _start(pickled, next(waiting), workers)
        while workers:
            for connection in wait([worker.connection for worker in workers.values()]):
                worker = workers.pop(connection)
                outcome, following = worker.outcome(), next(waiting, None)
                if following is None or not worker.process.is_alive():
                    worker.end()
                    if following:
                        _start(pickled, following, workers)
                else:
                    worker.take(following)
                    workers[connection] = worker
                yield outcome
    finally:
        for worker in workers.values():
            worker.end()


class _Worker:
    """A process, the pipe to it, and what it has to do."""

    def __init__(self, pickled: bytes):
        context = multiprocessing.get_context("spawn")  # a fork would take threads' locks along
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there,), daemon=True)
        with _one_thread(), _deaf_to_interrupts():
            self.process.start()
        there.close()
        with suppress(OSError):  # it ended at once, which is told with its first task
            self.connection.send_bytes(pickled)

    def take(self, numbered: tuple[int, Task]) -> None:
        self.place, self.task = numbered
        with suppress(OSError):
            self.connection.send(self.task)

    def outcome(self) -> tuple[int, Outcome]:
        """Of the task that it has, once there is something to receive or the process has ended."""
        try:
            return self.place, self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return self.place, Outcome(self.task, error=_death(self.process.exitcode))

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def _start(pickled: bytes, numbered: tuple[int, Task], workers: dict[object, _Worker]) -> None:
    worker = _Worker(pickled)
    workers[worker.connection] = worker
    worker.take(numbered)


def _serve(connection: Connection) -> None:
    """What a process does until its pipe ends."""
    own_process()
    # of the errors: nobody is interested any more
    with ending_in_order(), suppress(EOFError, OSError), signals_as_raised():
        pickled = connection.recv_bytes()
        while True:
            connection.send(attempt(functools.partial(_work, pickled), connection.recv()))


def _work(pickled: bytes, task: Task) -> Result:
    return _unpickled(pickled)(task)


@functools.cache
def _unpickled(pickled: bytes) -> Work:
    return pickle.loads(pickled)


def _death(code: int | None) -> SvcodecError:
    if code == -getattr(signal, "SIGKILL", 0):
        return OutOfMemoryError(
            "the process that worked on it was killed, as systems do that run out of memory: fewer processes at once "
            "take less"
        )
    return SvcodecError(f"the process that worked on it ended with exit code {code}")


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What is started meanwhile leaves Ctrl-C, which all processes of a terminal get, to the one that started it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
