"""Folders by several processes: the same files and reports, whatever is killed; what is said at the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from PIL import Image

import svcodec
from svcodec.cli.progress import line
from svcodec.cli.summary import Tally, table

Run = Callable[..., Result]
PROGRAM = (sys.executable, "-m", "svcodec")
LOSSLESS = ("--tier", "lossless")
STREAMS = 160
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs groups of processes")


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def pictures(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> Path:
    """A folder with a photo, a picture that warns, a broken one, flat ones, and two that would be one."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(photo).save(folder / "photo.png")
    Image.fromarray(noise).save(folder / "noise.webp", quality=1)
    (folder / "broken.png").write_bytes(b"text")
    for i in range(3):
        Image.new("RGB", (40, 30), (i, 100, 200)).save(folder / "deep" / f"{i}.bmp")
    for suffix in (".png", ".bmp"):
        Image.new("L", (5, 5)).save(folder / f"twice{suffix}")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def streams(tmp_path: Path, flat: Path) -> Path:
    """A folder of streams that are decoded without networks: many, so that a run can be met before its end."""
    folder = tmp_path / "streams"
    folder.mkdir()
    for i in range(STREAMS):
        (folder / f"{i:03}.svc").write_bytes(flat.read_bytes())
    return folder


def test_files_and_reports_are_those_of_one_process(svc: Run, pictures: Path, tmp_path: Path) -> None:
    said = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        found = [
            svc("encode", pictures, "-o", out, *LOSSLESS, "--jobs", jobs, "--json"),
            svc("info", out, "--jobs", jobs),
            svc("check", pictures / "photo.png", pictures / "noise.webp", "-j", jobs),
            svc("decode", out, "-o", out / "again", "--jobs", jobs),
        ]
        assert [result.exit_code for result in found] == [1, 0, 1, 0]
        said.append([(r.stdout.replace(str(out), "OUT"), r.stderr.replace(str(out), "OUT")) for r in found])
    assert said[0] == said[1]
    assert written(tmp_path / "1") == written(tmp_path / "2")
    assert set(written(tmp_path / "1")) >= {"photo.svc", "deep/2.svc", "again/noise.png"}
    *files, last = map(json.loads, said[1][0][0].splitlines())
    by_name = {Path(found["file"]).name: found for found in files}
    assert "not a picture" in by_name["broken.png"]["error"] and "--keep-suffix" in by_name["twice.png"]["error"]
    assert any("times as large" in text for text in by_name["noise.webp"]["warnings"])
    summary = last["summary"]
    assert (summary["encoded"], summary["failed"], summary["left_out"]) == (5, 3, {".txt": 1})
    assert {Path(error["file"]).name for error in summary["errors"]} == {"broken.png", "twice.png", "twice.bmp"}
    before = sum((pictures / f"deep/{i}.bmp").stat().st_size for i in range(3))
    after = sum((tmp_path / f"1/deep/{i}.svc").stat().st_size for i in range(3))
    assert summary["kinds"][".bmp"] == {"files": 3, "failed": 1, "bytes_before": before, "bytes_after": after}
    row = next(row.split() for row in said[1][3][1].splitlines() if row.startswith("  .svc"))
    assert row[:3] == [".svc", "5", "0"]


def test_as_many_processes_as_cores(svc: Run, streams: Path) -> None:
    assert svc("info", streams, "--jobs", "0").stdout == svc("info", streams).stdout
    assert svc("info", streams, "--jobs", "-1").exit_code == 2


def test_streams_are_worked_on_by_this_process(svc: Run, flat: Path) -> None:
    result = svc("info", "-", "--jobs", "4", stdin=flat.read_bytes())
    assert result.exit_code == 0 and "standard input" in result.stdout


@unix
def test_a_killed_run_is_resumed(streams: Path, tmp_path: Path) -> None:
    """All processes at once, as a system does that ends: only whole files are there, and the rest is made later."""
    out = tmp_path / "out"
    command = (*PROGRAM, "decode", str(streams), "-o", str(out), "--jobs", "2")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and (not out.exists() or not any(out.glob("*.png"))):
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = sorted(out.glob("*.png"))
    assert 0 < len(there) < STREAMS
    assert {Image.open(path).convert("RGB").getpixel((0, 0)) for path in there} == {(200, 100, 50)}
    times = {path: path.stat().st_mtime_ns for path in there}
    done = subprocess.run((*command, "--skip-existing", "--json"), capture_output=True, text=True, check=True)
    skipped = [found for found in map(json.loads, done.stdout.splitlines()) if found.get("skipped")]
    assert len(skipped) == len(there)
    assert {path: path.stat().st_mtime_ns for path in there} == times
    assert len(list(out.glob("*.png"))) == STREAMS


