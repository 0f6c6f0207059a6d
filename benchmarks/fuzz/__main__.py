"""`python -m svcodec.benchmarks.fuzz`."""

from __future__ import annotations

import json
import math
import os
import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ... import __version__
from ...codec.codec import Codec
from ...program import OneCommand
from ..conditions import machine, named
from ..recorded import record
from .campaign import Campaign, Tally

MEMORY = 2 << 30  # bytes that the cases may take beyond what is loaded
SHOWN = 20_000  # cases between two lines of the log


@click.command(cls=OneCommand)
@click.option("--cases", type=click.IntRange(1), default=100_000, show_default=True, help="How many streams to try.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=math.inf, help="Stop after these.")
@click.option("--every", type=click.IntRange(1), default=100, show_default=True, help="Decode one in so many.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="JSON; a run goes on from it.")
def main(cases: int, seed: int, minutes: float, every: int, output: Path) -> None:
    """Read hostile streams, and count what is refused, what is decoded and what goes wrong.

    Exits with 1 where anything but a SvcodecError came, a warning, a wrong picture, or a case took more than a minute.
    """
    codec = Codec()
    of = {"seed": seed, "svcodec": __version__, "model": named(codec.model)}
    of |= {"memory, bytes": MEMORY}
    campaign = Campaign(codec, seed, every, _tally(output, of))
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    head = {**of, "machine": machine()}
    shown = campaign.tally.cases
    for tally in campaign.run(cases, 60 * minutes):
        record(output, head | {"tally": asdict(tally)})
        if tally.cases >= shown + SHOWN:
            shown = tally.cases
            click.echo(f"{tally.cases:,} cases, {tally.decodings:,} decodings, {dict(tally.faults)}", err=True)
    if campaign.tally.faults:
        raise SystemExit(1)


def _tally(file: Path, of: dict[str, Any]) -> Tally:
    """What a run counted so far. Raises UsageError for a file of something else than `of`."""
    if not file.exists():
        return Tally()
    try:
        known = json.loads(file.read_bytes())
        if all(known[name] == value for name, value in of.items()):
            return Tally(**known["tally"])
    except (LookupError, TypeError, ValueError) as error:
        raise click.UsageError(f"{file} is no file of a run, or is damaged: name another.") from error
    raise click.UsageError(f"{file} is of another seed, version, model or memory: name another.")


if __name__ == "__main__":
    main()
