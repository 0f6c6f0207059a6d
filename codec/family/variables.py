"""The variables of a model of the family on a stack: Gaussians on a grid, levels of samples, u under its prior.

Everything is computed in float64. An encoder and a decoder of like machines get the same frequencies; that nothing else
was decoded is what the seal is for.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...bitstream.stack import Stack
from ...bitstream.tables import LIMIT
from ...errors import ModelError
from ...family.gaussians import Gaussian
from ...family.pixels import PixelDistribution
from ...family.priors import Coupling, Mixture, Prior, RealNVP
from ...models.likelihoods import LogisticMixture

FINE = 9  # bits behind the point of latents where bits-back gives back what the grid costs
NOISE = -7 * math.log(2.0)  # log of the deviation by which local bits-back blurs what a coupling transforms
FREQUENCY_BITS = 20  # of a sample's mass
AT_ONCE = 1 << 10  # places whose frequencies are computed together


def push_latent(stack: Stack, z: Tensor, gaussian: Gaussian, bits: int = FINE) -> None:
    """Push whole multiples of 2^-bits under a Gaussian of the same shape, or one that is cut alike."""
    stack.push_gaussians(np.rint(_flat(z) * 2.0**bits), *_parameters(gaussian, bits))


def pop_latent(stack: Stack, gaussian: Gaussian, bits: int = FINE) -> Tensor:
    """Inverse of `push_latent`."""
    values = stack.pop_gaussians(*_parameters(gaussian, bits)) * 2.0**-bits
    return torch.from_numpy(values).view(gaussian.mean.shape)


def draw_latent(stack: Stack, gaussian: Gaussian) -> Tensor:
    """Multiples of 2^-FINE, drawn with bits of the stack."""
    values = stack.draw_gaussians(*_parameters(gaussian, FINE)) * 2.0**-FINE
    return torch.from_numpy(values).view(gaussian.mean.shape)


def give_back(stack: Stack, z: Tensor, gaussian: Gaussian) -> None:
    """Inverse of `draw_latent`."""
    stack.give_back_gaussians(np.rint(_flat(z) * 2.0**FINE), *_parameters(gaussian, FINE))


def on_grid(z: Tensor, bits: int) -> Tensor:
    """The nearest values that can be pushed."""
    return (_finite(z) * 2.0**bits).round().clamp(-LIMIT, LIMIT - 1) * 2.0**-bits


def push_prior(stack: Stack, prior: Prior, u: Tensor) -> None:
    """Push u, on the fine grid, for -log2 p(u) bits and those of the grid.

    Through RealNVP by local bits-back (Ho et al. 2019), coupling by coupling: the transformed half v of u is drawn,
    blurred by NOISE, and u is pushed given v under the same blur. A mixture's component is drawn given u.
    """
    if isinstance(prior, RealNVP):
        for coupling in reversed(prior.steps):
            part = _Half(coupling, u)
            v = draw_latent(stack, part.transformed(u))
            push_latent(stack, part.take(u), part.untransformed(v))
            u = part.put(v, u)
    if isinstance(prior, Mixture):
        component = int(stack.pop_symbols(_responsibilities(prior, u))[0])
        push_latent(stack, u, prior.components([component]))
        stack.push_symbols([component], weights_of(prior))
        return
    push_latent(stack, u, prior.base())


def pop_prior(stack: Stack, prior: Prior) -> Tensor:
    """Inverse of `push_prior`: u."""
    if isinstance(prior, Mixture):
        component = int(stack.pop_symbols(weights_of(prior))[0])
        u = pop_latent(stack, prior.components([component]))
        stack.push_symbols([component], _responsibilities(prior, u))
        return u
    u = pop_latent(stack, prior.base())
    if isinstance(prior, RealNVP):
        for coupling in prior.steps:
            part = _Half(coupling, u)
            v = part.take(u)
            u = part.put(pop_latent(stack, part.untransformed(v)), u)
            give_back(stack, v, part.transformed(u))
    return u


def push_level(stack: Stack, pixels: PixelDistribution, samples: Tensor, channels: int) -> None:
    """Push the first channels of samples (1, c, h, w); of what is outside the picture nothing has to be coded.

    Args:
        pixels: their distribution, at more places perhaps: those above and left are the samples'.
        samples: multiples of its step.
        channels: of the samples to be pushed.
    """
    height, width = samples.shape[2:]
    for channel in reversed(range(channels)):
        frequencies = _frequencies(_cut(pixels.mixture(channel, _padded(samples, pixels)), height, width), pixels.step)
        stack.push_symbols(samples[0, channel].flatten().numpy() / pixels.step, frequencies)


def pop_level(stack: Stack, pixels: PixelDistribution, height: int, width: int, channels: int) -> Tensor:
    """Inverse of `push_level`: (1, c, height, width); channels that were not pushed are those before them."""
    samples = pixels.base.new_zeros(1, pixels.base.shape[1], height, width)
    for channel in range(samples.shape[1]):
        if channel >= channels:
            samples[:, channel] = samples[:, channel - 1]
            continue
        frequencies = _frequencies(_cut(pixels.mixture(channel, _padded(samples, pixels)), height, width), pixels.step)
        symbols = torch.from_numpy(stack.pop_symbols(frequencies)).view(height, width)
        samples[0, channel] = symbols.to(samples.dtype) * pixels.step
    return samples


class _Half:
    """What a coupling transforms, given what it keeps."""

    def __init__(self, coupling: Coupling, u: Tensor) -> None:
        self.changed = coupling.mask.expand_as(u) == 0
        log_factor, shift = coupling.parameters_of(u)
        self.log_factor, self.shift = self.take(log_factor), self.take(shift)

    def take(self, u: Tensor) -> Tensor:
        """The changed half, (1, 1, 1, n)."""
        return u[self.changed].view(1, 1, 1, -1)

    def put(self, half: Tensor, u: Tensor) -> Tensor:
        """u with another changed half."""
        return u.masked_scatter(self.changed, half)

    def transformed(self, u: Tensor) -> Gaussian:
        """Of the half of v given the whole of u, on the way to the base."""
        scale = torch.full_like(self.log_factor, NOISE) - self.log_factor
        return Gaussian((self.take(u) - self.shift) * torch.exp(-self.log_factor), scale)

    def untransformed(self, v: Tensor) -> Gaussian:
        """Of the half of u given that of v."""
        return Gaussian(v * torch.exp(self.log_factor) + self.shift, torch.full_like(v, NOISE))


def weights_of(prior: Mixture) -> NDArray[np.float32]:
    """Frequencies of a mixture's components, (1, components)."""
    return _whole(torch.softmax(prior.weights, 0)[None])


