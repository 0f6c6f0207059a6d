"""What this machine computes by: for `svcodec info --machine`."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import torch

from ..models.kernels import KERNELS
from ..models.machine import VARIABLE, kernel_for, measured
from ..models.threads import own_threads, threads_for
from .arguments import MAX_PIXELS

DEVICE = "cpu"


@dataclass(frozen=True)
class Machine:
    """How the networks are computed on a machine's CPU.

    Attributes:
        kernel: the one that computes layers of eight bits.
        why: "fastest" of those that are exact here; "forced" by the environment variable SVCODEC_KERNEL; or
            "last resort", where none of `kernels` is exact.
        kernels: milliseconds that each takes for two layers; None where it is not exact here or not there at all.
        capability: the vector instructions that torch uses, by its name for them.
        torch: its version.
        threads: for a large picture; small ones take fewer.
    """

    kernel: str
    why: str
    kernels: dict[str, float | None]
    capability: str
    torch: str
    threads: int

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name."""
        return dataclasses.asdict(self)


def inspect_machine() -> Machine:
    """Say how this machine computes the networks: the same on all machines, but not equally fast.

    Raises:
        ModelError: the environment forces a kernel that is not exact here.
    """
    with own_threads(0):  # as where a model is loaded
        chosen, seconds = kernel_for(DEVICE), measured(DEVICE)
    return Machine(
        kernel=chosen.name,
        why="forced" if VARIABLE in os.environ else "fastest" if chosen in seconds else "last resort",
        kernels={kernel.name: 1000 * seconds[kernel] if kernel in seconds else None for kernel in KERNELS[DEVICE]},
        capability=torch.backends.cpu.get_cpu_capability(),
        torch=str(torch.__version__),
        threads=threads_for(MAX_PIXELS),
    )