@unix
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "svcodec: interrupted\n"), (15, 143, ""), (9, -9, "")]
)
def test_no_process_outlives_the_command(streams: Path, tmp_path: Path, number: int, code: int, said: str) -> None:
    command = (*PROGRAM, "decode", str(streams), "-o", str(tmp_path / "out"), "--jobs", "2", "--quiet")
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "out").exists():
        time.sleep(0.005)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C reaches them all
    else:
        process.send_signal(number)
    _, text = process.communicate(timeout=60)  # not before all have closed standard error
    assert (process.returncode, text) == (code, said)
    assert not list((tmp_path / "out").glob(".svcodec-*"))


def test_what_would_be_done(svc: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(svcodec.Codec, "__init__")  # no model is needed
    out = tmp_path / "out"
    result = svc("encode", pictures, "-o", out, "--dry-run")
    assert result.exit_code == 1
    assert f"{pictures / 'photo.png'} -> {out / 'photo.svc'}\n" in result.stdout
    assert result.stdout.count("\n") == 6
    assert result.stderr.splitlines()[-1] == "svcodec: 6 to be encoded; 2 failed; left out: .txt (1)"
    assert not out.exists()
    *files, last = map(json.loads, svc("encode", pictures, "-o", out, "--dry-run", "--json").stdout.splitlines())
    planned = [found["output"] for found in files if found.get("planned")]
    assert len(planned) == last["summary"]["planned"] == 6 and str(out / "deep" / "0.svc") in planned


def test_what_decoding_would_do(svc: Run, flat: Path) -> None:
    result = svc("decode", flat, "--dry-run")
    assert (result.exit_code, result.stdout) == (0, f"{flat} -> {flat.with_suffix('.png')}\n")
    flat.with_suffix(".png").write_bytes(b"")
    assert svc("decode", flat, "--dry-run").exit_code == 1
    assert flat.with_suffix(".png").read_bytes() == b""


def seen(command: tuple[str | Path, ...]) -> str:
    """What a terminal gets on standard error."""
    pty = pytest.importorskip("pty")
    parent, terminal = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal) as process:
        os.close(terminal)
        text = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more
            while piece := os.read(parent, 65536):
                text += piece
    os.close(parent)
    assert process.returncode == 1
    return text.decode().replace("\r\n", "\n")


def test_progress_is_for_terminals(streams: Path, tmp_path: Path) -> None:
    (streams / "000.svc").write_bytes(b"broken")
    command = (*PROGRAM, "decode", streams, "-o", tmp_path / "out")
    said = seen(command)
    assert f"] 0 of {STREAMS}" in said and " files and " in said and " MB a second, 0:00:" in said
    head, _, summary = said.rpartition("\r")
    assert f" of {STREAMS}" not in summary
    assert summary.count("000.svc: not an .svc file") == 1 and "000.svc: not an .svc file" in head  # said once more
    assert summary.splitlines()[-1] == f"svcodec: {STREAMS - 1} decoded; 1 failed"
    assert "\r" not in seen((*command, "--quiet", "--overwrite"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 8, 0, 400, 0.0), "[--------------------] 0 of 8"),
        ((2, 8, 100, 400, 2.0), "[#####---------------] 2 of 8, 1.0 files and 0.0 MB a second, 0:00:06 left"),
        ((2, 8, 0, 0, 2.0), "[#####---------------] 2 of 8, 1.0 files and 0.0 MB a second, 0:00:06 left"),
        ((1, 9, 10**6, 10**10, 1.0), "[--------------------] 1 of 9, 1.0 files and 1.0 MB a second, 2:46:39 left"),
        ((8, 8, 400, 400, 4.0), "[####################] 8 of 8, 2.0 files and 0.0 MB a second, 0:00:00 left"),
    ],
)
def test_the_line_of_progress(arguments: tuple[int, int, int, int, float], text: str) -> None:
    assert line(*arguments) == text


def test_the_table() -> None:
    assert table({}) == table({".svc": Tally(3, 1)}) == ""
    text = table({"": Tally(1, 0, 100, 400), ".png": Tally(2, 1, 3000, 600)})
    assert [row.split() for row in text.splitlines()] == [
        ["kind", "files", "failed", "bytes", "before", "bytes", "after", "ratio"],
        ["without", "a", "suffix", "1", "0", "100", "400", "4.0"],
        [".png", "2", "1", "3,000", "600", "5.0"],
        ["all", "3", "1", "3,100", "1,000", "3.1"],
    ]
