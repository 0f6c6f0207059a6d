"""Convolutions whose results are the same on every machine.

Inputs and weights are whole steps of dyadic grids: inputs integers q times 2^-e, the weights of output channel c
integers w times 2^-a_c. The sum over the fan-in is then an integer times 2^-(a_c + e), and every kernel that adds up
integers below 2^24 without rounding gives the same, in any order and in any type that holds them, as long as

    (sum of |w| over the fan-in) * max |q| + |bias|  <  2^24,    bias in the same steps.

`ExactConv2d.snap` chooses grids that keep this bound; `check_bound` proves it for every output channel. Eight bits for
inputs and weights let int8 kernels do it (`kernels.py`). Everything between convolutions is elementwise IEEE
arithmetic, which is correctly rounded and so needs no bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import rounding
from .kernels import FLOAT32, Kernel

WEIGHT_STEPS = 127  # largest magnitude of a weight, in steps: an int8
RECTIFIED = (0, 255)  # steps of inputs that come out of a rectifier
SIGNED = (-128, 127)  # ... and of others
SUM_BITS = 24  # float32 holds every integer up to 2^24
PERCENTILE = 0.9999  # of the inputs seen, that the grid reaches


def round_to(x: Tensor, exponent: int) -> Tensor:
    """Nearest multiple of 2^-exponent, halves to the even one."""
    return torch.round(x * 2.0**exponent) * 2.0**-exponent


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The value of `exact` with the gradient of `smooth`."""
    return smooth + (exact - smooth).detach()


class ExactnessError(ArithmeticError):
    """A layer could round: its sums may leave the range in which float32 is exact."""


