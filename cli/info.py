"""`svcodec info`."""

from __future__ import annotations

import json
import sys
from textwrap import indent
from typing import TYPE_CHECKING

import click

from .. import SvcodecError, inspect
from .files import STANDARD_STREAM, read, report

if TYPE_CHECKING:
    from .. import Info


@click.command()
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file and line.")
def info(sources: tuple[str, ...], as_json: bool) -> None:
    """Show what .svc files hold and where their bits went, without decoding them ('-' is standard input)."""
    failed = False
    for source in sources:
        try:
            found = inspect(read(source))
        except (SvcodecError, OSError) as error:
            report(source, error)
            failed = True
            continue
        click.echo(json.dumps({"file": source, **found.as_dict()}) if as_json else _describe(source, found))
    if failed:
        sys.exit(1)


def _describe(source: str, found: Info) -> str:
    from tabulate import tabulate

    name = "standard input" if source == STANDARD_STREAM else source
    quality = "" if found.quality is None else f", quality {found.quality}"
    alpha = " with alpha" if found.has_alpha else ""
    gate = []
    if found.gate:
        verdict = "accepted" if found.gate.accepted else "flagged"
        gate = [f"  gate     {verdict}: score {found.gate.score:.3f}, threshold {found.gate.threshold:.3f}"]
    pixels = found.width * found.height
    if found.plain or not found.model or not found.model_hash:
        made = f"none: plain, {found.plain}"
    else:
        made = f"{found.model} ({found.model_hash[:12]})"
    segments = tabulate(
        [
            (s.name, s.coding, f"{s.bits:,}", f"{s.bits / pixels:.4f}", f"{s.saved_bits:,}" if s.saved_bits else "")
            for s in found.segments
        ],
        ("segment", "coding", "bits", "bits/pixel", "saved bits"),
        "plain",
        disable_numparse=True,
        colalign=("left", "left", "right", "right", "right"),
    )
    sections = tabulate(
        [(section, f"{size:,}") for section, size in found.sections.items()],
        ("section", "bytes"),
        "plain",
        disable_numparse=True,
        colalign=("left", "right"),
    )
    return "\n".join(
        [
            name,
            f"  tier     {found.tier} ({found.mode}){quality}",
            f"  picture  {found.width}x{found.height} {found.colour}{alpha}",
            f"  model    {made}",
            f"  size     {found.bytes:,} bytes, {found.bits_per_pixel:.4f} bits per pixel",
            *gate,
            "",
            *([] if found.plain else [indent(segments, "  "), ""]),
            indent(sections, "  "),
            "",
        ]
    )
