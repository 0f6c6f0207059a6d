"""The promise of old and new versions: released ones stay readable, and a newer one is called by its name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image, UnidentifiedImageError

import svcodec
from svcodec.bitstream.start import MAGIC, VERSION

Run = Callable[..., Result]
GOLDEN = Path(__file__).parent / "golden"
TEXT = f"the file has format version {VERSION + 1}, this reader knows {VERSION}: a newer svcodec reads it"


def versions(folder: Path) -> set[int]:
    return {path.read_bytes()[len(MAGIC)] for path in folder.glob("*.svc")}


def test_golden_streams_are_of_this_version_and_of_all_before() -> None:
    """That they are decoded stands in test_machines.py."""
    assert versions(GOLDEN) == {VERSION}
    released = set().union(*(versions(path.parent) for path in GOLDEN.glob("*/pixels.json")))
    assert released >= set(range(1, VERSION))


@pytest.fixture
def newer(flat: Path) -> Path:
    """A file of the next version, of which nothing but the beginning is known."""
    path = flat.with_name("newer.svc")
    path.write_bytes(MAGIC + bytes([VERSION + 1]) + b"whatever follows")
    return path


@pytest.mark.parametrize(
    "read",
    [
        svcodec.decode,
        svcodec.decode_array,
        svcodec.inspect,
        lambda source: svcodec.transcode(source, "PNG"),
        lambda source: svcodec.Codec().decode(source),
        lambda source: svcodec.Codec().decode_array(source),
    ],
    ids=["decode", "decode_array", "inspect", "transcode", "Codec.decode", "Codec.decode_array"],
)
def test_newer_files_are_told(newer: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(svcodec.UnsupportedError, match=TEXT):
        read(newer)


@pytest.mark.parametrize("command", ["decode", "info"])
def test_newer_files_are_told_at_the_shell(svc: Run, newer: Path, command: str) -> None:
    assert svc(command, newer).stderr == f"svcodec: {newer}: {TEXT}\n"


def test_pillow_warns_of_newer_files(newer: Path) -> None:
    with pytest.warns(UserWarning, match=TEXT), pytest.raises(UnidentifiedImageError):
        Image.open(newer)
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(MAGIC))


def test_versions_that_never_were_have_no_reader(newer: Path) -> None:
    newer.write_bytes(MAGIC + b"\0and so on")
    with pytest.raises(svcodec.UnsupportedError, match=f"format version 0, this reader knows {VERSION}$"):
        svcodec.inspect(newer)
