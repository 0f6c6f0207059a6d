"""What is no photo, by `standard` and by others in as many bytes: `python -m svcodec.benchmarks.graphics -o FILE`.

The pictures are drawn (`drawings`). `standard` codes each at its default quality, the other codecs in as nearly as many
bytes as they can. The result has bytes, PSNR, SSIMULACRA 2 and the largest deviation on flat areas of each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..arrays import Pixels
from ..codec.measures import psnr, ssimulacra2
from ..codec.tiers import spec_of
from ..program import OneCommand
from .conditions import Photos, machine
from .drawings import PICTURES
from .metrics import flat_deviation
from .peers import registry
from .peers.matched import at_bytes
from .peers.peer import Peer
from .rate_distortion.report import STANDARD
from .recorded import record, result_option

OTHERS = ("webp", "jpeg", "avif")


def compare(pictures: Photos, others: Sequence[Peer]) -> dict[str, dict[str, Any]]:
    """Figures of every codec by picture and codec."""
    ours = registry.make(STANDARD)
    kinds = {}
    for kind, pixels in pictures.items():
        data = ours.encode(pixels, {"quality": spec_of("standard").quality})
        kinds[kind] = {STANDARD: figures(ours, data, pixels)}
        for peer in others:
            kinds[kind][peer.name] = figures(peer, at_bytes(peer, pixels, len(data)), pixels)
    return kinds


def figures(peer: Peer, data: bytes, original: Pixels) -> dict[str, Any]:
    """PSNR in dB, None where nothing is lost; the deviation on flat areas is None where there are none."""
    decoded = peer.decode(data)
    decibels = psnr(decoded, original)
    return {
        "bytes": len(data),
        "psnr": None if math.isinf(decibels) else decibels,
        "ssimulacra2": ssimulacra2(decoded, original),
        "flat": flat_deviation(decoded, original),
    }


@click.command(cls=OneCommand, help=__doc__)
@result_option
def main(output: Path) -> None:
    pictures = {kind: draw() for kind, draw in PICTURES.items()}
    kinds = compare(pictures, [registry.make(name) for name in OTHERS])
    result = {"model": registry.make(STANDARD).description, "machine": machine(), "kinds": kinds}
    record(output, result)
    click.echo(json.dumps(kinds, indent=1))


if __name__ == "__main__":
    main()
