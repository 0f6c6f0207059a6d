"""Memory: what coding takes, what this process can still get, and the error where it runs out. Needs no torch."""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from ..bitstream.container import Tier
from ..errors import OutOfMemoryError, TooLargeError, ran_out_of_memory

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Cost(NamedTuple):
    """Bytes at the peak, beyond what a loaded model takes, as `benchmarks/footprint.py` finds them, rounded up.

    Attributes:
        pixel: for each pixel of the picture.
        tile: beside these, for each pixel of one tile.
        several: beside these, for a picture of several tiles.
        rows: for each pixel of two rows of these, where tiles see one another.
    """

    pixel: int
    tile: int = 0
    several: int = 0
    rows: int = 0


DECODING = dict.fromkeys(Tier, Cost(6, 510, 110 << 20, 30)) | {Tier.LOSSLESS: Cost(8, 460, 40 << 20)}
ENCODING = dict.fromkeys(Tier, Cost(4, 610, 170 << 20, 44)) | {
    Tier.PREVIEW: Cost(10, 400, 140 << 20, 20),
    Tier.LOSSLESS: Cost(8, 900),
}
WIDER = 2  # times as much for each of its pixels takes a coarser level, whose networks are wider
FINE = Cost(20, 100)  # beside these, of the lower bits of a picture of sixteen
PLAIN = Cost(20)  # of decoding a picture that is written without a model
BASE = 1 << 26  # bytes for what is made once, whatever the picture: by BLAS, which ends the program where it can't

_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def cost_of(costs: Mapping[Tier, Cost], tier: Tier, deep: bool, k: int = 0) -> Cost:
    """What a picture of a tier takes, `deep` being one of sixteen bits; for k from 1 on, down to its y_k alone."""
    cost = costs[tier]
    if k:
        return Cost(cost.pixel >> k, cost.tile * WIDER >> 2 * k)
    return cost._replace(pixel=cost.pixel + FINE.pixel, tile=cost.tile + FINE.tile) if deep else cost


def needed(cost: Cost, width: int, height: int) -> int:
    """Bytes that a picture takes, about; a side that is odd takes as much as the next even one."""
    from .tiling import side_of_tiles  # which waits for NumPy

    width, height = width + width % 2, height + height % 2
    pixels, side = width * height, side_of_tiles((height, width), exact=not cost.rows)
    need = BASE + cost.pixel * pixels + cost.tile * min(pixels, side * side)
    return need if pixels <= side * side else need + cost.several + cost.rows * width * min(height, 2 * side)


def refuse_what_does_not_fit(doing: str, cost: Cost, width: int, height: int) -> None:
    """Raise TooLargeError for a picture that takes more memory than this process can get.

    Args:
        doing: what takes it, to begin the error's text with.
        cost: of it.
        width: of the picture, in pixels.
        height: likewise.
    """
    need = needed(cost, width, height)
    if need > (left := available()):
        raise TooLargeError(
            f"{doing} a picture of {width}x{height} pixels takes about {_gigabytes(need)} of memory, and "
            f"{_gigabytes(left)} can be had"
        )


def available() -> float:
    """Bytes that this process can still get: from the machine, its containers and its own limit.

    Infinity where nothing says how many, which is so on other systems than Linux.
    """
    return max(0, min(_limits(), default=math.inf))


def tells_out_of_memory(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function, with OutOfMemoryError for what Python, NumPy, Pillow or torch raises where memory runs out."""

    @functools.wraps(function)
    def telling(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except (MemoryError, RuntimeError) as error:
            if not ran_out_of_memory(error):
                raise
        # Here that error is gone, and with the frames that it held all that they had taken.
        raise OutOfMemoryError("memory ran out: free some, allow this process more, or take a smaller picture")

    return telling


def _limits() -> Iterator[int]:
    """Bytes left of each limit that is known."""
    if sys.platform != "linux":
        return
    import resource

    try:
        free = dict(line.split(":") for line in (_PROC / "meminfo").read_text().splitlines())
        yield sum(int(free[key].split()[0]) << 10 for key in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        pass
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        try:
            taken = int((_PROC / "self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError):
            taken = 0
        yield limit - taken
    yield from _left_by_containers()


def _left_by_containers() -> Iterator[int]:
    """Bytes left of the limits of this process's control groups, of either version, and of those above them."""
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, limit, usage, idle = (
            (_CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else (_CGROUP, "memory.max", "memory.current", "inactive_file")
        )
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            try:
                most, taken = (int((folder / name).read_text()) for name in (limit, usage))
                counts = dict(count.split() for count in (folder / "memory.stat").read_text().splitlines())
                yield most - taken + int(counts[idle])  # pages of files are given back when asked for
            except (OSError, KeyError, ValueError):  # not there, or "max"
                continue


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
