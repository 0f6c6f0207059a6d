"""Options that several commands share."""

from __future__ import annotations

import click

from .. import MAX_PIXELS
from ..cpus import usable_cpus
from .completion import complete_files

sources_argument = click.argument("sources", metavar="IN...", nargs=-1, required=True, shell_complete=complete_files)
model_option = click.option(
    "--model",
    metavar="NAME|PATH",
    shell_complete=complete_files,
    help="Model to code with; by default the built-in one.",
)
calibration_option = click.option(
    "--calibration",
    metavar="FILE",
    shell_complete=complete_files,
    help="The gate's threshold, by `svcodec gate calibrate`; by default the built-in one.",
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="Where the networks run, as torch names it."
)
max_pixels_option = click.option(
    "--max-pixels",
    metavar="N",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    help=f"Take pictures of up to so many pixels; by default {MAX_PIXELS:,}.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace outputs that are there already.")
skip_option = click.option("--skip-existing", is_flag=True, help="Leave out inputs whose output is there already.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per file and line, errors too.")
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but errors and warnings.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
jobs_option = click.option(
    "-j",
    "--jobs",
    "processes",
    metavar="N",
    type=click.IntRange(0),
    default=1,
    callback=lambda context, parameter, value: value or usable_cpus(),
    help="Work on N files at once, in processes of one thread each; 0 for one on each core.",
)
