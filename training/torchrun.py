"""A training in several processes, as `torchrun` starts them: each takes its own batches, all take the same steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .capture import Figures

Loss = Callable[[Any, Tensor], tuple[Tensor, Figures]]


@dataclass(frozen=True)
class Processes:
    """All that train together, as one of them sees it.

    Attributes:
        number: of this one.
        count: how many there are.
        device: of this one.
    """

    number: int
    count: int
    device: torch.device

    def shared(self, net: nn.Module, loss: Loss, alike: bool) -> Callable[[Tensor], tuple[Tensor, Figures]]:
        """The loss of a batch, whose gradients become the means over all processes.

        Args:
            net: the same in each; those of the first process count.
            loss: of it and a batch.
            alike: whether all parameters take part in every step.
        """
        step = _Step(net, loss)
        return step if self.count == 1 else DistributedDataParallel(step, find_unused_parameters=not alike)

    def of_the_first(self, value: float) -> float:
        """What the first process has: clocks differ, and all have to stop after the same step."""
        if self.count == 1:
            return value
        told = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return told.item()

    def wait_for_the_first(self) -> None:
        """Until the first process is here too, and has written what it had to."""
        self.of_the_first(0.0)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the others, if there are any."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield Processes(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


class _Step(nn.Module):
    """The loss as a module's forward, which is where DistributedDataParallel comes in."""

    def __init__(self, net: nn.Module, loss: Loss):
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, image: Tensor) -> tuple[Tensor, Figures]:
        return self.loss(self.net, image)
