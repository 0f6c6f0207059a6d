"""How many threads the networks use: as many as pay, and the host's own number again afterwards.

The number is OpenMP's own, which each thread has for itself. `torch.set_num_threads` would not do: it changes also what
other threads begin with.

GNU OpenMP's threads spin while they wait for one another, by default for milliseconds: beside another busy process they
take the CPU from those that they wait for. They hardly spin while a process has more of them than CPUs (its manual
says so under GOMP_SPINCOUNT), and so a team that large sleeps beside those that work. That helps whoever imported torch
first, and is over with the coding.

A team that has worked before a fork is not there after it, and would be waited for without end. So a process made by a
fork has one thread, for whatever its program computes with torch too: only that number reaches MKL.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import torch

from ..cpus import present_cpus, usable_cpus
from ..forks import forked

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

PIXELS = 1 << 16  # for each thread after the first
MOST = 8
_SHARE = 1 << 15  # elements for which torch takes one more thread


@contextmanager
def own_threads(pixels: int) -> Iterator[None]:
    """Let the calling thread use as many threads as pay for a picture of so many pixels, until the context ends."""
    if forked():
        torch.set_num_threads(1)
    number = threads_for(pixels)
    with _openmp().limit(limits=number):
        if number == 1:
            yield
        else:
            with _sleepers:
                yield


def threads_for(pixels: int) -> int:
    """How many threads pay for a picture of so many pixels; never more than the calling thread has, or CPUs."""
    host = torch.get_num_threads()  # a thread that has not used torch before gets its number now
    return max(1, min(host, 1 + pixels // PIXELS, usable_cpus(), MOST))


@cache
def _openmp() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # only here: training does without

    return ThreadpoolController().select(user_api="openmp")


class _Sleepers:
    """A team of one thread more than there are CPUs, asleep as long as anyone needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._nobody = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1 and _spin_by_default():
                self._nobody = threading.Event()
                asleep = threading.Event()
                self._thread = threading.Thread(target=self._sleep, args=(asleep, self._nobody), daemon=True)
                self._thread.start()
                asleep.wait()

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._thread:
                self._nobody.set()
                self._thread.join()
                self._thread = None

    def _sleep(self, asleep: threading.Event, nobody: threading.Event) -> None:
        team = present_cpus() + 1
        try:
            torch.get_num_threads()
            with _openmp().limit(limits=team):
                torch.zeros(team * _SHARE, dtype=torch.uint8, device="cpu").add_(1)
        finally:
            asleep.set()
        nobody.wait()


def _spin_by_default() -> bool:
    """Whether threads are GNU OpenMP's, and nobody has said how they shall wait."""
    return sys.platform == "linux" and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)


_sleepers = _Sleepers()


def _in_child() -> None:
    global _sleepers
    _sleepers = _Sleepers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
