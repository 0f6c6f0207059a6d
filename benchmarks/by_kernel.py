"""`standard` by each kernel, side by side: `python -m svcodec.benchmarks.by_kernel -o FILE`.

The demo's photo, tiled to 0.4 and to 12 megapixels, is encoded and decoded in programs that take one of this machine's
exact kernels each, in turns. All have to come to the same file and the same picture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .. import Codec
from ..models.machine import VARIABLE, measured
from ..program import OneCommand
from .conditions import machine, named
from .programs import printed_by, summary
from .recorded import record, result_option

SIZES = {"0.4 MP": (768, 512), "12 MP": (4000, 3000)}  # width and height
ROUNDS = 3
CODING = """
import hashlib, json, resource, sys, time
import svcodec
from svcodec.benchmarks.conditions import tiled_photo
pixels, codec = tiled_photo(int(sys.argv[1]), int(sys.argv[2])), svcodec.Codec()
codec.decode(codec.encode(pixels))  # kernels prepare for a size when they first see it
start = time.perf_counter()
data = codec.encode(pixels)
middle = time.perf_counter()
picture = codec.decode(data)
end = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
figures = {"encode": middle - start, "decode": end - middle, "peak memory, MB": peak}
print(json.dumps({"figures": figures, "digest": hashlib.sha256(data + picture.tobytes()).hexdigest()}))
"""


def by_kernel(width: int, height: int, kernels: list[str]) -> dict[str, Any]:
    """Seconds and memory of a picture by each kernel."""
    runs: dict[str, list[dict[str, float]]] = {kernel: [] for kernel in kernels}
    digests = set()
    for _ in range(ROUNDS):
        for kernel, of_kernel in runs.items():
            printed = printed_by(CODING, width, height, **{VARIABLE: kernel})
            digests.add(printed["digest"])
            of_kernel.append(printed["figures"])
    if len(digests) > 1:
        raise SystemExit("files or pictures differ between the kernels")
    return {kernel: summary(found) for kernel, found in runs.items()}


@click.command(cls=OneCommand, help=__doc__)
@result_option
def main(output: Path) -> None:
    model = Codec().model
    kernels = [kernel.name for kernel in measured("cpu")]
    sizes = {name: by_kernel(*size, kernels) for name, size in SIZES.items()}
    result = {"model": named(model), "machine": machine(), "sizes": sizes}
    record(output, result)
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