def _responsibilities(prior: Mixture, u: Tensor) -> NDArray[np.float32]:
    return _whole(torch.softmax(prior.component_log_densities(u), 1))


def _frequencies(mixture: LogisticMixture, step: int) -> NDArray[np.float32]:
    """Of every value at every place, (n, values), of a mixture (1, logistics, n)."""
    samples = torch.arange(0, 256, step, dtype=torch.float64)
    beyond = (step - 1) / 2
    rows = []
    for start in range(0, mixture.means.shape[2], AT_ONCE):
        part = mixture.at(slice(start, start + AT_ONCE))
        each = LogisticMixture(*(values[..., None] for values in (part.logits, part.means, part.log_scales)))
        edges = samples.expand(1, each.means.shape[2], -1)
        rows.append(_whole(torch.exp2(each.log2_mass(edges - beyond, edges + beyond))[0]))
    return np.concatenate(rows)


def _whole(masses: Tensor) -> NDArray[np.float32]:
    """Integer frequencies of masses that add up to 1, none of them 0."""
    return np.floor(_finite(masses).numpy() * 2.0**FREQUENCY_BITS).astype(np.float32) + 1


def _cut(mixture: LogisticMixture, height: int, width: int) -> LogisticMixture:
    """The upper left places, (1, logistics, n)."""
    parts = (mixture.logits, mixture.means, mixture.log_scales)
    return LogisticMixture(*(part[..., :height, :width].flatten(2) for part in parts))


def _padded(samples: Tensor, pixels: PixelDistribution) -> Tensor:
    height, width = pixels.base.shape[2:]
    padding = (0, width - samples.shape[3], 0, height - samples.shape[2])
    return torch.nn.functional.pad(samples, padding, mode="replicate")


def _flat(z: Tensor) -> NDArray[np.float64]:
    return z.flatten().numpy()


def _parameters(gaussian: Gaussian, bits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and deviations in steps of 2^-bits. Raises ModelError for a model that gives no numbers."""
    mean, log_scale = _finite(gaussian.mean), _finite(gaussian.log_scale)
    return _flat(mean) * 2.0**bits, np.exp(_flat(log_scale)) * 2.0**bits


def _finite(values: Tensor) -> Tensor:
    if not bool(values.isfinite().all()):
        raise ModelError("the model's networks overflow, so that it can't code this picture")
    return values
