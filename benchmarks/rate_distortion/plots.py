"""Plots of rate-distortion curves."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..peers import ours
from ..peers.halved import SUFFIX
from .curves import LABELS, Curve, Metric, told

LOW = (0.02, 0.15)  # bits per pixel


def plot(curves: Sequence[Curve], metric: Metric, log_rate: bool) -> Figure:
    """A metric against bits per pixel; ours thick, published curves dashed."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, curves, metric)
    if log_rate:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 2.2)
    axes.legend(fontsize=8, ncols=2)
    return figure


def low_plot(curves: Sequence[Curve]) -> Figure:
    """Every metric against the rates of LOW."""
    low = [curve for curve in curves if not curve.published and min(curve.bpp) <= LOW[1] and len(curve.bpp) > 1]
    metrics = told(low)
    figure = Figure(figsize=(9, 5 * -(-len(metrics) // 2) + 0.5), layout="constrained")
    for index, metric in enumerate(metrics):
        axes = figure.add_subplot(-(-len(metrics) // 2), 2, index + 1)
        _draw(axes, low, metric)
        axes.set_xlim(*LOW)
        seen = [
            value for curve in low for rate, value in zip(*curve.known(metric), strict=True) if LOW[0] <= rate <= LOW[1]
        ]
        if seen:
            margin = (max(seen) - min(seen)) / 20 or 1
            axes.set_ylim(min(seen) - margin, max(seen) + margin)
        if index == 0:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize=8, ncols=6)
    return figure


def _draw(axes: Axes, curves: Sequence[Curve], metric: Metric) -> None:
    whole = [curve.name.removesuffix(SUFFIX) for curve in curves]  # on halved photos a codec keeps its colour
    for curve, name in zip(curves, whole, strict=True):
        rates, values = curve.known(metric)
        if not rates:
            continue
        is_ours = curve.name.startswith(ours.PREFIX)
        axes.plot(
            rates,
            values,
            label=curve.name,
            color=f"C{list(dict.fromkeys(whole)).index(name)}",
            linestyle="--" if curve.published else "-" if curve.name == name else ":",
            linewidth=2.5 if is_ours else 1.2,
            marker="o" if len(rates) == 1 or is_ours else None,
            markersize=4,
            zorder=3 if is_ours else 2,
        )
    axes.set(xlabel="bits per pixel", ylabel=LABELS[metric])
    axes.grid(alpha=0.3)


def as_svg(figure: Figure) -> str:
    """The figure as an <svg> element to stand in a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
