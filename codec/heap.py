"""Memory that was freed, given back to the system. Needs no torch.

Between one tile and the next, glibc keeps what it was asked for, in pieces of many sizes, and asks for more where one
tile has another size: without this, what coding takes goes on growing with the number of tiles.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def one_by_one(items: Iterable[Item]) -> Iterator[Item]:
    """Items, and before each but the first, what the work on others has freed goes back to the system."""
    trim = None
    for item in items:
        if trim is not None:
            trim(0)
        trim = _trim()
        yield item


@functools.cache
def _trim() -> Callable[[int], Any]:
    """glibc's `malloc_trim`; with other libraries nothing."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return lambda spare: None
