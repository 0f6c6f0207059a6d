"""How many threads the networks use: as many as pay, and the host's own number again afterwards.

What `torch.set_num_threads` sets is the calling thread's number, and the number that threads begin with when they
first use torch. The first is restored; the second never changes for longer than a lock is held, so that it does not
matter which of a host's threads begin, code or end meanwhile.

GNU OpenMP's threads spin while they wait for one another, by default for milliseconds: beside another busy process they
take the CPU from those that they wait for. They hardly spin while a process has more of them than CPUs (its manual
says so under GOMP_SPINCOUNT), and so a team that large sleeps beside those that work. That helps whoever imported torch
first, and is over with the coding.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

PIXELS = 1 << 16  # for each thread after the first
MOST = 8
_SHARE = 1 << 15  # elements for which torch takes one more thread
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: so many microseconds of so many

_lock = threading.Lock()


@contextmanager
def own_threads(pixels: int) -> Iterator[None]:
    """Let the calling thread use as many threads as pay for a picture of so many pixels, until the context ends."""
    with _lock:  # a thread that first uses torch here must not begin with another's number
        before = torch.get_num_threads()
    number = max(1, min(before, 1 + pixels // PIXELS, usable_cpus(), MOST))
    _set_here(number)
    try:
        if number == 1:
            yield
        else:
            with _sleepers:
                yield
    finally:
        _set_here(before)


def usable_cpus() -> int:
    """How many CPUs this process may use, by its affinity and its container's quota, rounded up."""
    try:
        quota, period = _QUOTA.read_text().split()
        return min(_cpus(), -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or one without a quota: "max"
        return _cpus()


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _set_here(number: int) -> None:
    """Set the calling thread's number of threads, but not what others begin with."""
    with _lock:
        if number == torch.get_num_threads():
            return
        known, changed = threading.Event(), threading.Event()

        def keep() -> None:
            others = torch.get_num_threads()  # what this thread, being new, begins with
            known.set()
            changed.wait()
            torch.set_num_threads(others)

        keeper = threading.Thread(target=keep, daemon=True)
        keeper.start()
        known.wait()
        torch.set_num_threads(number)
        changed.set()
        keeper.join()


class _Sleepers:
    """A team of one thread more than there are CPUs, asleep as long as anyone needs it."""

    def __init__(self) -> None:
        self._users = 0
        self._nobody = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with _lock:
            self._users += 1
            if self._users == 1 and _spin_by_default():
                self._nobody = threading.Event()
                asleep = threading.Event()
                self._thread = threading.Thread(target=self._sleep, args=(asleep, self._nobody), daemon=True)
                self._thread.start()
                asleep.wait()

    def __exit__(self, *raised: object) -> None:
        with _lock:
            self._users -= 1
            if not self._users and self._thread:
                self._nobody.set()
                self._thread.join()
                self._thread = None

    def _sleep(self, asleep: threading.Event, nobody: threading.Event) -> None:
        try:
            others = torch.get_num_threads()
            torch.set_num_threads(_cpus() + 1)
            torch.zeros((_cpus() + 1) * _SHARE, dtype=torch.uint8).add_(1)
            torch.set_num_threads(others)
        finally:
            asleep.set()
        nobody.wait()


def _spin_by_default() -> bool:
    """Whether threads are GNU OpenMP's, and nobody has said how they shall wait."""
    return sys.platform == "linux" and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)


_sleepers = _Sleepers()
