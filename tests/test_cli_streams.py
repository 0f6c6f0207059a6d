"""Standard streams, pipes and odd names, in programs of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from PIL import Image

Run = Callable[..., Result]
BEGIN = 'svcodec() { "$PYTHON" -m svcodec "$@"; }\n'
needs_dev_fd = pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return subprocess.run(
        ["bash", "-c", BEGIN + script], cwd=folder, env=environment, capture_output=True, check=False, timeout=100
    )


@needs_dev_fd
def test_outputs_by_the_names_of_open_files(flat: Path) -> None:
    done = shell(
        flat.parent,
        """set -e
        svcodec decode flat.svc -o /dev/stdout --format bmp | cat > a.bmp
        svcodec decode flat.svc -o /dev/stdout > b.png
        printf before > c; svcodec decode flat.svc -o /dev/fd/3 --format ppm 3>> c
        svcodec decode flat.svc --format tiff -o >(cat > d.tiff) ; wait
        svcodec decode - < flat.svc | cat > e.png
        svcodec decode <(cat flat.svc) > f.png
        svcodec info /dev/stdin < flat.svc""",
    )
    assert done.returncode == 0, done.stderr
    for name, kind in (("a.bmp", "BMP"), ("b.png", "PNG"), ("d.tiff", "TIFF"), ("e.png", "PNG"), ("f.png", "PNG")):
        with Image.open(flat.with_name(name)) as image:
            assert (image.format, image.size) == (kind, (64, 48))
    assert flat.with_name("c").read_bytes().startswith(b"beforeP6")
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith("flat.svc -> /dev/stdout: ") and lines[-1].startswith("/dev/fd/")
    assert any(line.startswith("standard input: ") for line in lines)
    assert b"lossless" in done.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipes(svc: Run, flat: Path) -> None:
    done = shell(flat.parent, "mkfifo p q; cat flat.svc > p & svcodec decode p -o q & cat q > a.png; wait")
    assert done.returncode == 0
    assert Image.open(flat.with_name("a.png")).size == (64, 48)
    assert flat.with_name("p").is_fifo() and flat.with_name("q").is_fifo()


@needs_dev_full
@pytest.mark.parametrize(
    "command",
    ["info flat.svc", "info --json flat.svc flat.svc", "decode flat.svc -o -", "decode flat.svc -o a.png", "--help"],
)
def test_a_full_standard_output(flat: Path, command: str) -> None:
    done = shell(flat.parent, f"svcodec {command} > /dev/full")
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert all(line.startswith(b"svcodec: ") for line in done.stderr.splitlines())


@needs_dev_full
def test_a_full_disk_is_the_output_s_trouble(svc: Run, flat: Path) -> None:
    result = svc("decode", flat, "-o", "/dev/full")
    assert result.exit_code == 1
    assert result.stderr == "svcodec: /dev/full: No space left on device\n"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("decode - -o a.png <&-", b"svcodec: standard input: is closed"),
        ("decode flat.svc -o - >&-", b"svcodec: standard output: is closed"),
        ("decode flat.svc -o a.png <&- >&-", b""),
        ("decode flat.svc -o a.png 2>&-", b""),
    ],
)
def test_closed_standard_streams(flat: Path, command: str, text: bytes) -> None:
    done = shell(flat.parent, f"svcodec {command}")
    assert done.returncode == (1 if text else 0)
    assert done.stderr.rstrip() == text
    assert [path.name for path in flat.parent.iterdir() if path.suffix == ".tmp"] == []
    if "a.png" in command and not text:
        with Image.open(flat.with_name("a.png")) as image:
            image.load()


def test_a_terminal_gets_no_pictures(flat: Path) -> None:
    pty = pytest.importorskip("pty")
    parent, terminal = pty.openpty()
    done = subprocess.run(
        (sys.executable, "-m", "svcodec", "decode", flat, "-o", "-"),
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(terminal)
    os.close(parent)
    assert done.returncode == 2
    assert b"is a terminal" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no text")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict", "latin-1:strict"])
def test_names_that_are_no_text(flat: Path, encoding: str) -> None:
    name = os.fsencode(flat.parent) + b"/b\xff\n\x1b[31m\xc3\xbc.svc"
    Path(os.fsdecode(name)).write_bytes(flat.read_bytes())
    done = shell(
        flat.parent,
        """set -e
        svcodec info b*.svc
        svcodec info --json b*.svc
        svcodec decode b*.svc
        svcodec decode b*.svc --json --format bmp
        svcodec decode b*.svc || true""",
        PYTHONIOENCODING=encoding,
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"is there already" in done.stderr and b"Traceback" not in done.stderr
    objects = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    assert [found["file"] for found in objects] == ["b\ufffd\n\x1b[31m\u00fc.svc"] * 2
    if encoding.startswith("utf-8"):
        assert "b\ufffd\ufffd\ufffd[31m\u00fc.svc".encode() in done.stdout
    assert os.path.exists(name.replace(b".svc", b".png"))  # noqa: PTH110


def test_a_closed_pipe_leaves_no_traceback(flat: Path) -> None:
    for command in ("info flat.svc", "decode flat.svc -o -"):
        done = shell(flat.parent, f"(sleep 0.1; svcodec {command}; echo $? >&2) | true")
        assert done.stderr.splitlines()[-1] == b"1"
        assert b"Traceback" not in done.stderr


def test_results_go_to_standard_error_beside_data(svc: Run, flat: Path, photo: npt.NDArray[np.uint8]) -> None:
    result = svc("decode", flat, "-o", "-", "--json")
    assert result.stdout_bytes.startswith(b"\x89PNG")
    assert json.loads(result.stderr)["output"] == "-"
    assert svc("decode", flat, "-o", "-", "--quiet").stderr == ""


def test_standard_input_is_never_replaced(tmp_path: Path) -> None:
    """A file that the shell gives as standard input is an input like those that are named."""
    Image.new("RGB", (8, 8), (200, 100, 50)).save(tmp_path / "a.svc", "PNG")
    before = (tmp_path / "a.svc").read_bytes()
    done = shell(tmp_path, "svcodec encode - -o a.svc --tier lossless --overwrite < a.svc")
    assert done.returncode == 1 and b"which is an input" in done.stderr
    assert (tmp_path / "a.svc").read_bytes() == before
    done = shell(tmp_path, 'svcodec encode a.svc -o "$NOTHING"')
    assert done.returncode == 2 and b"names none" in done.stderr
