"""What a command says of its files, of each one and of all, and the exit code with which it ends."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from ..distributed.outcome import Outcome, Task, Work, reason
from ..distributed.processes import Numbered, outcomes
from ..program import one_line
from .paths import STANDARD_STREAM, is_stream, suffix_of
from .progress import Progress, sizes_of
from .summary import Tally, table
from .terminal import STANDARD_OUTPUT, THERE, echo, is_terminal, shown, shown_input

KINDS_SHOWN = 8


@dataclass
class Batch:
    """The files of one command.

    Attributes:
        verb: what has been done to a file that went well, such as `encoded`.
        as_json: results and errors are told as JSON objects, one a line.
        quiet: of files that went well nothing is said.
        skip_existing: an output that is there, also by another program meanwhile, is no error.
        dry: nothing is done, but said what would be.
        err: results go to standard error, as standard output carries data.
        of_folder: a folder was among the arguments.
        done: files that went well, of which `flagged` do not look like photos.
        skipped: files that were left out as asked.
        errors: what went wrong, by the names of files as they are shown.
        left_out: how many files in folders are of other kinds, by what those are called.
        tallies: files and bytes, by the suffix of the file that was read.
    """

    verb: str
    as_json: bool = False
    quiet: bool = False
    skip_existing: bool = False
    dry: bool = False
    err: bool = False
    of_folder: bool = False
    done: int = 0
    flagged: int = 0
    skipped: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)
    _progress: Progress = field(default_factory=lambda: Progress([]))

    def run(self, work: Work, tasks: Sequence[Task], processes: int = 1) -> None:
        """Do all tasks, say how each one went, in their order, and how far they are if somebody looks.

        A file's trouble is its own. Only a standard output that nobody reads any more ends the program.

        Args:
            work: see `distributed.processes.outcomes`.
            tasks: any number.
            processes: likewise; 1 where a task is of a stream, which this process alone has open.
        """
        names = (name for task in tasks for name in (task.source, task.target) if name is not None)
        if processes > 1 and any(map(is_stream, names)):
            processes = 1
        self.follow(outcomes(work, tasks, processes), tasks)

    def preview(self, tasks: Sequence[Task]) -> None:
        """Say what would be done."""
        for task in tasks:
            self._tell(task, f"{shown_input(task.source)} -> {shown(task.target or '')}", {"planned": True})
            self.done += 1

    def follow(self, numbered: Numbered, tasks: Sequence[Task]) -> None:
        """Say how tasks went, which come with their places as they are done."""
        looked_at = len(tasks) > 1 and not self.quiet and is_terminal(sys.stderr)
        early: dict[int, Outcome] = {}
        following = 0
        with Progress(sizes_of(tasks), looked_at) as self._progress:
            for place, outcome in numbered:
                self._progress.step(place)
                early[place] = outcome
                while following in early:
                    self.tell(early.pop(following))
                    following += 1
        if looked_at and self.done:
            for name, text in self.errors:  # once more, where they have been scrolled away
                echo(f"svcodec: {name}: {text}", err=True)

    def tell(self, outcome: Outcome) -> None:
        """Say and count what came of a file."""
        task, result = outcome.task, outcome.result
        for text in outcome.warnings:
            self._say(f"svcodec: {shown_input(task.source)}: {one_line(text)}", err=True)
        if outcome.warnings:
            result.fields["warnings"] = outcome.warnings
        error = outcome.error
        if error is None:
            try:
                self._tell(task, result.text or coded(task, result.fields), result.fields)
            except Exception as trouble:
                error = trouble
        if isinstance(error, BrokenPipeError) and error.filename == STANDARD_OUTPUT:
            raise error
        if error is None:
            self.done += 1
            self.flagged += result.fields.get("accepted") is False
            self._tally(task).add(result.fields)
        elif isinstance(error, FileExistsError) and self.skip_existing and task.target is not None:
            self.skip(task)
        else:
            self.error(task, error)

    def error(self, task: Task, error: Exception) -> None:
        """Say what went wrong with a file, and that of the program's files not all are done."""
        place = error.filename if isinstance(error, OSError) and isinstance(error.filename, str) else task.source
        text = THERE if isinstance(error, FileExistsError) else one_line(reason(error))
        self.errors.append((shown_input(place), text))
        self._tally(task).failed += 1
        self._say(f"svcodec: {shown_input(place)}: {text}", err=True)
        if self.as_json:
            self._put(task, {"error": text})

    def skip(self, task: Task) -> None:
        """Count a file that need not be worked on."""
        self.skipped += 1
        if self.as_json:
            self._put(task, {"skipped": True})

    def finish(self) -> None:
        """Sum up, and end the program with exit code 1 if a file failed or was found wanting."""
        if self.of_folder and self.as_json:
            self._say(json.dumps({"summary": self._sums()}), err=self.err)
        if not self.quiet and (self.of_folder or self.skipped):
            if rows := table(self.tallies):
                self._say(rows, err=True)
            self._say(f"svcodec: {'; '.join(self._parts())}", err=True)
        if self.errors or self.flagged:
            sys.exit(1)

    def _parts(self) -> list[str]:
        parts = [f"{self.done} {'to be ' * self.dry}{self.verb}"]
        parts += [f"{self.flagged} flagged"] * bool(self.flagged)
        parts += [f"{self.skipped} there already"] * bool(self.skipped)
        parts += [f"{len(self.errors)} failed"] * bool(self.errors)
        if kinds := +self.left_out:
            named = [f"{kind} ({count})" for kind, count in kinds.most_common(KINDS_SHOWN)]
            more = kinds.total() - sum(count for _, count in kinds.most_common(KINDS_SHOWN))
            parts.append(f"left out: {', '.join(named)}" + f", {more} more" * bool(more))
        return parts

    def _sums(self) -> dict[str, Any]:
        return {
            self.verb: 0 if self.dry else self.done,
            **({"planned": self.done} if self.dry else {}),
            "flagged": self.flagged,
            "skipped": self.skipped,
            "failed": len(self.errors),
            "left_out": dict(+self.left_out),
            "errors": [{"file": name, "error": text} for name, text in self.errors],
            "kinds": {kind: tally.as_dict() for kind, tally in sorted(self.tallies.items())},
        }

    def _tally(self, task: Task) -> Tally:
        return self.tallies.setdefault(suffix_of(task.source), Tally())

    def _tell(self, task: Task, text: str, fields: dict[str, Any]) -> None:
        if self.as_json:
            self._put(task, fields)
        elif text and not self.quiet:
            self._say(text, err=self.err)

    def _put(self, task: Task, fields: dict[str, Any]) -> None:
        names = {"file": task.source} if task.target is None else {"file": task.source, "output": task.target}
        whole = {key: click.format_filename(name) for key, name in names.items()}
        self._say(json.dumps({**whole, **fields}), err=self.err)

    def _say(self, text: str, err: bool) -> None:
        with self._progress.hidden():
            echo(text, err=err)


def coded(task: Task, fields: Mapping[str, Any]) -> str:
    """What is said of a file that was coded, by its statistics; nothing of others."""
    if "bytes_after" not in fields:
        return ""
    where = shown_input(task.source)
    if task.target not in (None, STANDARD_STREAM):
        where += f" -> {shown(task.target)}"
    sizes = f"{fields['bytes_before']:,} to {fields['bytes_after']:,} bytes"
    return f"{where}: {sizes}, {fields['ratio']:.1f} : 1, {fields['bits_per_pixel']:.3f} bits per pixel"
