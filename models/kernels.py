"""Kernels that add up whole numbers exactly: which one a machine runs is a matter of speed, never of results.

Each takes inputs in whole steps and a layer (`Layer`) and gives the same numbers as any other: products
and sums are integers below 2^24, what follows them are multiplications by powers of two and one rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from . import arithmetic

SLOPE = 0.125  # of rectifiers below zero
STRIP = 1 << 18  # numbers


class Layer(Protocol):
    """What a kernel asks of a convolution, as `exact.ExactConv2d` has it."""

    rectified: bool
    input_steps: tuple[int, int]
    input_exponent: int
    bias: Tensor

    @property
    def weight(self) -> Tensor: ...

    def packed(self, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor]: ...


class Kernel(Protocol):
    """One way of computing, by its name in lower case."""

    name: str

    def __hash__(self) -> int: ...

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        """The convolution of x, float32 (b, c, h, w), rectified if the layer wants it and rounded to its grid."""


def to_steps(x: Tensor, layer: Layer, dtype: torch.dtype) -> Tensor:
    """Inputs in whole steps, rectified if the layer wants it, rounded and clamped; bytes count from the least step.

    Made in strips, which stay in a core's cache from pass to pass.
    """
    steps = torch.empty_like(x, dtype=dtype, memory_format=torch.channels_last)
    strips = -(-x.numel() // STRIP)
    values, results = (part.permute(0, 2, 3, 1).reshape(-1).chunk(strips) for part in (x, steps))
    strip = torch.empty_like(values[0])
    whole = torch.empty_like(strip, dtype=torch.int16)  # from float32 straight to uint8 is not vectorised
    for part, result in zip(values, results, strict=True):
        above = _above_least(part, layer, strip[: len(part)])
        if dtype == torch.uint8:
            result.copy_(whole[: len(part)].copy_(above))
        else:
            result.copy_(above.floor_().add_(layer.input_steps[0]))
    return steps


def _above_least(x: Tensor, layer: Layer, out: Tensor) -> Tensor:
    """Inputs in steps above the least one and half a step more, clamped: what is left is to drop their fractions.

    The factor is a power of two, so that one rounding is all there is, with or without a fused multiply-add.
    """
    low, high = layer.input_steps
    if layer.rectified:
        x = torch.maximum(x, torch.mul(x, SLOPE, out=out), out=out)
    offset = torch.tensor(0.5 - low, dtype=x.dtype, device=x.device)
    return torch.add(offset, x, alpha=2.0**layer.input_exponent, out=out).clamp_(0.0, high - low)


class Float:
    """Sums in a floating-point type that holds them."""

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype
        self.name = str(dtype).removeprefix("torch.")

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        weight = (layer.weight * 2.0**-layer.input_exponent).to(self.dtype)
        return self._convolve(to_steps(x, layer, self.dtype), weight, layer.bias.to(self.dtype)).float()

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        size = weight.shape[-1]
        if x.device.type == "cpu":
            return F.conv2d(x, weight, bias, padding=size // 2)
        # a GPU's library may choose Winograd or FFT; a matrix product only multiplies and adds
        n, _, h, w = x.shape
        patches = F.unfold(x, size, padding=size // 2)
        return (weight.flatten(1) @ patches + bias.view(-1, 1)).view(n, -1, h, w)


class Shortened(Float):
    """Sums in float32 of products of shorter numbers, as hardware multiplies them faster: eight bits fit these.

    It is a switch of torch that says so, for the whole process: it is back as it was after each convolution, but what
    other threads compute meanwhile is shortened too.
    """

    def __init__(self, name: str, precision: str, backend: Callable[[], Any]):
        super().__init__(torch.float32)
        self.name, self._precision, self._backend = name, precision, backend

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        backend = self._backend()
        with arithmetic.lock:  # nobody shall take it for a change by the program
            before = backend.fp32_precision
            backend.fp32_precision = self._precision
            try:
                return super()._convolve(x, weight, bias)
            finally:
                backend.fp32_precision = before


class Int8:
    """oneDNN's products of bytes, as torch's own quantisation calls them; exact where the machine has VNNI or AMX."""

    name = "int8"

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        steps = to_steps(x, layer, torch.uint8)
        packed, scales, zeros = layer.packed(steps.shape)
        return torch.ops.onednn.qconv2d_pointwise(
            steps,
            2.0**-layer.input_exponent,
            -layer.input_steps[0],
            packed,
            scales,
            zeros,
            layer.bias,
            [1, 1],
            [layer.weight.shape[-1] // 2] * 2,
            [1, 1],
            1,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )


FLOAT32, FLOAT64, INT8 = Float(torch.float32), Float(torch.float64), Int8()
BFLOAT16 = Shortened("bfloat16", "bf16", lambda: torch.backends.mkldnn.conv)  # type: ignore[attr-defined]
TF32 = Shortened("tf32", "tf32", lambda: torch.backends.cuda.matmul)
# By kind of device: those to choose from, and those that must be asked for, as they meddle with the rest of a program.
KERNELS: dict[str, tuple[Kernel, ...]] = {"cpu": (INT8, FLOAT32), "cuda": (FLOAT32,)}
MEDDLING: dict[str, tuple[Kernel, ...]] = {"cpu": (BFLOAT16,), "cuda": (TF32,)}
