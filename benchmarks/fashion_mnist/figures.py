"""Figures of merit, tables and histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from torch import Tensor

BINS = 60


def merit(inside: Tensor, outside: Tensor) -> dict[str, float]:
    """How well scores tell in-distribution images, which count as positive, from others.

    Returns:
        `auroc`; `fpr95`, the share of others that pass where 95% of the in-distribution images pass; `aupr`; all in
        0..1.
    """
    label = np.repeat([1, 0], [len(inside), len(outside)])
    score = np.concatenate([inside.numpy(), outside.numpy()])
    false, true, _ = roc_curve(label, score, drop_intermediate=False)
    return {
        "auroc": float(roc_auc_score(label, score)),
        "fpr95": float(false[np.argmax(true >= 0.95)]),
        "aupr": float(average_precision_score(label, score)),
    }


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def histograms(panels: Sequence[Sequence[tuple[str, str, dict[str, Tensor]]]]) -> Figure:
    """Normalised histograms of scores, rows of panels.

    Args:
        panels: title, unit and the scores of each set, the in-distribution one first. Axes go from the 1st to the 99th
            percentile of all of a panel's scores, but not far below the first set's; what lies beyond is counted in the
            outermost bins.
    """
    figure = Figure(figsize=(5 * len(panels[0]), 3 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), len(panels[0]), squeeze=False)
    for axes, (title, unit, scores) in zip(grid.flat, (panel for row in panels for panel in row), strict=True):
        low, high = np.percentile(next(iter(scores.values())).numpy(), (5, 99))
        first, last = np.percentile(np.concatenate([score.numpy() for score in scores.values()]), (1, 99))
        first = max(first, low - 3 * (high - low))
        edges = np.linspace(first, last, BINS)
        for name, score in scores.items():
            axes.hist(score.numpy().clip(first, last), edges, density=True, alpha=0.6, label=name)
        axes.set(title=title, xlabel=f"log likelihood in {unit}")
        axes.legend()
    return figure
