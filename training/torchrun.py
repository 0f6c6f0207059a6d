"""A training in several processes, as `torchrun` starts them: each takes its own batches, all take the same steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .capture import Figures

Loss = Callable[[Any, Tensor], tuple[Tensor, Figures]]


@contextmanager
def processes() -> Iterator[tuple[int, int, torch.device]]:
    """Join the others, if there are any: this process's number, how many there are, and its device."""
    several = dist.is_available() and dist.is_torchelastic_launched()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not several:
        yield 0, 1, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield dist.get_rank(), dist.get_world_size(), device
    finally:
        dist.destroy_process_group()


def shared(net: nn.Module, loss: Loss, count: int, alike: bool) -> Callable[[Tensor], tuple[Tensor, Figures]]:
    """The loss of a batch, whose gradients become the means over all processes.

    Args:
        net: the same in each; those of the first process count.
        loss: of it and a batch.
        count: of processes.
        alike: whether all parameters take part in every step.
    """
    step = _Step(net, loss)
    return step if count == 1 else DistributedDataParallel(step, find_unused_parameters=not alike)


def of_the_first(value: float, count: int, device: torch.device) -> float:
    """What the first process has: clocks differ, and all have to stop after the same step."""
    if count == 1:
        return value
    told = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(told, 0)
    return told.item()


class _Step(nn.Module):
    """The loss as a module's forward, which is where DistributedDataParallel comes in."""

    def __init__(self, net: nn.Module, loss: Loss):
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, image: Tensor) -> tuple[Tensor, Figures]:
        return self.loss(self.net, image)
