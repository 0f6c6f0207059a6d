"""Rate-distortion curves, measured or published, and what is read off them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import bjontegaard
import numpy as np
from scipy.interpolate import PchipInterpolator

from ..metrics import ms_ssim_decibels

Metric = Literal["psnr", "ms_ssim", "ssimulacra2"]
LABELS: dict[Metric, str] = {"psnr": "PSNR in dB", "ms_ssim": "MS-SSIM in dB", "ssimulacra2": "SSIMULACRA 2"}


@dataclass(frozen=True)
class Curve:
    """Means over the photos at each setting, in order of rate.

    Attributes:
        name: of the codec.
        source: what ran, or whose figures these are.
        published: not measured in this run.
        bpp: bits per pixel.
        psnr: dB over RGB; None where a point is lossless.
        ms_ssim: in dB, -10 log10(1 - MS-SSIM); None where it is not known.
        ssimulacra2: -inf .. 100; None where it is not known.
        encoding, decoding: seconds for one photo; empty where published.
    """

    name: str
    source: str
    published: bool
    bpp: tuple[float, ...]
    psnr: tuple[float | None, ...]
    ms_ssim: tuple[float | None, ...]
    ssimulacra2: tuple[float | None, ...]
    encoding: tuple[float, ...] = ()
    decoding: tuple[float, ...] = ()

    def known(self, metric: Metric) -> tuple[list[float], list[float]]:
        """Rates and values of the points at which a metric is known, both rising."""
        values: tuple[float | None, ...] = getattr(self, metric)
        rates: list[float] = []
        rising: list[float] = []
        for rate, value in sorted(zip(self.bpp, values, strict=True)):
            if value is not None and (not rising or value > rising[-1]):
                rates.append(rate)
                rising.append(value)
        return rates, rising

    def at_rate(self, bpp: float, metric: Metric) -> float | None:
        """A metric's value at a rate, by PCHIP over the logarithm of the rate; None outside the curve's rates."""
        rates, values = self.known(metric)
        if len(rates) < 2 or not rates[0] <= bpp <= rates[-1]:
            return None
        return float(PchipInterpolator(np.log(rates), values)(np.log(bpp)))


@dataclass(frozen=True)
class BjontegaardDelta:
    """Mean difference of rate at equal quality.

    Attributes:
        pchip, akima: percent of the anchor's rate, by the interpolation of that name.
        low, high: the qualities between which both curves lie.
    """

    pchip: float
    akima: float
    low: float
    high: float


def bd_rate(anchor: Curve, test: Curve, metric: Metric = "psnr") -> BjontegaardDelta | None:
    """BD-rate of `test` against `anchor`; None where the curves have too few points or share no quality."""
    (anchor_rate, anchor_value), (test_rate, test_value) = anchor.known(metric), test.known(metric)
    if min(len(anchor_rate), len(test_rate)) < 4:
        return None
    low, high = max(anchor_value[0], test_value[0]), min(anchor_value[-1], test_value[-1])
    if low >= high:
        return None
    with warnings.catch_warnings():  # the overlap is stated beside the figure
        warnings.simplefilter("ignore")
        pchip, akima = (
            float(
                bjontegaard.bd_rate(
                    anchor_rate, anchor_value, test_rate, test_value, method=method, require_matching_points=False
                )
            )
            for method in ("pchip", "akima")
        )
    return BjontegaardDelta(pchip, akima, low, high)


def measured(folder: Path, names: Collection[str]) -> list[Curve]:
    """The curves that `measure` wrote to a folder."""
    curves = []
    for name in names:
        content = json.loads((folder / f"{name}.json").read_text())
        results = content["results"]
        curves.append(
            Curve(
                name,
                content["description"],
                False,
                tuple(results["bpp"]),
                tuple(results["psnr-rgb"]),
                tuple(None if value is None else ms_ssim_decibels(value) for value in results["ms-ssim-rgb"]),
                tuple(results["ssimulacra2"]),
                tuple(results["encoding_time"]),
                tuple(results["decoding_time"]),
            )
        )
    return curves


def published() -> list[Curve]:
    """Curves on the 24 Kodak images as others report them; `published.json` names each source."""
    content = json.loads((resources.files(__package__) / "published.json").read_text())
    return [
        Curve(
            name,
            f"published: {figures['source']}",
            True,
            tuple(figures["bpp"]),
            tuple(figures["psnr-rgb"]),
            tuple(map(ms_ssim_decibels, figures["ms-ssim-rgb"]))
            if "ms-ssim-rgb" in figures
            else (None,) * len(figures["bpp"]),
            (None,) * len(figures["bpp"]),
        )
        for name, figures in content.items()
    ]
