"""u and z to and from the stack: rounded and coded directly, or drawn by bits-back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..bitstream import Stack
from ..models import density
from ..models.details import MEAN_BITS, MIN_LOG_SCALE, SCALE_STEPS, Draw, Group

OFFSET_BITS = MEAN_BITS  # bits-back draws latents on a grid of sixteenths of a step

Integers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Drawn:
    """What one draw adds to the stack.

    Attributes:
        residuals: whole steps from the prior's mean, flat.
        scales: indices of the residual tables.
        offsets: in sixteenths of a step, where bits-back is used.
    """

    residuals: Integers
    scales: Integers
    offsets: Integers | None

    def push(self, stack: Stack) -> None:
        stack.push_residuals(self.residuals, self.scales, self.offsets)
        if self.offsets is not None:
            stack.push_uniform(self.offsets, OFFSET_BITS)


def scale_indices(log_scale: Tensor) -> Integers:
    """log2 of the priors' scales as indices of the residual tables, flat."""
    index = torch.floor((log_scale - MIN_LOG_SCALE) * SCALE_STEPS + 0.5)
    return index.flatten().to("cpu", torch.int32).numpy()


def draw_direct(inferred: Tensor, record: list[Drawn]) -> Draw:
    """The encoder's draw: round the posterior's mean, and record it."""

    def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
        residuals = torch.floor(group.take(inferred) - mean + 0.5)
        record.append(Drawn(residuals.flatten().to("cpu", torch.int32).numpy(), scale_indices(log_scale), None))
        return mean + residuals

    return draw


def draw_bits_back(inferred: Tensor, record: list[Drawn], stack: Stack) -> Draw:
    """The encoder's draw from the uniform posterior, one step wide, with bits that the stack holds.

    On a grid of sixteenths, each offset from the prior's mean has just one whole step within the posterior: the
    offset is popped, four bits a latent, and the step follows from it.
    """

    def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
        offsets = stack.pop_uniform(mean.numel(), OFFSET_BITS)
        shift = torch.from_numpy(offsets).to(mean).view(mean.shape) * 2.0**-OFFSET_BITS
        residuals = torch.floor(group.take(inferred) - mean - shift + 0.5)
        record.append(Drawn(residuals.flatten().to("cpu", torch.int32).numpy(), scale_indices(log_scale), offsets))
        return mean + shift + residuals

    return draw


def draw_popped(stack: Stack, returned: list[Integers] | None = None) -> Draw:
    """The decoder's draw. With a list for `returned`, bits-back: it collects the offsets to push back in the end."""

    def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
        offsets = None
        if returned is not None:
            offsets = stack.pop_uniform(mean.numel(), OFFSET_BITS)
            returned.append(offsets)
        residuals = torch.from_numpy(stack.pop_residuals(scale_indices(log_scale), offsets)).to(mean).view(mean.shape)
        if offsets is not None:
            residuals = residuals + torch.from_numpy(offsets).to(mean).view(mean.shape) * 2.0**-OFFSET_BITS
        return mean + residuals

    return draw


def draw_sampled(generator: np.random.Generator) -> Draw:
    """The draw that codes nothing and samples the prior."""

    def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
        noise = torch.from_numpy(density.sample(generator, tuple(mean.shape))).to(mean)
        return mean + torch.exp2(log_scale) * noise

    return draw
