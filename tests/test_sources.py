"""Streams come from paths, files and bytes alike; what can't be read is said in one line."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import svcodec

Samples = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def stream(photo: Samples) -> bytes:
    return svcodec.encode(photo, tier="sketch")


@pytest.fixture
def svc_file(tmp_path: Path, stream: bytes) -> Path:
    path = tmp_path / "photo.svc"
    path.write_bytes(stream)
    return path


def at_its_end(content: bytes) -> io.BytesIO:
    file = io.BytesIO()
    file.write(content)
    return file


KINDS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "name": str,
    "file": lambda path: path.open("rb"),
    "file in memory": lambda path: at_its_end(path.read_bytes()),
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_streams_come_from(kind: str, svc_file: Path, stream: bytes) -> None:
    expected = svcodec.decode(stream).tobytes()
    for decode in (svcodec.decode, svcodec.Codec().decode):
        assert decode(KINDS[kind](svc_file)).tobytes() == expected
    assert svcodec.inspect(KINDS[kind](svc_file)) == svcodec.inspect(stream)


def test_streams_come_from_files_that_can_not_seek(svc_file: Path, stream: bytes) -> None:
    reader, writer = os.pipe()
    os.write(writer, stream)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert svcodec.inspect(file) == svcodec.inspect(stream)


@pytest.mark.parametrize("read", [svcodec.decode, svcodec.inspect, svcodec.encode, svcodec.assess])
def test_files_that_can_not_be_read_are_named(read: Callable[[Any], Any], svc_file: Path) -> None:
    with svc_file.open(encoding="latin-1") as as_text, svc_file.open("ab") as to_write, svc_file.open("rb") as closed:
        closed.close()
        cases = [
            (svc_file.with_name("none"), "none: No such file"),
            (svc_file.parent, f"{svc_file.parent.name}: Is a directory"),
            (as_text, "photo.svc: .* open it with mode 'rb'"),
            (to_write, "photo.svc: (not readable|read)"),
            (closed, "photo.svc: .*closed file"),
            (io.StringIO("text"), "^the file gives str, not bytes"),
        ]
        for source, text in cases:
            with pytest.raises(svcodec.InputError, match=text) as caught:
                read(source)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("thing", [None, 3, np.zeros(9, np.uint8)])
def test_what_holds_no_stream_is_refused(thing: Any) -> None:
    for read in (svcodec.decode, svcodec.inspect):
        with pytest.raises(svcodec.InputError, match="expected a path, a binary file or the bytes"):
            read(thing)


def test_inspecting_a_file_needs_no_torch(svc_file: Path) -> None:
    code = "import sys, svcodec; print(svcodec.inspect(sys.argv[1]).tier, 'torch' in sys.modules)"
    done = subprocess.run((sys.executable, "-c", code, svc_file), capture_output=True, text=True, check=True)
    assert done.stdout == "sketch False\n"


class Broken:
    """A file that raises what a reader of its own may raise."""

    def __init__(self, error: Exception):
        self.error = error

    def read(self) -> bytes:
        raise self.error


class Odd(os.PathLike[str]):
    def __fspath__(self) -> Any:
        return 5


def test_sources_that_raise(stream: bytes) -> None:
    released = memoryview(bytearray(stream))
    released.release()
    damaged = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(stream)[:-20]))
    for source in (released, damaged, Broken(EOFError()), Broken(zlib.error("x")), Broken(RuntimeError("x")), Odd()):
        for use in (svcodec.decode, svcodec.inspect, svcodec.encode):
            with pytest.raises(svcodec.InputError):
                use(source)


def test_arguments_of_other_types(photo: Samples, stream: bytes) -> None:
    two = np.array([1, 2])
    for call in (
        lambda: svcodec.encode(photo, calibration=5),
        lambda: svcodec.encode(photo, calibration={}),
        lambda: svcodec.encode(photo, gate=two),
        lambda: svcodec.encode(photo, strip=two),
        lambda: svcodec.decode(stream, partial=two),
    ):
        with pytest.raises(svcodec.InputError):
            call()
    with pytest.raises(svcodec.ModelError, match="by its path"):
        svcodec.register_model(5)
