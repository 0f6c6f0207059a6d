"""Results as files: whole or not at all, in folders that are made; and as tables. The option that names the file."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from ..files import write_whole

table = partial(tabulate, tablefmt="github", disable_numparse=True)  # Markdown, of rows and a head
result_option = click.option(
    *("-o", "--output"), required=True, type=click.Path(dir_okay=False, path_type=Path), help="file for the results"
)


def record(file: Path, result: Any) -> None:
    """Write a result as JSON, in the place of an earlier one."""
    record_text(file, json.dumps(result, indent=1) + "\n")


def record_text(file: Path, text: str) -> None:
    """Write tables or a page, likewise."""
    write_whole(file, text.encode())
