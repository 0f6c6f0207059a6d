"""Many files in processes of their own: one's end costs its file alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import workers

from svcodec import InputError, OutOfMemoryError, SvcodecError
from svcodec.distributed import Outcome, Task
from svcodec.distributed.processes import outcomes

NAMES = ("a", "refused", "killed", "b", "odd", "exits", "slow", "c")
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


def done(names: tuple[str, ...], processes: int) -> list[Outcome]:
    tasks = [Task(f"{name}.png") for name in names]
    found = dict(outcomes(workers.by_name, tasks, processes))
    assert sorted(found) == list(range(len(tasks)))
    assert [found[place].task for place in sorted(found)] == tasks
    return [found[place] for place in sorted(found)]


@unix
def test_a_process_that_dies_costs_one_file() -> None:
    a, refused, killed, b, odd, exits, slow, c = done(NAMES, 2)
    for outcome, name in ((a, "a"), (b, "b"), (slow, "slow"), (c, "c")):
        assert (outcome.result.text, outcome.warnings, outcome.error) == (name, [f"about {name}"], None)
    assert isinstance(refused.error, InputError) and str(refused.error) == "refused"
    assert isinstance(killed.error, OutOfMemoryError) and "was killed" in str(killed.error)
    assert "unexpected Odd: an odd error" in str(odd.error)
    assert type(exits.error) is SvcodecError and "exit code 7" in str(exits.error)


@unix
def test_all_processes_die() -> None:
    found = done(("killed",) * 5, 3)
    assert [type(outcome.error) for outcome in found] == [OutOfMemoryError] * 5


def test_one_process_is_this_one() -> None:
    a, refused, odd = done(("a", "refused", "odd"), 1)
    assert a.result.fields["process"] == os.getpid()
    assert isinstance(refused.error, InputError)
    assert "unexpected Odd: an odd error" in str(odd.error)
    assert done(("a",), 4)[0].result.fields["process"] == os.getpid()
    assert done((), 4) == []


def test_others_have_one_thread_each() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    found = done(("slow", "slow", "slow"), 2)
    assert len({outcome.result.fields["process"] for outcome in found} - {os.getpid()}) == 2
    assert {outcome.result.fields["threads"] for outcome in found} == {"1"}
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_work_that_can_not_be_loaded_is_each_file_s_trouble() -> None:
    found = dict(outcomes(workers.Unloadable(), [Task("a"), Task("b"), Task("c")], 2))
    assert [str(found[place].error) for place in range(3)] == ["can't be loaded"] * 3


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_none_is_left_when_nobody_wants_more() -> None:
    numbered = iter(outcomes(workers.by_name, [Task("a"), Task("slow"), Task("slow"), Task("slow")], 2))
    process = next(numbered)[1].result.fields["process"]
    assert Path(f"/proc/{process}").exists()
    numbered.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{process}").exists()
