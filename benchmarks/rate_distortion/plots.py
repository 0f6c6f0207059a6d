"""Plots of rate-distortion curves."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from ..peers import ours
from .curves import LABELS, Curve, Metric


def plot(curves: Sequence[Curve], metric: Metric, log_rate: bool) -> Figure:
    """A metric against bits per pixel; ours thick, published curves dashed."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        rates, values = curve.known(metric)
        if not rates:
            continue
        is_ours = curve.name.startswith(ours.PREFIX)
        axes.plot(
            rates,
            values,
            label=curve.name,
            linestyle="--" if curve.published else "-",
            linewidth=2.5 if is_ours else 1.2,
            marker="o" if len(rates) == 1 or is_ours else None,
            markersize=4,
            zorder=3 if is_ours else 2,
        )
    if log_rate:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 2.2)
    axes.set(xlabel="bits per pixel", ylabel=LABELS[metric])
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    return figure


def as_svg(figure: Figure) -> str:
    """The figure as an <svg> element to stand in a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
