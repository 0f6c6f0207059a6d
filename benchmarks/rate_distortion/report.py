"""The tables of a run, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from tabulate import tabulate

from ..peers import ours
from ..peers.registry import LOSSLESS
from .curves import LABELS, BjontegaardDelta, Curve, bd_rate

ANCHOR = "jpeg"
STANDARD = "svcodec-standard"
TUNED = {"ssim": STANDARD, "psnr": f"{STANDARD}-psnr"}  # the default tune first
LOWEST = ("svcodec-sketch", "svcodec-preview")  # tiers below most codecs' rates
MISSING = "-"

table = partial(tabulate, tablefmt="github", disable_numparse=True)  # Markdown, of rows and a head


def markdown(curves: Sequence[Curve], timed: Sequence[Curve], photos: int, machine: str) -> str:
    """All tables that the curves give rise to; of those in `timed`, which may be of untrained codecs, only times."""
    lossy = [curve for curve in curves if curve.name not in LOSSLESS]
    by_name = {curve.name: curve for curve in curves}
    parts = [f"{photos} photos; means over the photos at each setting. {machine}."]
    if ANCHOR in by_name:
        parts.append(f"## BD-rate against {ANCHOR}\n\n" + bd_table([(by_name[ANCHOR], curve) for curve in lossy], 1))
    for name in TUNED.values():
        if name in by_name:
            others = [(curve, by_name[name]) for curve in lossy if not curve.name.startswith(ours.PREFIX)]
            parts.append(f"## BD-rate of {name} against each\n\n" + bd_table(others, 0))
    parts += [f"## At the rates of {name}\n\n" + rate_table(by_name[name], lossy) for name in LOWEST if name in by_name]
    lossless = [by_name[name] for name in LOSSLESS if name in by_name]
    if lossless:
        parts.append("## Lossless\n\n" + lossless_table(lossless))
    parts.append("## Speed\n\n" + speed_table(timed))
    ran = {curve.name: curve.source for curve in (*timed, *curves)}
    parts.append("## What ran\n\n" + table(list(ran.items()), ("codec", "what")))
    return "\n\n".join(parts) + "\n"


def bd_table(pairs: Sequence[tuple[Curve, Curve]], named: int) -> str:
    """BD-rates of the second curve of each pair against the first; `named` says which of the two a row is called."""
    rows = []
    for pair in pairs:
        anchor, test = pair
        delta, structural, perceived = (bd_rate(anchor, test, metric) for metric in LABELS)
        rows.append(
            (
                pair[named].name + (" (published)" if pair[named].published else ""),
                MISSING if delta is None else f"{delta.pchip:+.1f}%",
                MISSING if delta is None else f"{delta.akima:+.1f}%",
                overlap(delta, " dB"),
                MISSING if structural is None else f"{structural.pchip:+.1f}%",
                overlap(structural, " dB"),
                MISSING if perceived is None else f"{perceived.pchip:+.1f}%",
                overlap(perceived, ""),
                *seconds(pair[named]),
            )
        )
    metrics = ("PSNR, PCHIP", "PSNR, Akima", "overlap", "MS-SSIM, PCHIP", "overlap", "SSIMULACRA 2, PCHIP", "overlap")
    return table(rows, ("codec", *metrics, "encoding", "decoding"))


def overlap(delta: BjontegaardDelta | None, unit: str) -> str:
    """The qualities that a BD-rate holds for."""
    return MISSING if delta is None else f"{delta.low:.1f} to {delta.high:.1f}{unit}"


def rate_table(tier: Curve, others: Sequence[Curve]) -> str:
    """Every codec's quality at the rate of each point of one curve."""
    rows = []
    for rate, *qualities in zip(tier.bpp, *(getattr(tier, metric) for metric in LABELS), strict=True):
        rows.append([f"{rate:.3f}", tier.name, *map(number, qualities)])
        for other in others:
            if not other.name.startswith(ours.PREFIX):
                values = [other.at_rate(rate, metric) for metric in LABELS]
                if any(value is not None for value in values):
                    rows.append([f"{rate:.3f}", other.name, *map(number, values)])
    return table(rows, ("bits per pixel", "codec", *LABELS.values()))


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
    """Mean seconds for one photo over all settings, where they were measured."""
    return tuple(  # type: ignore[return-value]
        f"{sum(times) / len(times):.2f} s" if times else MISSING for times in (curve.encoding, curve.decoding)
    )


def number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"
