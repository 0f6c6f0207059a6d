"""u and z to and from the stack: rounded and coded directly, or drawn by bits-back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..arrays import Integers
from ..bitstream.stack import Stack
from ..bitstream.tables import SCALES
from ..models import density
from ..models.details import MEAN_BITS, MIN_LOG_SCALE, SCALE_STEPS, Draw, Group, Prior, whole_steps

SHIFTS = range(-12, 13)  # of scale indices: from 2^-1.5 to 2^1.5 times the scale
SHIFT_SCALE_INDEX = 44  # of the latents' density, under which shifts are coded: s = 2^0.5
OFFSET_BITS = MEAN_BITS  # bits-back draws latents on a grid of sixteenths of a step


@dataclass(frozen=True)
class Drawn:
    """What one draw adds to the stack.

    Attributes:
        residuals: whole steps from the prior's mean, (channels, n).
        scales: indices of the residual tables, likewise.
        offsets: in sixteenths of a step, where bits-back is used, flat.
    """

    residuals: Integers
    scales: Integers
    offsets: Integers | None

    def push(self, stack: Stack) -> None:
        """Push residuals and, above them, shifts of their scales, or offsets: bits-back takes scales as they are."""
        if self.offsets is not None:
            stack.push_residuals(self.residuals.ravel(), self.scales.ravel(), self.offsets)
            stack.push_uniform(self.offsets, OFFSET_BITS)
            return
        shifts = best_shifts(self.residuals, self.scales, stack.tables.costs)
        stack.push_residuals(self.residuals.ravel(), shifted(self.scales, shifts))
        stack.push_residuals(shifts, np.full(len(shifts), SHIFT_SCALE_INDEX))


def best_shifts(residuals: Integers, scales: Integers, costs: npt.NDArray[np.float32]) -> Integers:
    """By how much to shift the scale indices of each channel, (channels,), so that its residuals take least.

    The networks expect the scales of an average photo; in one picture, they are all a little off in the same direction.

    Args:
        costs: `ResidualTables.costs`.
    """
    count, width = costs.shape
    reach = width // 2
    best = []
    for values, indices in zip(np.clip(residuals, -reach, reach) + reach, scales, strict=True):
        first = indices.min(initial=count - 1)
        used = np.arange(first, indices.max(initial=first) + 1)
        histogram = np.bincount((indices - first) * width + values, minlength=len(used) * width)
        coded = histogram.reshape(len(used), width).astype(np.float32) @ costs.T
        bits = [
            coded[used - first, (used + shift).clip(0, count - 1)].sum() + costs[SHIFT_SCALE_INDEX, reach + shift]
            for shift in SHIFTS
        ]
        best.append(SHIFTS[int(np.argmin(bits))])
    return np.array(best, np.int32)


def shifted(scales: Integers, shifts: Integers) -> Integers:
    """Scale indices (channels, n), shifted by channel and clamped, flat."""
    return np.clip(scales + shifts[:, None], 0, SCALES - 1).ravel()


def scale_indices(log_scale: Tensor) -> Integers:
    """log2 of the priors' scales (1, channels, n) as indices of the residual tables, (channels, n)."""
    return to_integers(torch.floor((log_scale - MIN_LOG_SCALE) * SCALE_STEPS + 0.5))


def to_integers(values: Tensor) -> Integers:
    """Whole floats (1, channels, n) as int32 (channels, n)."""
    return values[0].to("cpu", torch.int32).numpy()


def draw_direct(inferred: Tensor, record: list[Drawn]) -> Draw:
    """The encoder's draw: round the posterior's mean, and record it."""

    def draw(group: Group, prior: Prior) -> Tensor:
        residuals = whole_steps(group.take(inferred) * prior.factor, prior.mean)
        record.append(Drawn(to_integers(residuals), scale_indices(prior.log_scale), None))
        return prior.mean + residuals

    return draw


def draw_bits_back(inferred: Tensor, record: list[Drawn], stack: Stack) -> Draw:
    """The encoder's draw from the uniform posterior, one step wide, with bits that the stack holds.

    On a grid of sixteenths, each offset from the prior's mean has just one whole step within the posterior: the
    offset is popped, four bits a latent, and the step follows from it.
    """

    def draw(group: Group, prior: Prior) -> Tensor:
        mean = prior.mean
        offsets = stack.pop_uniform(mean.numel(), OFFSET_BITS)
        shifted_mean = mean + torch.from_numpy(offsets).to(mean).view(mean.shape) * 2.0**-OFFSET_BITS
        residuals = whole_steps(group.take(inferred) * prior.factor, shifted_mean)
        record.append(Drawn(to_integers(residuals), scale_indices(prior.log_scale), offsets))
        return shifted_mean + residuals

    return draw


def draw_popped(stack: Stack, returned: list[Integers] | None = None) -> Draw:
    """The decoder's draw. With a list for `returned`, bits-back: it collects the offsets to push back in the end."""

    def draw(group: Group, prior: Prior) -> Tensor:
        mean, scales, offsets = prior.mean, scale_indices(prior.log_scale), None
        if returned is not None:
            offsets = stack.pop_uniform(mean.numel(), OFFSET_BITS)
            returned.append(offsets)
            indices = scales.ravel()
        else:
            indices = shifted(scales, stack.pop_residuals(np.full(len(scales), SHIFT_SCALE_INDEX)))
        residuals = torch.from_numpy(stack.pop_residuals(indices, offsets)).to(mean).view(mean.shape)
        if offsets is not None:
            residuals = residuals + torch.from_numpy(offsets).to(mean).view(mean.shape) * 2.0**-OFFSET_BITS
        return mean + residuals

    return draw


def draw_sampled(generator: np.random.Generator) -> Draw:
    """The draw that codes nothing and samples the prior."""

    def draw(group: Group, prior: Prior) -> Tensor:
        noise = torch.from_numpy(density.sample(generator, tuple(prior.mean.shape))).to(prior.mean)
        return prior.mean + torch.exp2(prior.log_scale) * noise

    return draw


def give_back(stack: Stack, returned: list[Integers]) -> None:
    """Push the offsets that bits-back had drawn with, once what they chose is known."""
    for offsets in reversed(returned):
        stack.push_uniform(offsets, OFFSET_BITS)


def push_drawn(stack: Stack, drawn: list[Drawn]) -> None:
    """Push what the encoder's draws recorded, so that the decoder pops it in their order."""
    for part in reversed(drawn):
        part.push(stack)
