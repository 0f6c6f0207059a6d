"""What a batch of files came to, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from textwrap import indent
from typing import Any

_COLUMNS = ("files", "failed", "bytes before", "bytes after", "ratio")


@dataclass
class Tally:
    """Files that went well and that failed, and bytes of the former before and after they were coded."""

    files: int = 0
    failed: int = 0
    before: int = 0
    after: int = 0

    def add(self, fields: Mapping[str, Any]) -> None:
        """Count a file that went well, by what is said of it."""
        self.files += 1
        self.before += fields.get("bytes_before", 0)
        self.after += fields.get("bytes_after", 0)

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return {"files": self.files, "failed": self.failed, "bytes_before": self.before, "bytes_after": self.after}


def table(tallies: Mapping[str, Tally]) -> str:
    """A row for each kind of file that was coded, and one for all; empty where none was.

    The ratio is that of the larger to the smaller, be they encoded or decoded.
    """
    from tabulate import tabulate

    rows = [_row(kind or "without a suffix", tally) for kind, tally in sorted(tallies.items())]
    whole = Tally(*(sum(values) for values in zip(*map(astuple, tallies.values()), strict=True)))
    if not whole.before:
        return ""
    if len(rows) > 1:
        rows.append(_row("all", whole))
    sides = ["left"] + ["right"] * len(_COLUMNS)
    return indent(tabulate(rows, ("kind", *_COLUMNS), "plain", disable_numparse=True, colalign=sides), "  ")


def _row(kind: str, tally: Tally) -> tuple[str, ...]:
    small, large = sorted((tally.before, tally.after))
    ratio = f"{large / small:.1f}" if small else ""
    return kind, f"{tally.files:,}", f"{tally.failed:,}", f"{tally.before:,}", f"{tally.after:,}", ratio
