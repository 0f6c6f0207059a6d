"""The model's file, and what is computed with its tensors by name ("The model", up to "By quality")."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .stack import Density, Floats, Integers

FORMAT = "svcodec-selfvae-2"
DTYPES = {"I8": "<i1", "I16": "<i2", "I32": "<i4", "I64": "<i8"}
KNOTS = 12


class Kind(NamedTuple):
    """What becomes of a convolution's inputs."""

    low: int
    high: int
    rectified: bool = False


BYTE, RECTIFIED = Kind(-128, 127), Kind(-28, 227, True)
FINE, FINE_RECTIFIED, FINE_IN_GIST = Kind(-2048, 2048), Kind(-2048, 2048, True), Kind(-1024, 1024)


def rectify(x: Floats) -> Floats:
    """A leaky rectifier."""
    return np.maximum(x, x * np.float32(1 / 8))


class Model:
    """A model by the bytes of its file. Planes, in and out, are binary32 (channels, rows, columns)."""

    def __init__(self, data: bytes):
        length = int.from_bytes(data[:8], "little")
        self.hash = hashlib.sha256(data).digest()[:8]
        self.tensors = json.loads(data[8 : 8 + length])
        self.content = data[8 + length :]
        if self.tensors.pop("__metadata__")["format"] != FORMAT:
            raise ValueError("a model of another format")
        self.density = Density(*(self[f"tables.residual.{part}"] for part in ("cdf", "inverse_scales")))
        self.layer = cache(self._layer)

    def __getitem__(self, name: str) -> Integers:
        """A tensor of integers."""
        start, end = self.tensors[name]["data_offsets"]
        values = np.frombuffer(self.content[start:end], DTYPES[self.tensors[name]["dtype"]])
        return values.reshape(self.tensors[name]["shape"]).astype(np.int64)

    def fractions(self, name: str, bits: int) -> Floats:
        """A tensor in units of 2^-bits; all are below 2^24, and so exact."""
        return (self[name] * 2.0**-bits).astype(np.float32)

    def _layer(self, name: str) -> tuple[npt.NDArray[np.float64], Integers, Integers]:
        """Weights (size * size, out, in), biases and grid."""
        weight = self[f"{name}.weight"]
        return (
            np.ascontiguousarray(weight.transpose(2, 3, 0, 1).reshape(-1, *weight.shape[:2]), np.float64),
            self[f"{name}.bias"],
            self[f"{name}.grid"],
        )

    def convolve(self, name: str, x: Floats, kind: Kind) -> Floats:
        """A convolution.

        Its sums are of integers and made in binary64, which is exact below 2^53; that they stay below 2^24 is what is
        checked, so that the output is exact in binary32.
        """
        weight, bias, (exponent, *exponents) = self.layer(name)
        reach = max(-kind.low, kind.high)
        if (np.abs(weight).sum((0, 2)) * reach + np.abs(bias) >= 2**24).any():
            raise ValueError(f"{name} may round")
        x = rectify(x) if kind.rectified else x
        moved = x * np.float32(2.0**exponent) + np.float32(0.5 - kind.low)
        q = np.floor(np.clip(moved, 0, kind.high - kind.low)).astype(np.float64) + kind.low
        size = {1: 1, 9: 3}[len(weight)]
        height, width = x.shape[1:]
        q = np.pad(q, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
        total = np.repeat(bias.astype(np.float64)[:, None], height * width, 1)
        for place, of_place in enumerate(weight):
            i, j = divmod(place, size)
            total += of_place @ q[:, i : i + height, j : j + width].reshape(len(q), -1)
        scale = 2.0 ** -(np.array(exponents, np.float64) + exponent)
        return (total * scale[:, None]).astype(np.float32).reshape(-1, height, width)

    def trunk(self, name: str, x: Floats, blocks: int) -> Floats:
        """So many residual blocks."""
        for i in range(blocks):
            inner = self.convolve(f"{name}.{i}.first", x, RECTIFIED)
            x = self.convolve(f"{name}.{i}.second", inner, RECTIFIED) + x
        return x

    def at(self, name: str, quality: int, tune: int) -> Floats:
        """A vector by quality and tune, as planes of one pixel (n, 1, 1)."""
        knots = self.fractions(f"{name}.knots", 10)[tune]
        t = np.float32(quality - 1) * np.float32(1 / 9)
        j = min(int(np.floor(t)), KNOTS - 2)
        p = t - np.float32(j)
        return (knots[j] * (np.float32(1) - p) + knots[j + 1] * p)[:, None, None]

    def scale(self, name: str, x: Floats, quality: int, tune: int) -> Floats:
        """A scaling by quality and tune."""
        scale, shift = (self.at(f"{name}.{part}", quality, tune) for part in ("scale", "shift"))
        return x * (np.float32(1) + scale) + shift

    def gains(self, name: str, quality: int, tune: int) -> tuple[Floats, Floats]:
        """Gains and their log2, both (n, 1, 1)."""
        log, gain = self.fractions(f"{name}.gains.table", 12)[:, tune, quality - 1, :, None, None]
        return gain, log