class ExactConv2d(nn.Conv2d):
    """Stride-1 convolution with zero padding that keeps the size, of its inputs or, if `rectified`, of max(inputs, 0).

    A new layer computes in plain floats, for training. `snap` puts it on grids fitted to its weights and to the inputs
    it has seen; from then on it is exact in evaluation, and trains straight through the grids.

    Attributes:
        input_steps: least and greatest input, in steps.
        weight_steps: largest magnitude of a weight, in steps.
        input_exponent: e; inputs are rounded to multiples of 2^-e.
        weight_exponents: a_c of every output channel, int64 (out_channels,).
        largest_input: what all but a ten-thousandth of the inputs stayed below in magnitude while `watching`.
        moments: of the patches seen meanwhile, as `rounding.second_moments` gives them.
        kernel: what adds up.
    """

    bias: Tensor  # always there

    weight_steps = WEIGHT_STEPS
    watching = False
    snapped = False
    kernel: Kernel = FLOAT32

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, zero: bool = False, rectified: bool = False):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        nn.init.zeros_(self.bias)
        if zero:
            nn.init.zeros_(self.weight)
        self.input_steps = RECTIFIED if rectified else SIGNED
        self.input_exponent = 0
        self.weight_exponents = torch.zeros(outputs, dtype=torch.int64)
        self.largest_input = 0.0
        self.moments: Tensor | None = None
        self._packed: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.snapped:
            x = F.relu(x) if self.input_steps == RECTIFIED else x
            if self.watching:
                self._watch(x)
            return super().forward(x)
        if not self.training:
            return self.values(self.steps(x))
        low, high = (edge * 2.0**-self.input_exponent for edge in self.input_steps)
        clamped = x.clamp(low, high)
        weight, bias = self.on_grid()
        return F.conv2d(
            straight_through(round_to(clamped, self.input_exponent), clamped),
            straight_through(weight, self.weight),
            straight_through(bias, self.bias),
            padding=self.padding,
        )

    @property
    def eight_bits(self) -> bool:
        """Whether inputs and weights fit a byte each."""
        return self.input_steps in (RECTIFIED, SIGNED) and self.weight_steps <= WEIGHT_STEPS

    def steps(self, x: Tensor) -> Tensor:
        """Inputs as whole steps, in the form that the kernel takes; the rectifier is the lower end of its grid."""
        return self.kernel.steps(x, self)

    def values(self, steps: Tensor) -> Tensor:
        """The convolution of what `steps` returned: float32."""
        return self.kernel.values(steps, self)

    def then(self, following: ExactConv2d, x: Tensor) -> Tensor:
        """The rectified convolution `following` of this one: where both are exact, without leaving whole steps."""
        if self.training or not (self.snapped and following.snapped):
            return following(self(x))
        return following.values(self.kernel.rectified(self.steps(x), self, following))

    def packed(self, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
        """Weights as oneDNN's int8 kernels want them, their scales and zero points; made once."""
        if self._packed is None:
            scales = torch.exp2(-self.weight_exponents.to(torch.float32))
            zeros = torch.zeros(len(scales), dtype=torch.int64)
            weight = (self.weight / scales.view(-1, 1, 1, 1)).to(torch.int8)
            grid = (2.0**-self.input_exponent, -self.input_steps[0])
            packed = torch.ops.onednn.qconv_prepack(
                weight, scales, *grid, [1, 1], list(self.padding), [1, 1], 1, list(shape)
            )
            self._packed = packed, scales, zeros
        return self._packed

    @torch.no_grad()
    def snap(self) -> None:
        """Choose the grids, and round the parameters to them; by the inputs seen, where there are any."""
        reach = max(abs(edge) for edge in self.input_steps)
        self.input_exponent = math.floor(math.log2(self.input_steps[1] / max(self.largest_input, 2.0**-8)))
        weight = self.weight.double().abs()
        # Rounding may lengthen each weight and the bias by half a step: the margin covers it.
        steps = 2.0**SUM_BITS - (self.weight[0].numel() + 1) * reach
        sums = weight.sum((1, 2, 3)) * reach + self.bias.double().abs() * 2.0**self.input_exponent
        exponents = torch.floor(torch.log2(steps / sums.clamp_min(reach * 2.0**-8)))
        largest = weight.amax((1, 2, 3)).clamp_min(2.0**-20)
        exponents = torch.minimum(exponents, torch.floor(torch.log2(self.weight_steps / largest)))
        self.weight_exponents = exponents.long()
        self.snapped = True
        if self.moments is not None:
            self._round_by(self.moments)
        for parameter, value in zip((self.weight, self.bias), self.on_grid(), strict=True):
            parameter.copy_(value)
        self.check_bound()

    def _round_by(self, moments: Tensor) -> None:
        """Round the weights by the inputs' moments, on each output's grid or one twice as fine or as coarse."""
        chosen, weight, bias = self.weight_exponents, self.weight.double(), self.bias.double()
        least = torch.full(bias.shape, torch.inf, dtype=torch.float64)
        for exponents in (chosen, chosen + 1, chosen - 1):
            scale = torch.exp2(exponents.double())
            rounded, more, error = rounding.rounded(weight.flatten(1), moments, scale, self.weight_steps)
            found = rounded.view_as(weight)
            better = (error < least) & (self._reached(found, bias + more, exponents) < 2.0**SUM_BITS)
            least = torch.where(better, error, least)
            self.weight.copy_(torch.where(better.view(-1, 1, 1, 1), found, self.weight))
            self.bias.copy_(torch.where(better, bias + more, self.bias))
            self.weight_exponents = torch.where(better, exponents, self.weight_exponents)

    def _reached(self, weight: Tensor, bias: Tensor, exponents: Tensor) -> Tensor:
        """How many steps each output channel's sums can reach, float64."""
        scale = torch.exp2(exponents.double())
        reach = max(abs(edge) for edge in self.input_steps)
        weights = weight.double().abs().sum((1, 2, 3)) * scale
        return weights * reach + bias.double().abs() * scale * 2.0**self.input_exponent

    def on_grid(self) -> tuple[Tensor, Tensor]:
        """Weight and bias rounded to their grids."""
        scale = torch.exp2(self.weight_exponents.to(self.weight.device, torch.float32))
        step = scale * 2.0**self.input_exponent
        weight = torch.floor(self.weight * scale.view(-1, 1, 1, 1) + 0.5).clamp(-self.weight_steps, self.weight_steps)
        return weight / scale.view(-1, 1, 1, 1), torch.floor(self.bias * step + 0.5) / step

    def integers(self) -> dict[str, Tensor]:
        """The layer as integers on its grids, for export: weight int32, bias int32, grid int32 (1 + out,)."""
        scale = torch.exp2(self.weight_exponents.double())
        weight = self.weight.detach().double() * scale.view(-1, 1, 1, 1)
        bias = self.bias.detach().double() * scale * 2.0**self.input_exponent
        if (weight != weight.round()).any() or (bias != bias.round()).any():
            raise ExactnessError("parameters are off their grids")
        grid = torch.tensor([self.input_exponent, *self.weight_exponents.tolist()], dtype=torch.int32)
        return {"weight": weight.to(torch.int32), "bias": bias.to(torch.int32), "grid": grid}

    @torch.no_grad()
    def load_integers(self, weight: Tensor, bias: Tensor, grid: Tensor) -> None:
        """Inverse of `integers`; raises ExactnessError where a channel's sums could leave the exact range."""
        self.input_exponent, self.weight_exponents = int(grid[0]), grid[1:].long()
        scale = torch.exp2(self.weight_exponents.double())
        self.weight.copy_(weight.double() / scale.view(-1, 1, 1, 1))
        self.bias.copy_(bias.double() / (scale * 2.0**self.input_exponent))
        self.snapped = True
        self.check_bound()

    def check_bound(self) -> None:
        """Raise ExactnessError unless weights are in range and every channel's sums stay below 2^24 steps."""
        steps = self._reached(self.weight, self.bias, self.weight_exponents)
        worst = int(steps.argmax())
        if not steps[worst] < 2.0**SUM_BITS:
            raise ExactnessError(
                f"output channel {worst} can reach {steps[worst]:.0f} steps of its grid; float32 is exact below 2^24"
            )
        largest = (self.weight.double().abs().amax((1, 2, 3)) * torch.exp2(self.weight_exponents.double())).max()
        if largest > self.weight_steps:
            raise ExactnessError(f"a weight of {largest:.0f} steps; there may be {self.weight_steps}")

    def _watch(self, x: Tensor) -> None:
        magnitudes = x.detach().abs().flatten()
        some = magnitudes[:: max(1, len(magnitudes) // 500_000)].float()
        reached = some.kthvalue(max(1, int(len(some) * PERCENTILE))).values
        self.largest_input = max(self.largest_input, reached.item())
        moments = rounding.second_moments(x.detach(), self.kernel_size[0])
        self.moments = moments if self.moments is None else self.moments + moments


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keep torch from the settings under which float32 products may be less than float32."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.backends.nnpack.flags(enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
