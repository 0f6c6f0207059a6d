"""Convolutions whose results are the same on every machine.

Inputs and weights lie on dyadic grids: inputs are integer multiples of 2^-e within +-2^r, the weights of output
channel c integer multiples of 2^-a_c. Every product and partial sum is then an integer multiple of 2^-(a_c + e), and
float32 sums them exactly, in any order, as long as

    (sum of |w| over the fan-in) * 2^r + |bias|  <  2^24 * 2^-(a_c + e).

`ExactConv2d.snap` chooses the finest grids that keep this bound; `check_bound` proves it for every output channel.
Everything between convolutions is elementwise IEEE arithmetic, which is correctly rounded and so needs no bound.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATION_BITS = 10  # |input| is at most 2^10 steps of its grid
WEIGHT_BITS = 7  # |weight| is at most 2^7 - 1 steps of its grid: an int8
SUM_BITS = 24  # float32 holds every integer up to 2^24
LEAK = 0.125  # slope of the activation below zero: a shift


def round_to(x: Tensor, exponent: int) -> Tensor:
    """Nearest multiple of 2^-exponent, halves to the even one."""
    return torch.round(x * 2.0**exponent) * 2.0**-exponent


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The value of `exact` with the gradient of `smooth`."""
    return smooth + (exact - smooth).detach()


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 1/8."""
    return F.leaky_relu(x, LEAK)


class ExactnessError(ArithmeticError):
    """A layer could round: its sums may leave the range in which float32 is exact."""


class ExactConv2d(nn.Conv2d):
    """Stride-1 convolution with zero padding that keeps the size.

    A new layer computes in plain floats, for training. `snap` puts it on grids fitted to its weights and to the
    largest input it has seen; from then on it is exact in evaluation, and trains straight through the grids.

    Attributes:
        input_exponent: e; inputs are rounded to multiples of 2^-e.
        input_range: inputs are clamped to +-input_range, a power of two.
        weight_exponents: a_c of every output channel, int64 (out_channels,).
        largest_input: largest magnitude seen while `watching`.
        activation_bits, weight_bits: finest grids that `snap` may choose; inputs are at most 2^activation_bits steps,
            weights below 2^weight_bits.
        wide: sum in float64, for a machine whose float32 convolutions turn out not to be exact.
    """

    bias: Tensor  # always there

    activation_bits = ACTIVATION_BITS
    weight_bits = WEIGHT_BITS
    watching = False
    snapped = False
    wide = False

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, zero: bool = False):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        nn.init.zeros_(self.bias)
        if zero:
            nn.init.zeros_(self.weight)
        self.input_exponent = 0
        self.input_range = 0.0
        self.weight_exponents = torch.zeros(outputs, dtype=torch.int64)
        self.largest_input = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.snapped:
            if self.watching:
                self.largest_input = max(self.largest_input, x.detach().abs().max().item())
            return super().forward(x)
        step = 2.0**-self.input_exponent
        if not self.training:  # in whole steps, in place: memory is what takes the time between convolutions
            limit = self.input_range / step
            steps = (x / step).round_().clamp_(-limit, limit)
            return exact_conv2d(steps, self.weight * step, self.bias, self.wide)
        weight, bias = self.on_grid()
        clamped = x.clamp(-self.input_range, self.input_range)
        return F.conv2d(
            straight_through(round_to(clamped, self.input_exponent), clamped),
            straight_through(weight, self.weight),
            straight_through(bias, self.bias),
            padding=self.padding,
        )

    @torch.no_grad()
    def snap(self) -> None:
        """Choose the grids from the weights and `largest_input`, and round the parameters to them."""
        self.input_range = 2.0 ** math.ceil(math.log2(max(self.largest_input * 1.1, 2.0**-8)))
        self.input_exponent = self.activation_bits - round(math.log2(self.input_range))
        weight = self.weight.double().abs().sum((1, 2, 3))
        reach = weight * self.input_range + self.bias.double().abs()
        # Rounding may lengthen each weight and the bias by half a step: the margin covers it.
        steps = 2.0**SUM_BITS - (self.weight[0].numel() + 1) * 2.0**self.activation_bits
        exponents = torch.floor(torch.log2(steps / reach.clamp_min(self.input_range))) - self.input_exponent
        largest = self.weight.double().abs().amax((1, 2, 3)).clamp_min(2.0**-20)
        exponents = torch.minimum(exponents, torch.floor(torch.log2((2.0**self.weight_bits - 1) / largest)))
        self.weight_exponents = exponents.long()
        self.snapped = True
        weight, bias = self.on_grid()
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.check_bound()

    def on_grid(self) -> tuple[Tensor, Tensor]:
        """Weight and bias rounded to their grids."""
        scale = torch.exp2(self.weight_exponents.to(self.weight.device, torch.float32))
        step = scale * 2.0**self.input_exponent
        weight = torch.floor(self.weight * scale.view(-1, 1, 1, 1) + 0.5) / scale.view(-1, 1, 1, 1)
        return weight, torch.floor(self.bias * step + 0.5) / step

    def integers(self) -> dict[str, Tensor]:
        """The layer as integers on its grids, for export: weight int32, bias int32, grid int32 (2 + out,)."""
        scale = torch.exp2(self.weight_exponents.double())
        weight = self.weight.detach().double() * scale.view(-1, 1, 1, 1)
        bias = self.bias.detach().double() * scale * 2.0**self.input_exponent
        grid = torch.tensor([self.input_exponent, round(math.log2(self.input_range)), *self.weight_exponents.tolist()])
        if (weight != weight.round()).any() or (bias != bias.round()).any():
            raise ExactnessError("parameters are off their grids")
        return {"weight": weight.to(torch.int32), "bias": bias.to(torch.int32), "grid": grid.to(torch.int32)}

    @torch.no_grad()
    def load_integers(self, weight: Tensor, bias: Tensor, grid: Tensor) -> None:
        """Inverse of `integers`; raises ExactnessError where a channel's sums could leave the exact range."""
        self.input_exponent, self.input_range = int(grid[0]), 2.0 ** int(grid[1])
        self.weight_exponents = grid[2:].long()
        scale = torch.exp2(self.weight_exponents.double())
        self.weight.copy_(weight.double() / scale.view(-1, 1, 1, 1))
        self.bias.copy_(bias.double() / (scale * 2.0**self.input_exponent))
        self.snapped = True
        self.check_bound()

    def check_bound(self) -> None:
        """Raise ExactnessError unless every output channel keeps sum|w| * range + |bias| below 2^24 steps."""
        reach = self.weight.double().abs().sum((1, 2, 3)) * self.input_range + self.bias.double().abs()
        steps = reach * torch.exp2((self.weight_exponents + self.input_exponent).double())
        worst = int(steps.argmax())
        if not steps[worst] < 2.0**SUM_BITS:
            raise ExactnessError(
                f"output channel {worst} can reach {steps[worst]:.0f} steps of its grid; float32 is exact below 2^24"
            )


def exact_conv2d(x: Tensor, weight: Tensor, bias: Tensor, wide: bool = False) -> Tensor:
    """Same-size convolution by an algorithm that only multiplies and adds what stands in its definition.

    On a GPU, where a library may choose Winograd or FFT, and where `wide` asks for float64, it is a matrix product over
    unfolded patches.
    """
    padding = weight.shape[-1] // 2
    if x.device.type == "cpu" and not wide:
        return F.conv2d(x, weight, bias, padding=padding)
    n, _, h, w = x.shape
    dtype = torch.float64 if wide else torch.float32
    patches = F.unfold(x, weight.shape[-1], padding=padding).to(dtype)
    return (weight.flatten(1).to(dtype) @ patches + bias.to(dtype).view(-1, 1)).view(n, -1, h, w).float()


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
