"""Photos a second by one and by two workers: `python -m svcodec.benchmarks.throughput PHOTOS -o FILE`.

The photos of a folder are encoded by processes of this machine and by local clusters of Ray and Dask, each way in a
program of its own, which is told of the cores' rate and of what a start takes. For two workers it takes two idle cores.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .. import Codec
from ..distributed import Encoder, engines, processes
from ..distributed.places import Recoder, pairs
from ..errors import InputError
from ..program import OneCommand
from .conditions import machine
from .programs import printed_by
from .recorded import record, result_option

TIER = "standard"
SUFFIXES = {".png", ".jpg"}
PROGRAM = """
import json, sys
from svcodec.benchmarks import throughput
if __name__ == "__main__":
    print(json.dumps(throughput.rate(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])))
"""
WAYS: dict[str, Callable[..., Any]] = {
    "processes": lambda work, tasks, number: processes.outcomes(work, tasks, number),
    "ray": lambda work, tasks, number: engines.outcomes(work, tasks, "ray", number),
    "dask": lambda work, tasks, number: engines.outcomes(work, tasks, "dask", number),
}


def rate(way: str, workers: int, source: str, target: str) -> dict[str, float]:
    """Seconds that a folder takes, and megapixels a second once every worker has coded something.

    Args:
        way: one of `WAYS`.
        workers: how many work at once, of one thread each.
        source: a folder of photos, several for each worker.
        target: a folder that is not there yet.
    """
    start = time.perf_counter()
    work = Recoder(Encoder(Codec(), tier=TIER))
    tasks = pairs(source, target, SUFFIXES, lambda name: f"{name}.svc")
    ends, pixels = [], []
    for _, outcome in WAYS[way](work, tasks, workers):
        if outcome.error:
            raise outcome.error
        ends.append(time.perf_counter())
        pixels.append(outcome.result.fields["width"] * outcome.result.fields["height"])
    steady = sum(pixels[workers:]) / (ends[-1] - ends[workers - 1])
    return {"seconds": ends[-1] - start, "seconds to the first": ends[0] - start, "megapixels a second": steady / 1e6}


@click.command(cls=OneCommand, help=__doc__)
@click.argument("photos", type=click.Path(exists=True, file_okay=False))
@result_option
@click.option(
    "--workers",
    multiple=True,
    type=click.IntRange(1),
    default=(1, 2),
    show_default=True,
    help="How many; may be repeated.",
)
def main(photos: str, output: Path, workers: tuple[int, ...]) -> None:
    if (count := len(pairs(photos, "out", SUFFIXES, str))) <= max(workers):
        raise InputError(f"{photos} has {count} photos: it takes more than there are workers")
    result: dict[str, Any] = {"machine": machine(), "cores": os.cpu_count(), "tier": TIER, "photos": Path(photos).name}
    installed = [way for way in WAYS if way == "processes" or find_spec(way)]
    for way in installed:
        result[way] = {}
        for number in map(str, workers):
            with tempfile.TemporaryDirectory() as folder:
                result[way][number] = printed_by(PROGRAM, way, number, photos, f"{folder}/out", OMP_NUM_THREADS="1")
            click.echo(f"{way}, {number}: {result[way][number]['megapixels a second']:.3f} megapixels a second")
    record(output, result)


if __name__ == "__main__":
    main()
