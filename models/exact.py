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

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import rounding
from .kernels import FLOAT32, SLOPE, Kernel

WEIGHT_STEPS = 127  # largest magnitude of a weight, in steps: an int8
RECTIFIED = (-28, 227)  # steps of inputs that come out of a rectifier, an eighth as far below zero as above
SIGNED = (-128, 127)  # ... and of others
FINE_INPUTS, FINE_WEIGHT_STEPS = (-2048, 2048), 1023  # of layers for which bytes would be too coarse
SUM_BITS = 24  # float32 holds every integer up to 2^24
PERCENTILE = 0.9999  # of the inputs seen, that the grid reaches


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The value of `exact` with the gradient of `smooth`."""
    return smooth + (exact - smooth).detach()


class ExactnessError(ArithmeticError):
    """A layer could round: its sums may leave the range in which float32 is exact."""


class ExactConv2d(nn.Conv2d):
    """Stride-1 convolution with zero padding that keeps the size, of inputs x or of max(x, x / 8).

    A new layer computes in plain floats, for training. Once it is calibrated, it trains through its grids: gradients
    pass the rounding straight. `snap` rounds its parameters for good; from then on it is exact. The grid of inputs is
    part of `state_dict`, so that a calibrated layer's weights are always used with the grid that they were trained for.

    Attributes:
        rectified: whether inputs pass a leaky rectifier first.
        input_steps: least and greatest input, in steps.
        weight_steps: largest magnitude of a weight, in steps.
        calibrated: whether the grid of inputs is chosen.
        snapped: whether the parameters are on their grids.
        input_exponent: e; inputs are rounded to multiples of 2^-e.
        weight_exponents: a_c of every output channel, int64 (out_channels,).
        largest_input: what all but a ten-thousandth of the inputs stayed below in magnitude while `watching`.
        moments: of the patches seen while `observing`, as `rounding.second_moments` gives them.
        kernel: what adds up.
    """

    bias: Tensor  # always there

    weight_steps = WEIGHT_STEPS
    watching = False
    observing = False
    calibrated = False
    snapped = False
    kernel: Kernel = FLOAT32

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        zero: bool = False,
        rectified: bool = False,
        fine: bool = False,
    ):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, device="cpu", dtype=torch.float32)
        nn.init.zeros_(self.bias)
        if zero:
            nn.init.zeros_(self.weight)
        self.rectified = rectified
        self.input_steps = RECTIFIED if rectified else SIGNED
        if fine:
            self.input_steps, self.weight_steps = FINE_INPUTS, FINE_WEIGHT_STEPS
        self.input_exponent = 0
        self.weight_exponents = torch.zeros(outputs, dtype=torch.int64, device="cpu")
        self.largest_input = 0.0
        self.moments: Tensor | None = None
        self._packed: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.snapped:
            return self.kernel.convolve(x, self)
        if self.rectified:
            x = F.leaky_relu(x, SLOPE)
        if self.watching:
            self._watch(x)
        if self.observing:
            moments = rounding.second_moments(x.detach(), self.kernel_size[0])
            self.moments = moments if self.moments is None else self.moments + moments
        if not self.calibrated:
            return super().forward(x)
        weight, bias = self.on_grid()
        return F.conv2d(
            torch.fake_quantize_per_tensor_affine(x, 2.0**-self.input_exponent, 0, *self.input_steps),
            straight_through(weight, self.weight),
            straight_through(bias, self.bias),
            padding=self.padding,
        )

    @property
    def eight_bits(self) -> bool:
        """Whether inputs and weights fit a byte each."""
        return self.input_steps in (RECTIFIED, SIGNED) and self.weight_steps <= WEIGHT_STEPS

    def packed(self, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
        """Weights as oneDNN's int8 kernels want them, their scales and zero points; made once."""
        if self._packed is None:
            scales = torch.exp2(-self.weight_exponents.to(torch.float32))
            zeros = torch.zeros_like(self.weight_exponents)
            weight = (self.weight / scales.view(-1, 1, 1, 1)).to(torch.int8)
            grid = (2.0**-self.input_exponent, -self.input_steps[0])
            packed = torch.ops.onednn.qconv_prepack(
                weight, scales, *grid, [1, 1], list(self.padding), [1, 1], 1, list(shape)
            )
            self._packed = packed, scales, zeros
        return self._packed

    def calibrate(self) -> None:
        """Choose the grid of inputs by `largest_input`, where there is none yet."""
        if not self.calibrated:
            self.input_exponent = math.floor(math.log2(self.input_steps[1] / max(self.largest_input, 2.0**-8)))
            self.calibrated = True

    @torch.no_grad()
    def snap(self) -> None:
        """Round the parameters of a calibrated layer to their grids, by the inputs seen where there are any."""
        parameters = self.on_grid() if self.moments is None else self._rounded_by(self.moments)
        for parameter, value in zip((self.weight, self.bias), parameters, strict=True):
            parameter.copy_(value)
        self.moments = None
        self.snapped = True
        self.check_bound()

    @torch.no_grad()
    def on_grid(self) -> tuple[Tensor, Tensor]:
        """Weight and bias rounded to the finest grids that keep the bound, which become those of the layer."""
        self.weight_exponents = self._finest_exponents()
        scale = torch.exp2(self.weight_exponents.float())
        weight = torch.floor(self.weight * scale.view(-1, 1, 1, 1) + 0.5).clamp(-self.weight_steps, self.weight_steps)
        return weight / scale.view(-1, 1, 1, 1), self._bias_on_grid(self.bias, scale)

    def _rounded_by(self, moments: Tensor) -> tuple[Tensor, Tensor]:
        """As `on_grid`, by the inputs' moments, on each output's finest grid or one twice as fine or as coarse."""
        finest, weight, bias = self._finest_exponents(), self.weight.double(), self.bias.double()
        exponents = torch.cat([finest, finest + 1, finest - 1])
        scale = torch.exp2(exponents.double())
        weights = weight.flatten(1).repeat(3, 1)
        weights, more, error = rounding.rounded(weights, moments, scale, self.weight_steps)
        weights, biases = weights.view(-1, *weight.shape[1:]), bias.repeat(3) + more
        error[self._reached(weights, biases, exponents) >= 2.0**SUM_BITS - 1] = torch.inf
        outputs = torch.arange(len(bias), dtype=torch.int64, device=bias.device)
        chosen = error.view(3, -1).argmin(0) * len(bias) + outputs
        self.weight_exponents = exponents[chosen]
        return weights[chosen], self._bias_on_grid(biases[chosen], scale[chosen])

    def _finest_exponents(self) -> Tensor:
        """a_c of the finest grids on which weights are in range and sums in bound."""
        # Rounding may lengthen each weight and the bias by half a step: the margin covers it.
        steps = 2.0**SUM_BITS - (self.weight[0].numel() + 1) * self._reach
        sums = self._reached(self.weight, self.bias, torch.zeros_like(self.bias, dtype=torch.int64))
        exponents = torch.floor(torch.log2(steps / sums.clamp_min(self._reach * 2.0**-8)))
        largest = self.weight.double().abs().amax((1, 2, 3)).clamp_min(2.0**-20)
        finest = torch.minimum(exponents, torch.floor(torch.log2(self.weight_steps / largest))).long()
        # Those that `_rounded_by` put on a grid twice as fine need no margin, and stay as they are.
        finer = (self.weight.double() * torch.exp2(finest + 1.0).view(-1, 1, 1, 1)).flatten(1)
        whole = (finer == finer.round()).all(1) & (finer.abs().amax(1) <= self.weight_steps)
        return finest + (whole & (self._reached(self.weight, self.bias, finest + 1) < 2.0**SUM_BITS - 1)).long()

    def _bias_on_grid(self, bias: Tensor, scale: Tensor) -> Tensor:
        step = scale * 2.0**self.input_exponent
        return torch.floor(bias * step + 0.5) / step

    def _reached(self, weight: Tensor, bias: Tensor, exponents: Tensor) -> Tensor:
        """How many steps each output channel's sums can reach, float64."""
        scale = torch.exp2(exponents.double())
        weights = weight.double().abs().sum((1, 2, 3)) * scale
        return weights * self._reach + bias.double().abs() * scale * 2.0**self.input_exponent

    @property
    def _reach(self) -> int:
        """The largest magnitude of an input, in steps."""
        return max(abs(edge) for edge in self.input_steps)

    def get_extra_state(self) -> int | None:
        """The exponent of the grid of inputs, if it is chosen: saved and loaded with the parameters."""
        return self.input_exponent if self.calibrated else None

    def set_extra_state(self, state: int | None) -> None:
        self.calibrated = state is not None
        self.input_exponent = state or 0

    def integers(self) -> dict[str, Tensor]:
        """The layer as integers on its grids, for export: weight int32, bias int32, grid int32 (1 + out,)."""
        scale = torch.exp2(self.weight_exponents.double())
        weight = self.weight.detach().double() * scale.view(-1, 1, 1, 1)
        bias = self.bias.detach().double() * scale * 2.0**self.input_exponent
        if (weight != weight.round()).any() or (bias != bias.round()).any():
            raise ExactnessError("parameters are off their grids")
        exponents = [self.input_exponent, *self.weight_exponents.tolist()]
        grid = torch.tensor(exponents, dtype=torch.int32, device="cpu")
        return {"weight": weight.to(torch.int32), "bias": bias.to(torch.int32), "grid": grid}

    @torch.no_grad()
    def load_integers(self, weight: Tensor, bias: Tensor, grid: Tensor) -> None:
        """Inverse of `integers`; raises ExactnessError where a channel's sums could leave the exact range."""
        self.input_exponent, self.weight_exponents = int(grid[0]), grid[1:].long()
        scale = torch.exp2(self.weight_exponents.double())
        self.weight.copy_(weight.double() / scale.view(-1, 1, 1, 1))
        self.bias.copy_(bias.double() / (scale * 2.0**self.input_exponent))
        self.calibrated = self.snapped = True
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
