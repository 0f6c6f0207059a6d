"""Programs of their own, whose figures are taken: as another program or another environment has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from ..errors import SvcodecError

Figures = dict[str, float]


def printed_by(program: str, *arguments: object, **variables: str) -> Any:
    """What a Python program prints, in JSON.

    Args:
        program: its source.
        arguments: `sys.argv` from 1 on.
        variables: of its environment, beside those of this program.

    Raises:
        SvcodecError: it fails; what it says is on standard error.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, **variables},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SvcodecError(f"a program that was to be measured ended with exit code {done.returncode}")
    return json.loads(done.stdout)


def summary(runs: list[Figures]) -> dict[str, Figures]:
    """Median and least of each figure."""
    return {key: {"median": median(of := [run[key] for run in runs]), "least": min(of)} for key in runs[0]}
