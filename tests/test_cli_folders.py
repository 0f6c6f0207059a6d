"""Folders on the command line: what is taken from them, and what is said of the rest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from made import files_in
from PIL import Image

import svcodec
from svcodec.cli import finding

Run = Callable[..., Result]
QUICK = ("--tier", "sketch", "--gate", "off")


@pytest.fixture
def album(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> Path:
    """A folder with two pictures, one in a folder of its own."""
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.JPG"):
        Image.fromarray(photo).save(folder / name, "PNG")
    return folder


def put(folder: Path, *more: str) -> None:
    for name in more:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(folder / "a.png", path)


def test_other_kinds_are_counted_and_named(svc: Run, album: Path, tmp_path: Path) -> None:
    put(album, "IMG_1.CR2", "IMG_2.cr2", "IMG_3.mov", "deep/VID.mpg", "data.h5", "notes", "old.svc")
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 0
    assert files_in(tmp_path / "out") == ["a.svc", "deep/b.svc"]
    line = result.stderr.splitlines()[-1]
    assert line.startswith("svcodec: 2 encoded; left out: .cr2 (2), ")
    for kind in (".mov (1)", ".mpg (1)", ".h5 (1)", "without a suffix (1)"):
        assert kind in line
    assert ".svc" not in line and "more" not in line
    put(album, *(f"x.k{i}" for i in range(9)))
    assert ", 6 more" in svc("encode", album, "-o", tmp_path / "again", *QUICK).stderr
    assert svc("encode", album, "-o", tmp_path / "quiet", "--quiet", *QUICK).stderr == ""


def test_hidden_files_and_folders_are_left_alone(svc: Run, album: Path, tmp_path: Path) -> None:
    put(album, "._a.png", ".hidden.png", ".thumbnails/t.png", ".cr2")
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 0
    assert files_in(tmp_path / "out") == ["a.svc", "deep/b.svc"]
    assert result.stderr.splitlines()[-1] == "svcodec: 2 encoded"


def test_links(svc: Run, album: Path, tmp_path: Path) -> None:
    (album / "loop").symlink_to(album)
    (album / "linked.png").symlink_to(album / "a.png")
    (album / "dangling.png").symlink_to(album / "none.png")
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 1
    assert f"svcodec: {album / 'dangling.png'}: No such file" in result.stderr
    assert "3 encoded; 1 failed; left out: linked folders (1)" in result.stderr
    assert files_in(tmp_path / "out") == ["a.svc", "deep/b.svc", "linked.svc"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_in_folders_are_not_waited_for(svc: Run, album: Path, tmp_path: Path) -> None:
    os.mkfifo(album / "pipe.png")
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 0
    assert "left out: pipes and devices (1)" in result.stderr


def test_folders_that_can_not_be_read(svc: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)  # for root may read all folders
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 1
    assert f"svcodec: {album / 'deep'}: Permission denied" in result.stderr
    assert "1 encoded; 1 failed" in result.stderr
    whole = svc("encode", album / "deep", *QUICK)
    assert whole.exit_code == 1
    assert whole.stderr.splitlines()[0] == f"svcodec: {album / 'deep'}: Permission denied"
    assert "no file" not in whole.stderr


@pytest.mark.parametrize("command", ["encode", "decode", "info", "check"])
def test_folders_without_such_files(svc: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    result = svc(command, tmp_path / "empty")
    assert result.exit_code == 1
    assert f"svcodec: {tmp_path / 'empty'}: no file in this folder" in result.stderr


def test_an_empty_folder_is_no_matter_for_the_others(svc: Run, album: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = svc("encode", tmp_path / "empty", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 1
    assert files_in(tmp_path / "out") == ["a.svc", "deep/b.svc"]


def test_all_commands_take_folders(svc: Run, album: Path, tmp_path: Path) -> None:
    assert svc("encode", album, *QUICK).exit_code == 0
    (album / "c.svc").write_bytes(b"something")
    shown = svc("info", album, "--json")
    assert shown.exit_code == 1
    *lines, last = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["a.svc", "c.svc", "b.svc"]
    assert "error" in lines[1] and lines[0]["tier"] == lines[2]["tier"] == "sketch"
    assert (last["summary"]["shown"], last["summary"]["failed"]) == (2, 1)
    assert last["summary"]["errors"] == [{"file": str(album / "c.svc"), "error": lines[1]["error"]}]
    assert shown.stderr.splitlines()[-1] == "svcodec: 2 shown; 1 failed"
    checked = svc("check", album, "--json")
    assert [Path(json.loads(line)["file"]).name for line in checked.stdout.splitlines()[:-1]] == ["a.png", "b.JPG"]
    decoded = svc("decode", album, "-o", tmp_path / "out", "--format", "bmp")
    assert decoded.exit_code == 1
    assert files_in(tmp_path / "out") == ["a.bmp", "deep/b.bmp"]


def test_pictures_are_what_pillow_reads() -> None:
    suffixes = finding.picture_suffixes()
    assert {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm"} <= suffixes
    assert not suffixes & {".svc", ".mpg", ".mpeg", ".h5", ".grib", ".bufr", ".pdf", ".mov", ".cr2"}


def test_formats_of_plugins_are_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of pillow-heif, once it is known to Pillow."""
    Image.init()
    monkeypatch.setitem(Image.OPEN, "HEIF", (Image.Image, None))
    monkeypatch.setitem(Image.EXTENSION, ".heic", "HEIF")
    assert ".heic" in finding.picture_suffixes()


def test_every_failure_is_one_file_s_alone(
    svc: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(album, "c.png", "d.png")
    (album / "a.png").write_bytes(b"")
    errors = iter([RuntimeError("can't allocate memory:\nyou tried too much"), MemoryError()])
    encode = svcodec.Codec.encode

    def sometimes(self: svcodec.Codec, image: bytes, **options: object) -> bytes:
        if image and (error := next(errors, None)):
            raise error
        return encode(self, image, **options)

    monkeypatch.setattr(svcodec.Codec, "encode", sometimes)
    result = svc("encode", album, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 1
    empty, unexpected, memory, *_, summary = result.stderr.splitlines()
    assert empty.startswith(f"svcodec: {album / 'a.png'}: ")
    assert unexpected.endswith("c.png: unexpected RuntimeError: can't allocate memory: you tried too much")
    assert memory.endswith("d.png: there is not enough memory")
    assert summary == "svcodec: 1 encoded; 3 failed"
    assert files_in(tmp_path / "out") == ["deep/b.svc"]
