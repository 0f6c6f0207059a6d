"""Rate-distortion curves, measured or published, and what is read off them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import bjontegaard
import numpy as np
from scipy.interpolate import PchipInterpolator

from ..metrics import butteraugli_decibels, ms_ssim_decibels

Metric = Literal["psnr", "ms_ssim", "ssimulacra2", "butteraugli"]
LABELS: dict[Metric, str] = {
    "psnr": "PSNR in dB",
    "ms_ssim": "MS-SSIM in dB",
    "ssimulacra2": "SSIMULACRA 2",
    "butteraugli": "Butteraugli in dB",
}
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Curve:
    """Means over the photos at each setting, in order of rate.

    Attributes:
        name: of the codec.
        source: what ran, or whose figures these are.
        published: not measured in this run.
        bpp: bits per pixel.
        quality: by metric, as far as it is known, a value for each setting, None where a point has none: psnr in dB
            over RGB, None where a point is lossless; ms_ssim in dB, -10 log10(1 - MS-SSIM); ssimulacra2, -inf .. 100;
            butteraugli in dB, -10 log10 of the 3-norm, None where a point is lossless. More is better in all.
        encoding, decoding: seconds for one photo; empty where published.
    """

    name: str
    source: str
    published: bool
    bpp: tuple[float, ...]
    quality: Mapping[Metric, Values]
    encoding: tuple[float, ...] = ()
    decoding: tuple[float, ...] = ()

    def known(self, metric: Metric) -> tuple[list[float], list[float]]:
        """Rates and values of the points at which a metric is known, both rising."""
        values = self.quality.get(metric, (None,) * len(self.bpp))
        rates: list[float] = []
        rising: list[float] = []
        there = [(rate, value) for rate, value in zip(self.bpp, values, strict=True) if value is not None]
        for rate, value in sorted(there):
            if rates and rate == rates[-1]:
                rising[-1] = value  # the better one, as they are sorted
            elif not rising or value > rising[-1]:
                rates.append(rate)
                rising.append(value)
        return rates, rising

    def at_rate(self, bpp: float, metric: Metric) -> float | None:
        """A metric's value at a rate, by PCHIP over the logarithm of the rate; None outside the curve's rates."""
        rates, values = self.known(metric)
        if not rates or not rates[0] <= bpp <= rates[-1]:
            return None
        if len(rates) == 1:
            return values[0]
        return float(PchipInterpolator(np.log(rates), values)(np.log(bpp)))


def told(curves: Iterable[Curve]) -> list[Metric]:
    """The metrics that are known of one of the curves at least."""
    curves = tuple(curves)
    return [metric for metric in LABELS if any(curve.known(metric)[0] for curve in curves)]


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
        times = (tuple(results[figure]) for figure in ("encoding_time", "decoding_time"))
        curves.append(Curve(name, content["description"], False, tuple(results["bpp"]), _quality(results), *times))
    return curves


def published() -> list[Curve]:
    """Curves on the 24 Kodak images as others report them; `published.json` names each source."""
    content = json.loads((resources.files(__package__) / "published.json").read_text())
    return [
        Curve(name, f"published: {figures['source']}", True, tuple(figures["bpp"]), _quality(figures))
        for name, figures in content.items()
    ]


def _quality(figures: Mapping[str, list[float | None]]) -> dict[Metric, Values]:
    """What results in CompressAI's schema hold, as a curve has it; older ones lack metrics."""
    of: dict[Metric, tuple[str, Callable[[float], float | None]]] = {
        "psnr": ("psnr-rgb", float),
        "ms_ssim": ("ms-ssim-rgb", ms_ssim_decibels),
        "ssimulacra2": ("ssimulacra2", float),
        "butteraugli": ("butteraugli", butteraugli_decibels),
    }
    return {
        metric: tuple(None if value is None else convert(value) for value in figures[figure])
        for metric, (figure, convert) in of.items()
        if figure in figures
    }
