"""Exact arithmetic inside any program: what the program has set otherwise is set aside while we compute.

What torch and NumPy keep for each thread (autocast, gradients, a default device and other modes of torch's functions,
NumPy's errors) is set aside for the calling thread alone. Of what they keep for the whole process two things matter.
The default type of floats can't be set aside without changing it for other threads, so every tensor here says its own.
How short float32 products may become, a kernel asks when it is called: that is held as long as anybody computes, and is
then what the program has set, before or meanwhile. (NNPACK, which may round, torch asks only for sixteen pictures or
more at once.)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from ..errors import ModelError, SvcodecError, ran_out_of_memory
from .threads import own_threads

TRIES = 3  # of work that is disturbed

Result = TypeVar("Result")

_torch: Any = torch._C  # `torch.backends` refuses where a program mixed its old and its new names
_get, _put = _torch._get_fp32_precision_getter, _torch._set_fp32_precision_setter
lock = threading.Lock()  # of whoever reads or writes precisions


class Precision:
    """How short torch may make the float32 products of an operation: not at all as long as anybody computes.

    What is not set for an operation, "none", it inherits from its backend, and that from the whole of torch. So what
    is set for itself is read with these put aside. It is held at "none" where that is what it inherits, too: then it is
    noticed when the program sets "ieee", as torch's older names do, and that is what it has in the end.
    """

    def __init__(self, backend: str, operation: str) -> None:
        self._key, self._backend = (backend, operation), (backend, "all")
        self._users = self._changes = 0
        self._held = self._before = "none"

    def take(self) -> None:
        """Hold it for one more."""
        self.changes()
        if not self._users:
            self._before = self._own()
            self._hold()
        self._users += 1

    def changes(self) -> int:
        """How often the program was found to have let products be shorter while it was held; it is held again."""
        if not self._users:
            return self._changes
        shorter, own = _get(*self._key) not in ("none", "ieee"), self._own()
        if own != self._held:
            self._before = own
        if shorter or own != self._held:
            self._hold()
        self._changes += shorter
        return self._changes

    def release(self) -> None:
        """Hold it for one less; the last one gives it back."""
        self.changes()
        self._users -= 1
        if not self._users:
            _put(*self._key, self._before)

    def let_go(self) -> None:
        """Give it back, whoever still holds it."""
        if self._users:
            self._users = 1
            self.release()

    def _hold(self) -> None:
        self._held = "none" if _get(*self._backend) == "none" else "ieee"
        _put(*self._key, self._held)

    def _own(self) -> str:
        with ExitStack() as inherited:
            for above in (("generic", "all"), self._backend):
                if (value := _get(*above)) != "none":
                    _put(*above, "none")
                    inherited.callback(partial(_put, *above, value))
            return str(_get(*self._key))


_ON_CPU = (Precision("mkldnn", "conv"), Precision("mkldnn", "matmul"))
_ELSEWHERE = (*_ON_CPU, Precision("cuda", "matmul"))


class Watch:
    """Tells whether the program has let products be shorter since this was made."""

    def __init__(self, held: tuple[Precision, ...]) -> None:
        self._held = held
        self._before = self._changes()

    @property
    def disturbed(self) -> bool:
        """Whether something may have been computed otherwise than exactly."""
        return self._changes() != self._before

    def _changes(self) -> int:
        with lock:
            return sum(precision.changes() for precision in self._held)


@contextmanager
def exact_arithmetic(kind: str = "cpu") -> Iterator[Watch]:
    """Keep the program's settings from whatever the calling thread computes; contexts may lie in one another.

    Args:
        kind: of device, as `torch.device.type`: what is set for others stays.
    """
    held = _ON_CPU if kind == "cpu" else _ELSEWHERE
    with ExitStack() as aside:
        aside.enter_context(_torch.DisableTorchFunction())
        for each in {"cpu", kind}:
            aside.enter_context(torch.autocast(each, enabled=False))
        aside.enter_context(torch.inference_mode())
        aside.enter_context(np.errstate(all="ignore"))
        with lock:
            for precision in held:
                precision.take()
                aside.callback(_release, precision)
        yield Watch(held)


def _release(precision: Precision) -> None:
    with lock:
        precision.release()


def undisturbed(kind: str, pixels: int, work: Callable[[], Result]) -> Result:
    """What `work` returns, computed in `exact_arithmetic`, with as many threads as pay for so many pixels.

    Where another thread of the program lets products be shorter meanwhile, it is done again.

    Raises:
        ModelError: that goes on, or torch can't compute; where it is memory that it lacks, its own error.
    """
    for _ in range(TRIES):
        with own_threads(pixels), exact_arithmetic(kind) as watch:
            try:
                result = work()
            except Exception as error:
                if not watch.disturbed:
                    if not _is_torch_s(error):
                        raise
                    raise ModelError(f"torch can't compute here: {summary(error)}") from error
            else:
                if not watch.disturbed:
                    return result
    raise ModelError("another thread of this program goes on changing how exactly torch computes")


def _is_torch_s(error: Exception) -> bool:
    """Whether torch can't compute, for another reason than a lack of memory: those that modes have are of any type."""
    if isinstance(error, SvcodecError) or ran_out_of_memory(error):
        return False
    return isinstance(error, RuntimeError) or bool(_torch._len_torch_dispatch_stack())


def summary(error: Exception) -> str:
    """The first line of what an error says; torch's go on for many."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _in_child() -> None:
    """Of a fork's two processes the new one has but the thread that forked, which was not computing."""
    for precision in _ELSEWHERE:
        precision.let_go()
    lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=_in_child)
