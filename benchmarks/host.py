"""Time inside another program and beside one, and time to start: `python -m svcodec.benchmarks.host PHOTO -o FILE`.

Coding one photo, alone and beside a process that never waits: in a program like the command line, and in programs that
import torch after or before svcodec and let it have as many threads as there are CPUs. Then the whole command
`svcodec decode`, and its parts in a program of their own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .. import Codec
from ..program import OneCommand
from .conditions import machine
from .programs import Figures, printed_by, summary
from .recorded import record, result_option

ROUNDS = 5
BUSY = "while True: pass"
# What each kind of host imports first.
HOSTS = {
    "command line": "import svcodec.program",
    "library, svcodec imported first": "import svcodec",
    "library, torch imported first": "import torch",
}
CODING = """
import json, os, sys, time
for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):  # of the program that measures
    os.environ.pop(name, None)
{first}
import svcodec, torch
torch.set_num_threads(os.cpu_count())
codec = svcodec.Codec()
seconds = {{"encode": [], "decode": []}}
for _ in range(3):
    start = time.perf_counter()
    data = codec.encode(sys.argv[1])
    middle = time.perf_counter()
    codec.decode(data)
    seconds["encode"].append(middle - start)
    seconds["decode"].append(time.perf_counter() - middle)
print(json.dumps({{key: min(values[1:]) for key, values in seconds.items()}}))
"""
PARTS = """
import time
start = time.perf_counter()
seconds = {}
def lap(name):
    global start
    seconds[name] = time.perf_counter() - start
    start = time.perf_counter()
import gc, io, json, sys
import svcodec.program
gc.set_threshold(*svcodec.program.COLLECTIONS)
import click, numpy, PIL.Image
lap("numpy, Pillow, click")
import torch
lap("torch")
import svcodec.__main__, svcodec.codec.codec
lap("svcodec")
from svcodec.codec.model_files import find_model
model = find_model()
lap("the model")
picture = svcodec.decode(sys.argv[1])
lap("decoding")
picture.save(io.BytesIO(), "PNG")
lap("PNG")
model.test()
lap("the test of the machine, which is not in the whole")
print(json.dumps(seconds))
"""


@contextmanager
def busy_process(wanted: bool) -> Iterator[None]:
    """Another process that computes meanwhile, if wanted."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def coding(photo: Path, stream: Path) -> dict[str, Any]:
    """Seconds to encode and decode in `standard`, in each kind of host, alone and beside a busy process."""
    runs: dict[str, dict[str, list[Figures]]] = {"alone": {}, "busy": {}}
    for _ in range(ROUNDS):
        for beside, of_host in runs.items():
            for host, first in HOSTS.items():
                with busy_process(beside == "busy"):
                    of_host.setdefault(host, []).append(printed_by(CODING.format(first=first), photo))
    return {beside: {host: summary(found) for host, found in of.items()} for beside, of in runs.items()}


def command(photo: Path, stream: Path) -> dict[str, Any]:
    """Seconds of the whole command `svcodec decode`, on the clock and of CPUs, and of its parts on the clock."""
    whole, parts = [], []
    picture = stream.with_suffix(".png")
    for _ in range(ROUNDS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "svcodec", "decode", str(stream), "-o", str(picture)], check=True)
        clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        whole.append({"clock": clock, "CPUs": cpu})
        parts.append(printed_by(PARTS, stream))
    return {"whole": summary(whole), "parts": summary(parts)}


MEASUREMENTS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {"coding": coding, "svcodec decode": command}


@click.command(cls=OneCommand, help=__doc__)
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("parts", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
@result_option
def main(photo: Path, parts: tuple[str, ...], output: Path) -> None:
    result: dict[str, Any] = {"photo": photo.name, "machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder, "photo.svc")
        stream.write_bytes(Codec().encode(photo))
        for part in parts or MEASUREMENTS:
            result[part] = MEASUREMENTS[part](photo, stream)
    record(output, result)
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
