"""What processes of tests do: they find it by this module's name."""

from __future__ import annotations

import os
import signal
import time
import warnings
from pathlib import Path

from svcodec import InputError
from svcodec.distributed import Result, Task
from svcodec.distributed.outcome import Work


def by_name(task: Task) -> Result:
    """Do what the name says, and say in which process, with how many threads."""
    kind = Path(task.source).stem
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        os._exit(7)
    if kind == "refused":
        raise InputError("refused")
    if kind == "odd":
        raise Odd(1, 2)
    if kind == "slow":
        time.sleep(0.5)
    warnings.warn(f"about {kind}", UserWarning, stacklevel=1)
    fields = {"threads": os.environ.get("OMP_NUM_THREADS"), "process": os.getpid()}
    return Result(kind, fields)


class Odd(Exception):
    """One that can be pickled, but not unpickled."""

    def __init__(self, a: int, b: int):
        super().__init__("an odd error")


class Unloadable:
    """Work that can't be unpickled."""

    def __call__(self, task: Task) -> Result:
        return Result()

    def __reduce__(self) -> tuple[object, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise InputError("can't be loaded")


class Deadly:
    """Recoding in a process that dies once after it has written 07, once before it writes 23, and always of poison."""

    def __init__(self, work: Work, flags: Path):
        self.work = work
        self.flags = flags

    def __call__(self, task: Task) -> Result:
        name = Path(task.source).stem
        if name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        flag = self.flags / name
        if name in ("07", "23") and not flag.exists():
            flag.touch()
            if name == "07":
                self.work(task)
            os.kill(os.getpid(), signal.SIGKILL)
        return self.work(task)


class Signal:
    """An attribute of a class that ends the program, as a signal may, when it is told its name."""

    def __init__(self, raised: BaseException):
        self.raised = raised

    def __set_name__(self, owner: type, name: str) -> None:
        raise self.raised


def ends_while_a_class_is_made(raised: BaseException) -> None:
    type("Made", (), {"attribute": Signal(raised)})


class Ending(Task):
    """A task at whose unpickling a signal ends the process."""

    def __reduce__(self) -> tuple[object, ...]:
        return ends_while_a_class_is_made, (SystemExit(143),)
