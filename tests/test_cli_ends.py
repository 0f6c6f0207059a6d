"""How commands end: one line for what goes wrong, whole files only, and an exit code that says it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import svcodec

Run = Callable[..., Result]
PROGRAM = (sys.executable, "-m", "svcodec")
QUICK = ("--tier", "sketch", "--gate", "off")


def takes_signals() -> None:
    """In a child before it begins: tests that run in the background may have been told to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("text", [b"\x89PNG\r\n\x1a\n\x00\xff", b"{}", b"[1]"])
@pytest.mark.parametrize("command", ["encode", "check"])
def test_a_calibration_that_is_none_is_told_once(svc: Run, png: Path, text: bytes, command: str) -> None:
    other = png.with_name("own.json")
    other.write_bytes(text)
    result = svc(command, png, png.with_name("b.png"), "--calibration", other)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"svcodec: calibration {other} can't be read") and result.stderr.count("\n") == 1
    assert not png.with_suffix(".svc").exists()


def test_a_model_s_name_is_checked_before_any_work(svc: Run, own_model: Path, png: Path) -> None:
    named = own_model.rename(own_model.with_name("my model.safetensors"))
    result = svc("encode", png, png, "--model", named, *QUICK)
    assert result.exit_code == 1
    assert "'my model' can't be a model's name" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("decode", "flat.svc", "--seed", "-1"),
        ("decode", "flat.svc", "--max-pixels", "0"),
        ("encode", "photo.png", "--max-pixels", "-5"),
        ("encode", "photo.png", "--quality", "0"),
        ("encode", "photo.png", "--strip", "some"),
        ("encode", "photo.png", "--tier", "best"),
        ("encode", "photo.png", "--tune", "eye"),
    ],
)
def test_values_that_options_do_not_take_are_usage_errors(svc: Run, arguments: tuple[str, ...]) -> None:
    result = svc(*arguments)
    assert result.exit_code == 2
    assert arguments[2] in result.stderr


def test_preview_is_not_said_to_be_exact(svc: Run, png: Path) -> None:
    result = svc("encode", png, "--tier", "preview", "--quality", "50")
    assert result.exit_code == 1
    assert "tier preview takes no quality: only sketch, standard and high do" in result.stderr


def test_warnings_that_python_makes_errors_are_warnings(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(noise).save(tmp_path / name)
    done = subprocess.run(
        (*PROGRAM, "encode", "a.png", "b.png", "--tier", "sketch"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"does not look like a photo") == done.stderr.count(b"\n") == 2
    assert (tmp_path / "b.svc").exists()


def test_the_trouble_with_an_output_is_told_of_the_output(svc: Run, flat: Path) -> None:
    (flat.parent / "file").write_bytes(b"")
    (flat.parent / "a.png").mkdir()
    for target, text in (("file/a.png", "Not a directory"), ("x" * 300 + ".png", "File name too long")):
        result = svc("decode", flat, "-o", flat.parent / target)
        assert result.exit_code == 1
        assert result.stderr == f"svcodec: {flat.parent / target}: {text}\n"
    assert svc("decode", flat, "-o", flat.parent / "a.png").exit_code == 0  # a folder for it
    assert (flat.parent / "a.png" / "flat.png").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    ("number", "code", "text"), [(signal.SIGINT, 130, b"svcodec: interrupted\n"), (signal.SIGTERM, 143, b"")]
)
def test_signals_while_reading(tmp_path: Path, number: signal.Signals, code: int, text: bytes) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        (*PROGRAM, "decode", "pipe", "-o", "a.png"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        preexec_fn=takes_signals,
    )
    while process.poll() is None:
        try:
            writer = os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:  # not yet read
            time.sleep(0.02)
    time.sleep(0.5)  # a signal just before a call that waits is seen only after it: let it wait for the first byte
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, said) == (code, text)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_writing_leave_whole_files_only(flat: Path, number: signal.Signals) -> None:
    (flat.parent / "other.svc").write_bytes(flat.read_bytes())
    code = (
        "import os, sys; from svcodec.__main__ import main\n"
        "link, placed = os.link, []\n"
        "def second(*names):\n"
        "    if placed: os.kill(os.getpid(), int(sys.argv.pop()))\n"
        "    placed.append(link(*names))\n"
        "os.link = second\n"
        "main(['decode', 'flat.svc', 'other.svc'])"
    )
    done = subprocess.run(
        (sys.executable, "-c", code, str(int(number))),
        cwd=flat.parent,
        capture_output=True,
        check=False,
        preexec_fn=takes_signals,
    )
    assert done.returncode == 128 + number
    assert sorted(path.name for path in flat.parent.iterdir()) == ["flat.png", "flat.svc", "other.svc"]
    assert svcodec.decode(flat).size == Image.open(flat.with_suffix(".png")).size


def test_an_interrupt_ends_the_batch(svc: Run, flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(svcodec, "transcode", interrupted)
    result = svc("decode", flat, flat, "-o", flat.parent / "out/")
    assert (result.exit_code, result.stderr) == (130, "svcodec: interrupted\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("chain", "j\nk.png", "-o", "c.svc", "--model", "selfvae-3-3"),
        ("sample", "selfvae-3-3", "-o", "s.png", "--mode", "super-resolution", "--from", "j\nk.png"),
        ("encode", "j\nk.png", "--calibration", "j\nk.png"),
        ("encode", "j\nk.png", "--model", "j\x1bk.safetensors"),
        ("encode", "j\nk.png", "--device", "j\nk"),
    ],
)
def test_errors_are_one_line_whatever_names_are_like(svc: Run, arguments: tuple[str, ...]) -> None:
    result = svc(*arguments)
    assert result.exit_code == 1
    assert ("j\ufffdk" in result.stderr or "'j\\nk'" in result.stderr) and "\x1b" not in result.stderr
    assert all(line.startswith("svcodec: ") for line in result.stderr.splitlines())


def test_warnings_of_a_chain_are_one_line(svc: Run, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "j\nk.tif", tiffinfo={282: 2.0, 283: 1.0, 296: 1})
    result = svc("chain", tmp_path / "j\nk.tif", "-o", tmp_path / "c.svc", "--model", "selfvae-3-3")
    assert result.exit_code == 0
    assert "j\ufffdk.tif" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("encode", "a.png", "--calibration", ""), ("info", ""), ("encode", ""), ("decode", ""), ("check", "")]
)
def test_an_empty_name_is_shown(svc: Run, arguments: tuple[str, ...]) -> None:
    result = svc(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("svcodec: '': ")
