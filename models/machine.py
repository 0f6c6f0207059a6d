"""Which kernels this machine computes exactly, and how fast: found out once, on layers of real size, never assumed."""

from __future__ import annotations

import functools
import os
import time

import torch
from torch import Tensor

from .exact import ExactConv2d, exact_arithmetic
from .kernels import FLOAT64, KERNELS, Kernel

VARIABLE = "SVCODEC_KERNEL"  # of the environment: forces a kernel
CHANNELS, SIZE = 48, (64, 96)  # of the layers that are tried
TRIALS = 3


def fastest() -> Kernel:
    """The kernel to use: the fastest exact one, or the one that the environment names.

    Raises:
        ValueError: the environment names none that this machine computes exactly.
    """
    seconds = measured()
    forced = os.environ.get(VARIABLE)
    if forced is None:
        name = min(seconds, key=lambda kernel: seconds[kernel])
    elif forced in seconds:
        name = forced
    else:
        raise ValueError(f"{VARIABLE} is {forced!r}; this machine computes exactly by {', '.join(seconds)}")
    return next(kernel for kernel in KERNELS if kernel.name == name)


@functools.cache
def measured() -> dict[str, float]:
    """Seconds that each exact kernel takes for a block of two layers, by the kernels' names."""
    with exact_arithmetic():
        first, second, x = _block()
        wanted = _results(FLOAT64, first, second, x)
        seconds = {}
        for kernel in KERNELS:
            try:
                found = _results(kernel, first, second, x)
            except (AttributeError, RuntimeError):  # this torch has no such kernel, or none for this machine
                continue
            if all(map(torch.equal, found, wanted)):
                seconds[kernel.name] = min(_time(first, second, x) for _ in range(TRIALS))
        return seconds


def _block() -> tuple[ExactConv2d, ExactConv2d, Tensor]:
    """Two layers of whose products some are as large as bytes allow: pairs of these overflow sixteen bits."""
    generator = torch.Generator("cpu").manual_seed(0)
    layers = []
    for rectified in (False, True):
        layer = ExactConv2d(CHANNELS, CHANNELS, rectified=rectified).requires_grad_(False).eval()
        weight = torch.randint(-127, 128, layer.weight.shape, generator=generator, dtype=torch.int32, device="cpu")
        weight[..., 1, 1] = 127
        bias = torch.randint(-999, 1000, layer.bias.shape, generator=generator, dtype=torch.int32, device="cpu")
        layer.load_integers(weight, bias, torch.tensor([0, *[12] * CHANNELS], dtype=torch.int32, device="cpu"))
        layers.append(layer)
    x = torch.randint(-128, 128, (1, CHANNELS, *SIZE), generator=generator, dtype=torch.int32, device="cpu")
    x[..., ::3] = 127
    return layers[0], layers[1], x.to(torch.float32, memory_format=torch.channels_last)


def _results(kernel: Kernel, first: ExactConv2d, second: ExactConv2d, x: Tensor) -> tuple[Tensor, Tensor]:
    first.kernel = second.kernel = kernel
    return first(x), first.then(second, x)


def _time(first: ExactConv2d, second: ExactConv2d, x: Tensor) -> float:
    start = time.perf_counter()
    first.then(second, x)
    return time.perf_counter() - start
