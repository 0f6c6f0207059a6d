"""How many CPUs this process may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: so many microseconds of so many


def usable_cpus() -> int:
    """As its affinity and its container's quota, rounded up, let it."""
    try:
        quota, period = _QUOTA.read_text().split()
        return min(present_cpus(), -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or one without a quota: "max"
        return present_cpus()


def present_cpus() -> int:
    """As its affinity alone lets it."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
