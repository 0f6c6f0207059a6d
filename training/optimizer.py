"""The optimisers, their step sizes over time, and the average of the weights that they leave."""

import math
from collections.abc import Collection
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .settings import Settings

WARMUP_STEPS = 200
EMA_DECAY = 0.999

Weights = tuple[Tensor, ...] | list[Tensor]


class Stepping(Protocol):
    """What takes the steps of a training."""

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step sizes."""

    def state_dict(self) -> list[dict[str, Any]]:
        """All that the next steps depend on."""

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Inverse of `state_dict`."""


class Optimizer:
    """Muon for the 3x3 convolutions, as matrices of output channels against fan-in; Adam for everything else."""

    def __init__(self, parameters: Collection[nn.Parameter], muon_rate: float, adam_rate: float):
        self.convolutions = [value for value in parameters if value.ndim == 4 and value.shape[-1] > 1]
        # in the same memory: the model's weights are channels_last
        self.matrices = [
            nn.Parameter(value.detach().permute(0, 2, 3, 1).view(len(value), -1)) for value in self.convolutions
        ]
        convolutions = set(self.convolutions)
        self.parts = (
            torch.optim.Muon(self.matrices, lr=muon_rate, weight_decay=0.0),
            torch.optim.Adam([value for value in parameters if value not in convolutions], lr=adam_rate),
        )
        self.rates = (muon_rate, adam_rate)

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step sizes."""
        for convolution, matrix in zip(self.convolutions, self.matrices, strict=True):
            matrix.grad = None if convolution.grad is None else convolution.grad.permute(0, 2, 3, 1).flatten(1)
        for part, rate in zip(self.parts, self.rates, strict=True):
            part.param_groups[0]["lr"] = rate * factor
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


class AdaMax:
    """Adam with the infinity norm (Kingma and Ba 2014), for all weights: what the first paper trains with."""

    def __init__(self, parameters: Collection[nn.Parameter], rate: float):
        self.rate = rate
        self.whole = torch.optim.Adamax(parameters, lr=rate)

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step size."""
        self.whole.param_groups[0]["lr"] = self.rate * factor
        self.whole.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [self.whole.state_dict()]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        self.whole.load_state_dict(*states)


def muon_and_adam(parameters: Collection[nn.Parameter], settings: Settings) -> Stepping:
    """The photo model's."""
    return Optimizer(parameters, settings.muon_rate, settings.rate)


def adamax(parameters: Collection[nn.Parameter], settings: Settings) -> Stepping:
    """The family's."""
    return AdaMax(parameters, settings.rate)


def rate_schedule(step: int, done: float, decay: float) -> float:
    """Factor of the step size: a short rise, then level, then half a cosine over the last `decay` of the time.

    Args:
        step: taken so far.
        done: share of the time that has passed, 0..1.
        decay: 0..1.
    """
    tail = max(0.0, (done - 1.0 + decay) / decay) if decay else 0.0
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(0.01, 0.5 * (1.0 + math.cos(math.pi * tail)))


def average(averaged: Weights, current: Weights, count: Tensor | int) -> None:
    """What `AveragedModel` is to do: an exponential average in place, shorter as long as it is of few steps."""
    keep = min(EMA_DECAY, int(count) / (int(count) + 50))
    get_ema_multi_avg_fn(keep)(averaged, current, count)  # type: ignore[no-untyped-call]
