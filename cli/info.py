"""`svcodec info`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import indent
from typing import TYPE_CHECKING

import click

from .. import inspect
from ..distributed import Result, Task
from .batch import Batch
from .completion import complete_files
from .finding import STREAM_SUFFIXES, find
from .options import jobs_option, json_option
from .terminal import echo, read, shown_input

if TYPE_CHECKING:
    from .. import Info, Machine

_WHY = {
    "fastest": "the fastest exact one",
    "forced": "forced by SVCODEC_KERNEL",
    "last resort": "as no faster one is exact here",
}


@click.command()
@click.argument("sources", metavar="FILE...", nargs=-1, shell_complete=complete_files)
@click.option("--machine", is_flag=True, help="Instead of files, show how this machine computes the networks.")
@jobs_option
@json_option
def info(sources: tuple[str, ...], machine: bool, processes: int, as_json: bool) -> None:
    """Show what .svc files hold and where their bits went, without decoding them.

    FILE is an .svc file, a folder of them, or '-' for standard input.
    """
    if machine == bool(sources):
        raise click.UsageError("Name files, or give --machine and no file.")
    if machine:
        from .. import inspect_machine

        here = inspect_machine()
        echo(json.dumps(here.as_dict()) if as_json else _describe_machine(here))
        return
    batch = Batch("shown", as_json=as_json)
    batch.run(_inspect, [Task(file.path) for file in find(sources, STREAM_SUFFIXES, batch)], processes)
    batch.finish()


def _inspect(task: Task) -> Result:
    found = inspect(read(task.source))
    return Result(_describe(task.source, found), found.as_dict())


def _describe_machine(found: Machine) -> str:
    kernels = [(name, "not exact" if time is None else f"{time:.2f}") for name, time in found.kernels.items()]
    return "\n".join(
        [
            "this machine",
            f"  kernel   {found.kernel}, {_WHY[found.why]}",
            f"  CPU      {found.capability}",
            f"  torch    {found.torch}",
            f"  threads  {found.threads} for a large picture",
            "",
            _table(("kernel", "milliseconds"), kernels, figures=1),
            "",
        ]
    )


def _describe(source: str, found: Info) -> str:
    quality = "" if found.quality is None else f", quality {found.quality}, tune {found.tune}"
    alpha = " with alpha" if found.has_alpha else ""
    depth = "" if found.bits_per_sample == 8 else f", {found.bits_per_sample} bits per sample"
    gate = []
    if found.gate:
        verdict = "accepted" if found.gate.accepted else "flagged"
        gate = [f"  gate     {verdict}: score {found.gate.score:.3f}, threshold {found.gate.threshold:.3f}"]
    pixels = 8 * found.bytes / found.bits_per_pixel  # of all pictures
    if found.plain or not found.model or not found.model_hash:
        made = f"none: plain, {found.plain}"
    else:
        bound = ", for machines that compute floats as the encoder's" if found.machine_bound else ""
        made = f"{found.model} ({found.model_hash[:12]}){bound}"
    segments = [
        (s.name, s.coding, f"{s.bits:,}", f"{s.bits / pixels:.4f}", f"{s.saved_bits:,}" if s.saved_bits else "")
        for s in found.segments
    ]
    account = _table(("segment", "coding", "bits", "bits/pixel", "saved bits"), segments, figures=3)
    sections = [(section, f"{size:,}") for section, size in found.sections.items()]
    return "\n".join(
        [
            shown_input(source),
            f"  tier     {found.tier} ({found.mode}){quality}",
            f"  picture  {found.width}x{found.height} {found.colour}{alpha}{depth}",
            *([f"  chain    of {found.pictures}, this is the first"] if "chain" in found.sections else []),
            *([] if found.levels is None else [f"  levels   {found.levels} of 4: the finest were cut off"]),
            f"  model    {made}",
            f"  size     {found.bytes:,} bytes, {found.bits_per_pixel:.4f} bits per pixel",
            *gate,
            "",
            *([] if found.plain else [account, ""]),
            _table(("section", "bytes"), sections, figures=1),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], figures: int) -> str:
    """Columns of names on the left, of so many figures on the right."""
    from tabulate import tabulate

    sides = ["left"] * (len(head) - figures) + ["right"] * figures
    return indent(tabulate(rows, head, "plain", disable_numparse=True, colalign=sides), "  ")
