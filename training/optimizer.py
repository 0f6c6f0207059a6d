"""The optimisers, their step sizes over time, and the average of the weights that they leave."""

import math
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .settings import Settings

WARMUP_STEPS = 200
EMA_DECAY = 0.999
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of x, x^3 and x^5, for all singular values at once
ITERATIONS = 5


class Stepping(Protocol):
    """What takes the steps of a training."""

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step sizes."""

    def state_dict(self) -> list[dict[str, Any]]:
        """All that the next steps depend on."""

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Inverse of `state_dict`."""


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for convolutions, as matrices of output channels against fan-in.

    torch.optim.Muon takes one matrix after the other: thousands of small kernels. This one takes those of a shape
    together.
    """

    def __init__(self, parameters: Collection[nn.Parameter], lr: float):
        shapes = sorted({tuple(value.shape) for value in parameters})
        groups = [{"params": [value for value in parameters if tuple(value.shape) == shape]} for shape in shapes]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take a step along the orthogonalised momentum of every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [value for value in group["params"] if value.grad is not None]
            if not parameters:
                continue
            for value in parameters:
                state = self.state[value]
                if not state:
                    state["momentum"] = torch.zeros_like(value)
                state["momentum"].lerp_(value.grad, 1 - MOMENTUM)
            gradient = torch.stack([value.grad for value in parameters]).flatten(2)
            momentum = torch.stack([self.state[value]["momentum"] for value in parameters]).flatten(2)
            update = orthogonalised(gradient.lerp(momentum, MOMENTUM))
            rate = group["lr"] * max(1.0, gradient.shape[1] / gradient.shape[2]) ** 0.5
            for value, matrix in zip(parameters, update, strict=True):
                value.sub_(matrix.view(value.shape), alpha=rate)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (n, rows, columns) with singular values near 1 for theirs, by Newton and Schulz's iteration."""
    a, b, c = NEWTON_SCHULZ
    x = matrices.bfloat16()
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Optimizer:
    """Some of torch's optimisers, whose step sizes rise and fall together."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]):
        self.parts = parts
        self.rates = [[group["lr"] for group in part.param_groups] for part in parts]

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step sizes."""
        for part, rates in zip(self.parts, self.rates, strict=True):
            for group, rate in zip(part.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def muon_and_adam(parameters: Collection[nn.Parameter], settings: Settings) -> Stepping:
    """The photo model's: Muon for the 3x3 convolutions, Adam for everything else."""
    convolutions = [value for value in parameters if value.ndim == 4 and value.shape[-1] > 1]
    others = [value for value in parameters if value.ndim != 4 or value.shape[-1] == 1]
    return Optimizer((Muon(convolutions, settings.muon_rate), torch.optim.Adam(others, lr=settings.rate)))


def adamax(parameters: Collection[nn.Parameter], settings: Settings) -> Stepping:
    """The family's: Adam with the infinity norm (Kingma and Ba 2014), what the first paper trains with."""
    return Optimizer((torch.optim.Adamax(parameters, lr=settings.rate),))


def rate_schedule(step: int, done: float, decay: float) -> float:
    """Factor of the step size: a short rise, then level, then half a cosine over the last `decay` of the time.

    Args:
        step: taken so far.
        done: share of the time that has passed, 0..1.
        decay: 0..1.
    """
    tail = max(0.0, (done - 1.0 + decay) / decay) if decay else 0.0
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(0.01, 0.5 * (1.0 + math.cos(math.pi * tail)))


def average(averaged: Sequence[Tensor], current: Sequence[Tensor], count: int) -> None:
    """An exponential average of the weights of `count` steps, in place, shorter as long as they are few."""
    keep = min(EMA_DECAY, count / (count + 50))
    with torch.no_grad():
        get_ema_multi_avg_fn(keep)(list(averaged), list(current), count)  # type: ignore[no-untyped-call]
