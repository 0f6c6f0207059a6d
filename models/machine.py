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
from .arithmetic import exact_arithmetic, summary
from .exact import ExactConv2d
from .kernels import FLOAT32, FLOAT64, KERNELS, MEDDLING, Kernel

VARIABLE = "SVCODEC_KERNEL"  # of the environment: forces a kernel
CHANNELS, SIZE = 48, (32, 48)  # of the layers that are tried
FEW = 8  # channels, rows and columns of the canary
TRIALS = 2
KNOWN_ANSWER = "716b7349e255f71f5e99dd206855ec5f9c4af8db7df728fa85343bb0bbcc6d07"  # SHA-256 of what these layers give


def device_of(name: str) -> torch.device:
    """The device that torch names so. Raises ModelError where there is none, or one that keeps no values."""
    try:
        device = torch.device(name)
        torch.zeros(1, dtype=torch.float32, device=device).cpu()
    except Exception as error:  # each kind of device has its own way to be missing
        raise ModelError(f"the networks can't run on device {str(name)!r} here: {summary(error)}") from error
    return device


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


class Canary:
    """Known answers of a few channels, in a fraction of a millisecond: tell when a machine ceases to be exact.

    Args:
        kernel: that computes layers of eight bits.
        wider: that computes the others.
        device: as torch names it.
    """

    def __init__(self, kernel: Kernel, wider: Kernel, device: str):
        # Of one picture so small torch computes all by itself; of two as of larger ones.
        self._x = _integers((2, FEW, FEW, FEW), 2047).to(device, torch.float32, memory_format=torch.channels_last)
        self._layers = ExactConv2d(FEW, FEW), ExactConv2d(FEW, FEW, fine=True)
        for layer, most in zip(self._layers, (127, 97), strict=True):
            _fill(layer, most, device)
            layer.kernel = FLOAT64
        self._answers = [layer(self._x) for layer in self._layers]
        for layer, own in zip(self._layers, (kernel, wider), strict=True):
            layer.kernel = own

    def sings(self) -> bool:
        """Whether the kernels still give the answers."""
        pairs = zip(self._layers, self._answers, strict=True)
        return all(torch.equal(layer(self._x), answer) for layer, answer in pairs)


@functools.cache
def measured(device: str) -> dict[Kernel, float]:
    """Seconds that each exact kernel takes for a block of two layers; those that must be asked for are not tried."""
    seconds: dict[Kernel, float] = {}
    for kernel in KERNELS.get(device, (FLOAT32,)):
        if is_exact(kernel, device):
            with exact_arithmetic(device):
                first, second, x = _block(device)
                first.kernel = second.kernel = kernel
                seconds[kernel] = min(_time(first, second, x) for _ in range(TRIALS))
    return seconds


@functools.cache
def is_exact(kernel: Kernel, device: str) -> bool:
    """Whether a kernel gives the known answer on a kind of device."""
    try:
        with exact_arithmetic(device):
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
    layers = [ExactConv2d(CHANNELS, CHANNELS, rectified=rectified) for rectified in (False, True)]
    for layer in layers:
        _fill(layer, 127, device)
    x = _integers((1, CHANNELS, *SIZE), 127)
    x[..., ::3] = 127
    return layers[0], layers[1], x.to(device, torch.float32, memory_format=torch.channels_last)


def _fill(layer: ExactConv2d, most: int, device: str) -> None:
    """Give a layer fixed weights -most..most, and those in the middle of its kernels the largest; and take it there."""
    weight = _integers(layer.weight.shape, most)
    weight[..., 1, 1] = most
    grid = torch.tensor([0, *[12] * layer.out_channels], dtype=torch.int32, device="cpu")
    layer.requires_grad_(False).eval().load_integers(weight, _integers(layer.bias.shape, 999), grid)
    layer.to(device)


def _integers(shape: tuple[int, ...], most: int) -> Tensor:
    """Fixed integers -most..most."""
    count = torch.arange(math.prod(shape), dtype=torch.int64, device="cpu").view(shape)
    return ((count * count * 7 + count * 31) % (2 * most + 1) - most).to(torch.int32)


def _time(first: ExactConv2d, second: ExactConv2d, x: Tensor) -> float:
    start = time.perf_counter()
    second(first(x)).cpu()
    return time.perf_counter() - start
