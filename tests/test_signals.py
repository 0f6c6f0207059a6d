"""Being told to end while a class is made, as by an import: Python before 3.12 makes a RuntimeError of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from workers import Ending, by_name, ends_while_a_class_is_made

from svcodec.distributed import Result, Task, processes
from svcodec.distributed.outcome import attempt
from svcodec.program import Program, signals_as_raised

unix = pytest.mark.skipif(os.name != "posix", reason="signals of Unix")


@pytest.mark.parametrize("raised", [SystemExit(143), KeyboardInterrupt()])
def test_the_work_of_a_file_ends(raised: BaseException) -> None:
    def work(task: Task) -> Result:
        ends_while_a_class_is_made(raised)
        return Result()

    with pytest.raises(type(raised)) as found:
        attempt(work, Task("a"))
    assert found.value is raised


def test_a_command_says_so() -> None:
    @click.group(cls=Program)
    def main() -> None:
        pass

    @main.command()
    def wait() -> None:
        ends_while_a_class_is_made(KeyboardInterrupt())

    found = CliRunner().invoke(main, ["wait"])
    assert (found.exit_code, found.stderr) == (130, "svcodec: interrupted\n")


def test_a_process_that_reads_its_task_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    found = dict(processes.outcomes(by_name, [Ending("a"), Ending("b")], 2))
    said = "the process that worked on it ended with exit code 143"
    assert [str(found[place].error) for place in range(2)] == [said] * 2
    assert capfd.readouterr().err == ""


@unix
def test_a_program_that_is_ending_anyway_says_nothing() -> None:
    code = """
import atexit, os, signal, click
from svcodec.program import Program
@click.group(cls=Program)
def main(): pass
@main.command()
def work(): pass
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
main(["work"])
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGTERM, "")


@pytest.mark.parametrize("cause", [None, ValueError("text")])
def test_other_errors_stay(cause: Exception | None) -> None:
    error = RuntimeError("text")
    with pytest.raises(RuntimeError) as found, signals_as_raised():
        raise error from cause
    assert found.value is error and error.__cause__ is cause
