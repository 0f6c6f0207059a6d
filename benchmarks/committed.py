"""The committed results, as the pages show them."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from .rate_distortion.curves import Curve, Metric, bd_rate, measured, published
from .rate_distortion.report import MISSING

RESULTS = Path("benchmarks/results")
SUB_PIXELS = 768 * 512 * 3  # of a Kodak image
table = functools.partial(tabulate, tablefmt="github", disable_numparse=True)  # of rows and a head


def read(name: str) -> Any:
    """A file of results."""
    return json.loads((RESULTS / name).read_text("utf-8"))


@functools.cache
def curves() -> dict[str, Curve]:
    """Those on Kodak, measured or published, by name."""
    names = [path.stem for path in sorted((RESULTS / "kodak").glob("*.json"))]
    return {curve.name: curve for curve in (*measured(RESULTS / "kodak", names), *published())}


def bd_rate_of(codec: str, anchor: str, metric: Metric) -> str:
    """BD-rate of a codec against another; a dash where it is not known."""
    delta = None if codec not in curves() else bd_rate(curves()[anchor], curves()[codec], metric)
    return MISSING if delta is None else f"{delta.pchip:+.1f}%"


def mean_seconds(times: Sequence[float]) -> str:
    """The mean of a curve's seconds; a dash where none were measured."""
    return f"{sum(times) / len(times):.2f} s" if times else MISSING
