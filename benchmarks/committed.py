"""The committed results, as the pages show them."""

from __future__ import annotations

import errno
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .rate_distortion.curves import Curve, Metric, bd_rate, measured, published
from .rate_distortion.report import MISSING
from .recorded import table

RESULTS = Path("benchmarks/results")
SUB_PIXELS = 768 * 512 * 3  # of a Kodak image


def read(name: str) -> Any:
    """A file of results."""
    return json.loads((RESULTS / name).read_text("utf-8"))


KODAK = "kodak"


@functools.cache
def curves(folder: str = KODAK) -> dict[str, Curve]:
    """Those of a folder of results, and those published on Kodak, by name. Raises FileNotFoundError without any."""
    if not (RESULTS / folder).is_dir():
        raise FileNotFoundError(errno.ENOENT, "no results", str(RESULTS / folder))
    names = [path.stem for path in sorted((RESULTS / folder).glob("*.json"))]
    others = published() if folder == KODAK else []
    return {curve.name: curve for curve in (*measured(RESULTS / folder, names), *others)}


def bd_rate_of(codec: str, anchor: str, metric: Metric, folder: str = KODAK) -> str:
    """BD-rate of a codec against another; a dash where it is not known."""
    one, other = (curves(folder).get(name) for name in (anchor, codec))
    delta = bd_rate(one, other, metric) if one and other else None
    return MISSING if delta is None else f"{delta.pchip:+.1f}%"


def trimmed(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """A table without the columns of which nothing is known."""
    columns = [column for column in zip(head, *rows, strict=True) if set(column[1:]) != {MISSING}]
    return table(list(zip(*columns, strict=True))[1:], [column[0] for column in columns])
