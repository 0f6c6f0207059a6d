"""`svcodec info`: what it says of files, and of the machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import Result

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import diagnosis
from svcodec.models import machine, threads
from svcodec.models.kernels import FLOAT32, FLOAT64, INT8, KERNELS, Kernel

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]


def test_info(svc: Run, svc_file: Path, tmp_path: Path, stream: bytes) -> None:
    result = svc("info", svc_file, tmp_path / "none.svc")
    assert result.exit_code == 1
    assert "none.svc: No such file" in result.stderr
    found = svcodec.inspect(stream)
    for text in ("lossless", "40x24 RGB", found.model, f"{len(stream):,} bytes", *(s.name for s in found.segments)):
        assert text in result.stdout


def test_info_as_json(svc: Run, svc_file: Path, stream: bytes) -> None:
    result = svc("info", "--json", svc_file, svc_file)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == second
    assert first == {"file": str(svc_file), **json.loads(svcodec.inspect(stream).to_json())}
    assert first["bytes"] == len(stream)
    assert json.loads(svc("info", "--json", "-", stdin=stream).stdout)["file"] == "-"


def test_tables_hold_names_left_and_figures_right(svc: Run, svc_file: Path) -> None:
    lines = [
        line for line in svc("info", svc_file).stdout.splitlines() if line.startswith(("  segment", "  u ", "  y0"))
    ]
    head, *rows = lines
    assert len(rows) == 2
    for row in rows:
        assert row.index(row.split()[1]) == head.index("coding")
        assert row.index(row.split()[2]) + len(row.split()[2]) == head.index("bits") + len("bits")


def test_streams_without_an_account_are_shown(svc: Run, svc_file: Path, stream: bytes) -> None:
    svc_file.write_bytes(pack(replace(unpack(stream), account=())))
    result = svc("info", svc_file)
    assert result.exit_code == 0
    assert "segment" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--machine", "photo.svc"), ("--machine", "-")])
def test_info_is_of_files_or_of_the_machine(svc: Run, arguments: tuple[str, ...]) -> None:
    result = svc("info", *arguments)
    assert result.exit_code == 2
    assert "--machine" in result.stderr


@pytest.fixture
def of_times(monkeypatch: pytest.MonkeyPatch) -> dict[Kernel, float]:
    """Seconds that the machine's exact kernels take, for a test to change."""
    seconds: dict[Kernel, float] = {INT8: 0.5e-3, FLOAT32: 2e-3}
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    for module in (machine, diagnosis):
        monkeypatch.setattr(module, "measured", lambda device: seconds)
    return seconds


def test_the_machine_computes_by_its_fastest_exact_kernel(svc: Run, of_times: dict[Kernel, float]) -> None:
    found = svcodec.inspect_machine()
    assert (found.kernel, found.why) == ("int8", "fastest")
    assert found.kernels == {"int8": 0.5, "float32": 2.0}
    shown = svc("info", "--machine").stdout
    assert "int8, the fastest exact one\n" in shown
    assert {tuple(line.split()) for line in shown.rstrip().splitlines()[-2:]} == {("int8", "0.50"), ("float32", "2.00")}

    del of_times[INT8]
    assert (svcodec.inspect_machine().kernel, svcodec.inspect_machine().kernels["int8"]) == ("float32", None)
    assert "not exact" in svc("info", "--machine").stdout


def test_a_machine_without_exact_kernels_takes_the_last_resort(svc: Run, of_times: dict[Kernel, float]) -> None:
    of_times.clear()
    found = svcodec.inspect_machine()
    assert (found.kernel, found.why, set(found.kernels.values())) == (FLOAT64.name, "last resort", {None})
    assert "float64, as no faster one is exact here" in svc("info", "--machine").stdout


def test_the_environment_forces_a_kernel(
    svc: Run, of_times: dict[Kernel, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(machine.VARIABLE, FLOAT32.name)
    assert (svcodec.inspect_machine().kernel, svcodec.inspect_machine().why) == ("float32", "forced")
    assert "float32, forced by SVCODEC_KERNEL" in svc("info", "--machine").stdout
    monkeypatch.setenv(machine.VARIABLE, "int9")
    result = svc("info", "--machine")
    assert result.exit_code == 1
    assert "SVCODEC_KERNEL is 'int9'" in result.stderr


def test_the_machine_as_json(svc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is: the kernel that models are loaded with, and the threads that a large picture gets."""
    for host, cpus in ((3, 64), (64, 2)):
        monkeypatch.setattr(torch, "get_num_threads", lambda host=host: host)
        monkeypatch.setattr(threads, "usable_cpus", lambda cpus=cpus: cpus)
        found = json.loads(svc("info", "--machine", "--json").stdout)
        assert found == svcodec.inspect_machine().as_dict()
        assert found["threads"] == min(host, cpus)
    assert found["kernel"] == machine.kernel_for("cpu").name == svcodec.Codec().model.kernel.name
    assert list(found["kernels"]) == [kernel.name for kernel in KERNELS["cpu"]]
    assert (found["torch"], found["capability"]) == (torch.__version__, torch.backends.cpu.get_cpu_capability())
