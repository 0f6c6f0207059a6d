"""What the commands share: which file goes where, `-` for the standard streams, whole files or none."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from .. import SvcodecError
from ..files import write_whole

STANDARD_STREAM = "-"

model_option = click.option("--model", metavar="NAME|PATH", help="Model to code with; by default the built-in one.")
calibration_option = click.option(
    "--calibration",
    metavar="FILE",
    help="The gate's threshold, by `svcodec gate calibrate`; by default the built-in one.",
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="Where the networks run, as torch names it."
)


@dataclass(frozen=True)
class Job:
    """One file to read and one to write; either may be `-`."""

    source: str
    target: str


def plan(sources: Sequence[str], output: str | None, suffixes: Collection[str], target_suffix: str) -> list[Job]:
    """Pair the files to read with the files to write.

    Folders stand for the files below them that end in one of `suffixes`; these keep their relative names in the folder
    `output`. Without `output` each file is written beside its source. Wherever the output is not a file that was named,
    `target_suffix` replaces the source's suffix.

    Raises click.UsageError if two sources would share a target or if a source would be overwritten.
    """
    if STANDARD_STREAM in sources and len(sources) > 1:
        raise click.UsageError("'-' can't be combined with other inputs.")
    files = [(source, name) for argument in sources for source, name in expand(argument, suffixes)]
    into_folder = output is not None and (
        len(sources) > 1 or Path(sources[0]).is_dir() or Path(output).is_dir() or output.endswith(("/", os.sep))
    )
    if into_folder and STANDARD_STREAM in (output, *sources):
        raise click.UsageError("A standard stream carries one file: name one input and an output file.")
    jobs = []
    for source, name in files:
        if output is None:
            target = source if source == STANDARD_STREAM else str(Path(source).with_suffix(target_suffix))
        elif into_folder:
            target = str(Path(output, name).with_suffix(target_suffix))
        else:
            target = output
        jobs.append(Job(source, target))
    _refuse_clashes(jobs)
    return jobs


def run(jobs: Sequence[Job], work: Callable[[bytes, Job], bytes]) -> None:
    """Write what `work(content of the source, job)` returns for each job.

    A job that fails is reported on standard error and the others still run; then the program ends with exit code 1.
    """
    failed = False
    hidden = len(jobs) < 2 or not sys.stderr.isatty()
    with click.progressbar(jobs, file=sys.stderr, hidden=hidden, item_show_func=_source) as bar:
        for job in bar:
            try:
                write(job.target, work(read(job.source), job))
            except BrokenPipeError:
                raise
            except (SvcodecError, OSError) as error:
                report(job.source, error)
                failed = True
    if failed:
        sys.exit(1)


def report(source: str, error: Exception) -> None:
    """Print `svcodec: FILE: text` on standard error."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    click.echo(f"svcodec: {source}: {text}", err=True)


@contextlib.contextmanager
def warnings_reported(source: str) -> Iterator[None]:
    """Report what is warned of inside, as one line for each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)  # ours, which are no errors whatever the environment says
        yield
    for warning in caught:
        report(source, Exception(warning.message))


def read(source: str) -> bytes:
    """The content of a file, or of standard input for `-`."""
    return sys.stdin.buffer.read() if source == STANDARD_STREAM else Path(source).read_bytes()


def write(target: str, data: bytes) -> None:
    """Write a file (or standard output for `-`) so that it is there whole or not at all."""
    if target == STANDARD_STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(target).resolve()
    if path.exists() and not path.is_file():  # a pipe or a device has to stay one
        path.write_bytes(data)
        return
    write_whole(path, data)


def picture_suffixes() -> set[str]:
    """Suffixes of the formats that Pillow reads, .svc aside."""
    from PIL import Image

    return {suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN and name != "SVC"}


def expand(argument: str, suffixes: Collection[str]) -> list[tuple[str, str]]:
    """The files that an argument stands for, each with its name below the folder given."""
    folder = Path(argument)
    if not folder.is_dir():
        return [(argument, folder.name)]
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not files:
        raise click.UsageError(f"No file to code in the folder {argument!r}.")
    return [(str(path), str(path.relative_to(folder))) for path in files]


def _refuse_clashes(jobs: Sequence[Job]) -> None:
    sources = {os.path.realpath(job.source) for job in jobs if job.source != STANDARD_STREAM}
    writers: dict[str, str] = {}
    for job in jobs:
        if job.target == STANDARD_STREAM:
            continue
        target = os.path.realpath(job.target)
        if target in sources:
            raise click.UsageError(f"{job.target!r} is an input: name another output.")
        if target in writers:
            raise click.UsageError(f"{writers[target]!r} and {job.source!r} would both be written to {job.target!r}.")
        writers[target] = job.source


def _source(job: Job | None) -> str | None:
    return job.source if job else None
