"""Which kernels this machine computes exactly, and how fast: found out on layers of real size, never assumed.

It takes some 30 milliseconds, once in a program and for each kind of device. What is found is not written to disk: it
could outlive what it was found on.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import time

import torch
from torch import Tensor

from ..errors import ModelError
from .exact import ExactConv2d, exact_arithmetic
from .kernels import FLOAT32, FLOAT64, KERNELS, MEDDLING, Kernel

VARIABLE = "SVCODEC_KERNEL"  # of the environment: forces a kernel
CHANNELS, SIZE = 48, (32, 48)  # of the layers that are tried
TRIALS = 2
KNOWN_ANSWER = "716b7349e255f71f5e99dd206855ec5f9c4af8db7df728fa85343bb0bbcc6d07"  # SHA-256 of what these layers give


def kernel_for(device: str) -> Kernel:
    """The kernel to use on a kind of device, `cpu` or `cuda`: the fastest exact one, or the one that is forced.

    Raises:
        ModelError: the environment names none that this machine computes exactly.
    """
    forced = os.environ.get(VARIABLE)
    if forced is None:
        seconds = measured(device)
        return min(seconds, key=seconds.__getitem__, default=FLOAT64)
    for kernel in (*KERNELS.get(device, (FLOAT32,)), *MEDDLING.get(device, ()), FLOAT64):
        if kernel.name == forced and is_exact(kernel, device):
            return kernel
    raise ModelError(f"{VARIABLE} is {forced!r}, and there is no kernel of that name that is exact on this machine")


@functools.cache
def measured(device: str) -> dict[Kernel, float]:
    """Seconds that each exact kernel takes for a block of two layers; those that must be asked for are not tried."""
    seconds: dict[Kernel, float] = {}
    for kernel in KERNELS.get(device, (FLOAT32,)):
        if is_exact(kernel, device):
            first, second, x = _block(device)
            first.kernel = second.kernel = kernel
            with exact_arithmetic():
                seconds[kernel] = min(_time(first, second, x) for _ in range(TRIALS))
    return seconds


@functools.cache
def is_exact(kernel: Kernel, device: str) -> bool:
    """Whether a kernel gives the known answer on a kind of device."""
    try:
        with exact_arithmetic():
            return answer(kernel, *_block(device)) == KNOWN_ANSWER
    except (AttributeError, RuntimeError):  # this torch has none such, or none for this machine
        return False


def answer(kernel: Kernel, first: ExactConv2d, second: ExactConv2d, x: Tensor) -> str:
    """SHA-256 of the first layer's sums and of both layers' together."""
    first.kernel = second.kernel = kernel
    digest = hashlib.sha256()
    for found in (middle := first(x), second(middle)):
        digest.update(found.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _block(device: str) -> tuple[ExactConv2d, ExactConv2d, Tensor]:
    """Two layers of whose products some are as large as bytes allow: pairs of these overflow sixteen bits."""
    layers = []
    for rectified in (False, True):
        layer = ExactConv2d(CHANNELS, CHANNELS, rectified=rectified).requires_grad_(False).eval()
        weight = _integers(layer.weight.shape, 127)
        weight[..., 1, 1] = 127
        grid = torch.tensor([0, *[12] * CHANNELS], dtype=torch.int32, device="cpu")
        layer.load_integers(weight, _integers(layer.bias.shape, 999), grid)
        layers.append(layer.to(device))
    x = _integers((1, CHANNELS, *SIZE), 127)
    x[..., ::3] = 127
    return layers[0], layers[1], x.to(device, torch.float32, memory_format=torch.channels_last)


def _integers(shape: tuple[int, ...], most: int) -> Tensor:
    """Fixed integers -most..most."""
    count = torch.arange(math.prod(shape), dtype=torch.int64, device="cpu").view(shape)
    return ((count * count * 7 + count * 31) % (2 * most + 1) - most).to(torch.int32)


def _time(first: ExactConv2d, second: ExactConv2d, x: Tensor) -> float:
    start = time.perf_counter()
    second(first(x)).cpu()
    return time.perf_counter() - start
