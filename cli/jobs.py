"""Which file is made of which, without losing one."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from .. import InputError
from ..distributed import Coder, Result, Task
from .batch import Batch
from .finding import Found, find
from .paths import (
    STANDARD_STREAM,
    identity,
    is_file,
    is_folder,
    is_meant_as_folder,
    is_standard_output,
    is_stream,
    mode_of,
    suffix_of,
)
from .terminal import read, refuse_suffix, refuse_terminal, shown, write

OWN_OUTPUT = "give each an output of its own"


@dataclass(frozen=True)
class Job(Task):
    """One file to read and one to write, each a path or `-`."""

    target: str


@dataclass(frozen=True)
class Way:
    """What a command makes of what.

    Attributes:
        reads: suffixes of the files that it takes from folders.
        writes: suffixes that the name of an output may have.
        rename: the name of an output by that of its input.
        mistaken: what to say of an input that is named like an output; None where it may be.
        apart: how two inputs with different names get outputs of their own.
    """

    reads: Collection[str]
    writes: Collection[str]
    rename: Callable[[str], str]
    mistaken: str | None = None
    apart: str = OWN_OUTPUT


def plan(sources: Sequence[str], output: str | None, way: Way, batch: Batch, *, overwrite: bool = False) -> list[Job]:
    """Pair the files to read with the files to write.

    Files below folders keep their relative names in the folder `output`. Without `output` each file is written beside
    its source, and a stream to standard output. A file that would be lost, be it an input, an output that is there or
    one of another input, is an error of the batch; the rest is planned.

    Raises click.UsageError if the arguments as such can't be meant.
    """
    if output == "":
        raise click.UsageError("-o names an output, and '' names none.")
    if overwrite and batch.skip_existing:
        raise click.UsageError("--overwrite and --skip-existing exclude one another.")
    into_folder = output is not None and (
        len(sources) > 1 or is_folder(sources[0]) or is_folder(output) or is_meant_as_folder(output)
    )
    _refuse_streams(sources, output, into_folder)
    _refuse_misnamed(sources, output, into_folder, way)
    batch.err = is_standard_output(output) if output is not None else any(map(is_stream, sources))
    jobs = []
    for file in find(sources, way.reads, batch):
        if way.mistaken and suffix_of(file.path) in way.writes:
            batch.error(Task(file.path), InputError(way.mistaken))
        else:
            jobs.append(Job(file.path, _target(file, output, into_folder, way)))
    return list(_not_there(_apart(jobs, way, batch), batch, overwrite))


def recode(coder: Coder, job: Job) -> Result:
    """Read a file, code it and write what came of it."""
    content, fields = coder(read(job.source), click.format_filename(job.source))
    write(job.target, content, overwrite=job.replaces)
    return Result(fields=fields)


def _refuse_streams(sources: Sequence[str], output: str | None, into_folder: bool) -> None:
    if STANDARD_STREAM in sources and len(sources) > 1:
        raise click.UsageError("'-' can't be combined with other inputs.")
    if into_folder and (STANDARD_STREAM in sources or (output is not None and is_stream(output))):
        raise click.UsageError("A standard stream carries one file: name one input and an output file.")
    if output == STANDARD_STREAM or (output is None and STANDARD_STREAM in sources):
        refuse_terminal(STANDARD_STREAM)


def _refuse_misnamed(sources: Sequence[str], output: str | None, into_folder: bool, way: Way) -> None:
    if output is None:
        if len(sources) > 1 and suffix_of(sources[-1]) in way.writes and mode_of(sources[-1]) is None:
            raise click.UsageError(f"{sources[-1]!r} would be an input: an output is named with -o {sources[-1]}")
    elif into_folder:
        if is_file(output):
            raise click.UsageError(f"{output!r} is a file, where a folder is needed.")
        like_a_file = suffix_of(output) in {*way.reads, *way.writes} and not is_meant_as_folder(output)
        if like_a_file and not is_folder(output):
            raise click.UsageError(
                f"{output!r} would be a folder for several outputs: end it in '/' if it shall be one."
            )
    else:
        refuse_suffix(output, way.writes, "; a folder that is yet to be made, in '/'")


def _target(file: Found, output: str | None, into_folder: bool, way: Way) -> str:
    if output is None:
        path = Path(file.path)
        return STANDARD_STREAM if is_stream(file.path) else str(path.with_name(way.rename(path.name)))
    if into_folder:
        path = Path(output, file.name)
        return str(path.with_name(way.rename(path.name)))
    return output


def _apart(jobs: Sequence[Job], way: Way, batch: Batch) -> list[Job]:
    """Those jobs whose target is no other's and no source. A file that is named twice is one job."""
    sources = {identity(job.source) for job in jobs}
    by_target: dict[object, dict[object, Job]] = {}
    for job in jobs:
        by_target.setdefault(identity(job.target), {}).setdefault(identity(job.source), job)
    apart = []
    for target, rivals in by_target.items():
        for job in rivals.values():
            if len(rivals) > 1:
                other = next(rival for rival in rivals.values() if rival is not job)
                way_out = OWN_OUTPUT if Path(job.source).name == Path(other.source).name else way.apart
                text = f"would be written to {shown(job.target)}, and {shown(other.source)} too: {way_out}"
                batch.error(job, InputError(text))
            elif target in sources and not is_stream(job.target):
                text = f"would be written over {shown(job.target)}, which is an input: name another output"
                batch.error(job, InputError(text))
            else:
                apart.append(job)
    return apart


def _not_there(jobs: Sequence[Job], batch: Batch, overwrite: bool) -> Iterator[Job]:
    """Those jobs whose target may be written. Of what comes to be there later nothing is replaced."""
    for job in jobs:
        if is_stream(job.target) or not is_file(job.target):
            yield job
        elif overwrite:
            yield replace(job, replaces=True)
        elif batch.skip_existing:
            batch.skip(job)
        else:
            batch.error(job, FileExistsError(errno.EEXIST, "", job.target))
