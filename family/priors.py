"""p(u): RealNVP (section 2.2), and what appendix A.1 compares it with, a standard normal and a mixture of Gaussians."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .configuration import Configuration
from .dense import Convolution, DenseBlock
from .gaussians import MAX_LOG_SCALE, Gaussian, Noise, at_least_float32, chosen, standard_log_density
from .representations import Shape

MAX_LOG_FACTOR = 2.0  # a coupling scales by e^-2 to e^2


class Normal(nn.Module):
    """N(0, 1) over u, (b, *shape)."""

    like: Tensor

    def __init__(self, shape: Shape):
        super().__init__()
        self.register_buffer("like", torch.zeros(1, shape.channels, shape.side, shape.side, dtype=torch.float32), False)

    def base(self) -> Gaussian:
        """What one u is without its transforms: N(0, 1), (1, *shape)."""
        return Gaussian(self.like, self.like)

    def to_base(self, u: Tensor) -> Tensor:
        """v_0, of N(0, 1), of which u is transformed: here itself."""
        return u

    def from_base(self, v: Tensor) -> Tensor:
        """Inverse of `to_base`."""
        return v

    def log_density(self, u: Tensor) -> Tensor:
        """ln p(u): (b,)."""
        return standard_log_density(u)

    def draw(self, count: int, noise: Noise) -> Tensor:
        """Samples of u, (count, *shape)."""
        return self.from_base(noise(self.like.expand(count, -1, -1, -1)))


class Mixture(nn.Module):
    """sum over i of w_i N(m_i, s_i^2) over u, (b, *shape), with learned weights, means and diagonal scales."""

    def __init__(self, shape: Shape, components: int):
        super().__init__()
        size = (components, shape.channels, shape.side, shape.side)
        self.weights = nn.Parameter(torch.zeros(components, dtype=torch.float32))
        self.means = nn.Parameter(torch.randn(size, dtype=torch.float32))
        self.log_scales = nn.Parameter(torch.zeros(size, dtype=torch.float32))

    def components(self, which: Tensor | list[int] | slice) -> Gaussian:
        """N(m_i, s_i^2) of some, with scales within the bounds of all Gaussians: (n, *shape)."""
        return Gaussian(self.means[which], self.log_scales[which].clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE))

    def log_density(self, u: Tensor) -> Tensor:
        """ln p(u): (b,)."""
        return torch.logsumexp(self.component_log_densities(u), 1)

    def component_log_densities(self, u: Tensor) -> Tensor:
        """ln w_i N(u | m_i, s_i^2): (b, components)."""
        components, own = len(self.weights), self.components(slice(None))
        repeated = Gaussian(own.mean.repeat(len(u), 1, 1, 1), own.log_scale.repeat(len(u), 1, 1, 1))
        each = repeated.log_density(u.repeat_interleave(components, 0)).view(len(u), components)
        return each + torch.log_softmax(self.weights, 0)

    def draw(self, count: int, noise: Noise) -> Tensor:
        """Samples of u, (count, *shape)."""
        return self.components(chosen(self.weights.expand(count, -1), noise)[:, 0]).draw(noise)


class Coupling(nn.Module):
    """One of RealNVP's transforms: a half of the variables stays, and says how the other is scaled and shifted.

    Halves are the colours of a checkerboard or the halves of the channels, by turns; after four couplings each variable
    was transformed twice.
    """

    mask: Tensor

    def __init__(self, shape: Shape, width: int, layers: int, index: int):
        super().__init__()
        self.register_buffer("mask", mask_of(shape, index), False)
        self.input = Convolution(shape.channels, width)
        self.block = DenseBlock(width, layers)
        self.output = Convolution(width, 2 * shape.channels, deviation=0.0)

    def parameters_of(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Log factor and shift of the half that is not kept; zeros for the other."""
        outputs = self.output(F.elu(self.block(self.input(kept * self.mask))))
        log_factor, shift = at_least_float32(outputs).chunk(2, 1)
        changed = 1 - self.mask
        return MAX_LOG_FACTOR * torch.tanh(log_factor / MAX_LOG_FACTOR) * changed, shift * changed

    def inverse(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """f_i^-1(v_i) = v_{i-1}, and ln |det| of its Jacobian, (b,)."""
        log_factor, shift = self.parameters_of(u)
        return (u - shift) * torch.exp(-log_factor), -log_factor.sum((1, 2, 3))

    def forward(self, v: Tensor) -> Tensor:
        """f_i(v_{i-1}) = v_i."""
        log_factor, shift = self.parameters_of(v)
        return v * torch.exp(log_factor) + shift


class RealNVP(Normal):
    """ln p(u) = ln N(v_0 | 0, 1) + sum over i of ln |det d f_i^-1(v_i) / d v_i|, with u = v_L (Dinh et al. 2016)."""

    def __init__(self, shape: Shape, width: int, layers: int, couplings: int):
        super().__init__(shape)
        self.couplings = nn.ModuleList(Coupling(shape, width, layers, index) for index in range(couplings))

    @property
    def steps(self) -> list[Coupling]:
        """f_1 .. f_L."""
        return [cast(Coupling, coupling) for coupling in self.couplings]

    def to_base(self, u: Tensor) -> Tensor:
        """f_1^-1(.. f_L^-1(u))."""
        for coupling in reversed(self.steps):
            u, _ = coupling.inverse(u)
        return u

    def from_base(self, v: Tensor) -> Tensor:
        """f_L(.. f_1(v))."""
        for coupling in self.steps:
            v = coupling(v)
        return v

    def log_density(self, u: Tensor) -> Tensor:
        total = u.new_zeros(len(u))
        for coupling in reversed(self.steps):
            u, log_determinant = coupling.inverse(u)
            total = total + log_determinant
        return standard_log_density(u) + total


Prior = Normal | Mixture


def mask_of(shape: Shape, index: int) -> Tensor:
    """1 where a coupling keeps the variable: (1, *shape)."""
    channel = torch.arange(shape.channels).view(1, -1, 1, 1)
    row = torch.arange(shape.side).view(1, 1, -1, 1)
    column = torch.arange(shape.side).view(1, 1, 1, -1)
    whole = torch.zeros(1, *shape[:1], shape.side, shape.side, dtype=torch.int64)
    half = (channel >= shape.channels // 2).to(torch.int64) if index // 2 % 2 else (row + column) % 2
    return ((half + whole) % 2 == index % 2).to(torch.float32)


def prior_of(configuration: Configuration) -> Prior:
    """p(u) as a configuration has it."""
    shape = configuration.latent(configuration.depth + 1)
    if configuration.prior == "normal":
        return Normal(shape)
    if configuration.prior == "mixture":
        return Mixture(shape, configuration.gaussians)
    width = configuration.width
    return RealNVP(shape, width, configuration.layers, configuration.couplings)
