"""What a process made by a fork has to know: of its parent's threads it has but the one that forked."""

from __future__ import annotations

import os
import threading

_imported_by = os.getpid()  # which is before torch is needed


def forked() -> bool:
    """Whether this process was made by a fork since svcodec was imported: teams of threads may be missing."""
    return os.getpid() != _imported_by


class FreshLock:
    """A lock for a module to keep, which a process made by a fork finds free, whoever held it."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()
