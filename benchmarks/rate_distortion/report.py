"""The tables of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...codec.measures import SMALLEST_SSIMULACRA2
from ..metrics import SMALLEST_MS_SSIM
from ..peers import ours
from ..peers.registry import LOSSLESS, LOW
from ..recorded import table
from .curves import LABELS, BjontegaardDelta, Curve, Metric, bd_rate, told

ANCHOR = "jpeg"
STANDARD = "svcodec-standard"
TUNED = {"ssim": STANDARD, "psnr": f"{STANDARD}-psnr"}  # the default tune first
SKETCH = "svcodec-sketch"
LOW_RATES = (0.03, 0.05, 0.07, 0.1)  # bits per pixel
MISSING = "-"
GAPS = {  # measures that a photo may not have, and why
    "psnr-rgb": ("PSNR", "a photo is coded exactly"),
    "ms-ssim-rgb": ("MS-SSIM", f"a photo has a side below {SMALLEST_MS_SSIM} pixels"),
    "ssimulacra2": ("SSIMULACRA 2", f"a photo has a side below {SMALLEST_SSIMULACRA2} pixels"),
}


def markdown(curves: Sequence[Curve], timed: Sequence[Curve], photos: int, machine: str) -> str:
    """All tables that the curves give rise to; of those in `timed`, which may be of untrained codecs, only times."""
    lossy = [curve for curve in curves if curve.name not in LOSSLESS]
    whole = [curve for curve in lossy if curve.name not in LOW]
    by_name = {curve.name: curve for curve in curves}
    parts = [f"{photos} photos; means over the photos at each setting. {machine}."]
    if ANCHOR in by_name:
        parts.append(f"## BD-rate against {ANCHOR}\n\n" + bd_table([(by_name[ANCHOR], curve) for curve in whole], 1))
    for name, others in ((TUNED["ssim"], whole), (TUNED["psnr"], whole), (SKETCH, lossy)):
        if name in by_name:
            pairs = [(curve, by_name[name]) for curve in others if not curve.name.startswith(ours.PREFIX)]
            parts.append(f"## BD-rate of {name} against each\n\n" + bd_table(pairs, 0))
    if lossy:
        parts.append("## At low rates\n\n" + rate_table(LOW_RATES, lossy))
    lossless = [by_name[name] for name in LOSSLESS if name in by_name]
    if lossless:
        parts.append("## Lossless\n\n" + lossless_table(lossless))
    parts.append("## Speed\n\n" + speed_table(timed))
    ran = {curve.name: curve.source for curve in (*timed, *curves)}
    parts.append("## What ran\n\n" + table(list(ran.items()), ("codec", "what")))
    return "\n\n".join(parts) + "\n"


def unknown(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which measures are not known of a codec's means, and which photos are why.

    Args:
        results: what `measure` writes, by codec.
    """
    found: dict[str, list[str]] = {}
    for codec, result in results.items():
        for figure, (label, why) in GAPS.items():
            points = result["results"][figure].count(None)
            if points and not (figure == "psnr-rgb" and codec in LOSSLESS):
                names = ", ".join(name for name, figures in result["images"].items() if None in figures[figure])
                text = f"{label} at {points} of {len(result['settings'])} settings, as {why}: {names}"
                found.setdefault(text, []).append(codec)
    return [f"{text} ({', '.join(codecs)})" for text, codecs in found.items()]


def bd_table(pairs: Sequence[tuple[Curve, Curve]], named: int) -> str:
    """BD-rates of the second curve of each pair against the first; `named` says which of the two a row is called."""
    metrics = told(curve for pair in pairs for curve in pair)
    rows = []
    for pair in pairs:
        row = [pair[named].name + (" (published)" if pair[named].published else "")]
        for metric in metrics:
            row += cells(bd_rate(*pair, metric), metric)
        rows.append((*row, *seconds(pair[named])))
    head = ["codec"]
    for metric in metrics:
        of = short(metric)
        head += [f"{of}, PCHIP", *([f"{of}, Akima"] if metric == "psnr" else []), "overlap"]
    return table(rows, (*head, "encoding", "decoding"))


def cells(delta: BjontegaardDelta | None, metric: Metric) -> list[str]:
    """A BD-rate, by both interpolations where the metric is PSNR, and the qualities that it holds for."""
    if delta is None:
        return [MISSING] * (3 if metric == "psnr" else 2)
    rates = [delta.pchip, *([delta.akima] if metric == "psnr" else [])]
    unit = LABELS[metric].removeprefix(short(metric)).replace(" in", "")
    return [*(f"{rate:+.1f}%" for rate in rates), f"{delta.low:.1f} to {delta.high:.1f}{unit}"]


def short(metric: Metric) -> str:
    """A metric's label without its unit."""
    return LABELS[metric].removesuffix(" in dB")


def rate_table(rates: Sequence[float], curves: Sequence[Curve]) -> str:
    """The quality of all codecs that reach each rate."""
    metrics = told(curves)
    rows = []
    for rate in rates:
        for curve in curves:
            values = [curve.at_rate(rate, metric) for metric in metrics]
            if any(value is not None for value in values):
                rows.append((f"{rate:.3f}", curve.name, *map(number, values)))
    return table(rows, ("bits per pixel", "codec", *(LABELS[metric] for metric in metrics)))


def lossless_table(curves: Sequence[Curve]) -> str:
    """Bits per sub-pixel and times of the lossless codecs."""
    head = ("codec", "bits per sub-pixel", "bits per pixel", "encoding", "decoding")
    rows = [(curve.name, f"{curve.bpp[0] / 3:.3f}", f"{curve.bpp[0]:.3f}", *seconds(curve)) for curve in curves]
    return table(rows, head)


def speed_table(curves: Sequence[Curve]) -> str:
    """Seconds of every codec, and how many times those of STANDARD they are."""
    standard = next((curve for curve in curves if curve.name == STANDARD), None)
    rows = []
    for curve in curves:
        ratios = (MISSING, MISSING)
        if standard is not None:
            ratios = (
                f"{np.mean(curve.encoding) / np.mean(standard.encoding):.2f}",
                f"{np.mean(curve.decoding) / np.mean(standard.decoding):.2f}",
            )
        rows.append((curve.name, *seconds(curve), *ratios))
    return table(rows, ("codec", "encoding", "decoding", f"encoding / {STANDARD}", f"decoding / {STANDARD}"))


def seconds(curve: Curve) -> tuple[str, str]:
    """Mean seconds to encode and to decode one photo over all settings, where they were measured."""
    return _mean_seconds(curve.encoding), _mean_seconds(curve.decoding)


def _mean_seconds(times: Sequence[float]) -> str:
    return f"{sum(times) / len(times):.2f} s" if times else MISSING


def number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"
