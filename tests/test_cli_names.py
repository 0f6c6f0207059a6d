"""Which file the commands write, and that none is lost by it."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from made import files_in
from PIL import Image

import svcodec

Run = Callable[..., Result]
QUICK = ("--tier", "sketch", "--gate", "off")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def png(photo: npt.NDArray[np.uint8]) -> Path:
    path = Path("photo.png")
    Image.fromarray(photo).save(path)
    return path


def test_decoding_never_replaces_the_original(svc: Run, png: Path) -> None:
    before = png.read_bytes()
    assert svc("encode", png, *QUICK).exit_code == 0
    result = svc("decode", "photo.svc")
    assert result.exit_code == 1
    assert "svcodec: photo.png: is there already" in result.stderr and "--overwrite" in result.stderr
    assert svc("decode", ".").exit_code == 1
    refused = svc("decode", "photo.svc", "--overwrite")
    assert refused.exit_code == 2 and "original" in refused.stderr
    assert png.read_bytes() == before
    assert svc("decode", "photo.svc", "-o", "copy.png").exit_code == 0
    assert files_in(Path()) == ["copy.png", "photo.png", "photo.svc"]


def test_outputs_are_replaced_when_told_so(svc: Run, flat: Path) -> None:
    Path("a.png").write_bytes(b"old")
    assert svc("decode", flat, "-o", "a.png").exit_code == 1
    assert Path("a.png").read_bytes() == b"old"
    assert svc("decode", flat, "-o", "a.png", "--overwrite").exit_code == 0
    assert Image.open("a.png").size == (64, 48)


def test_encoding_again(svc: Run, png: Path) -> None:
    Path("in").mkdir()
    for name in ("a.png", "b.png"):
        (Path("in") / name).write_bytes(png.read_bytes())
    assert svc("encode", "in/a.png", "-o", "out/", *QUICK).exit_code == 0
    before = Path("out/a.svc").stat()
    again = svc("encode", "in", "-o", "out", *QUICK)
    assert again.exit_code == 1
    assert "svcodec: out/a.svc: is there already" in again.stderr and "1 encoded; 1 failed" in again.stderr
    skipped = svc("encode", "in", "-o", "out", "--skip-existing", *QUICK)
    assert (skipped.exit_code, skipped.stdout) == (0, "")
    assert "0 encoded; 2 there already" in skipped.stderr
    assert Path("out/a.svc").stat().st_mtime_ns == before.st_mtime_ns
    replaced = svc("encode", "in", "-o", "out", "--overwrite", *QUICK)
    assert replaced.exit_code == 0
    assert Path("out/a.svc").stat().st_mtime_ns != before.st_mtime_ns
    assert svc("encode", "in", "--overwrite", "--skip-existing").exit_code == 2


def test_what_comes_after_the_plan_is_not_replaced(
    svc: Run, png: Path, flat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcode = svcodec.transcode

    def slow(*arguments: object, **options: object) -> bytes:
        Path("a.png").write_bytes(b"another's")
        return transcode(*arguments, **options)

    monkeypatch.setattr(svcodec, "transcode", slow)
    result = svc("decode", flat, "-o", "a.png")
    assert result.exit_code == 1
    assert "svcodec: a.png: is there already" in result.stderr
    assert Path("a.png").read_bytes() == b"another's"
    Path("a.png").unlink()
    skipped = svc("decode", flat, "-o", "a.png", "--skip-existing")
    assert (skipped.exit_code, skipped.stderr) == (0, "svcodec: 0 decoded; 1 there already\n")
    assert Path("a.png").read_bytes() == b"another's"


def test_one_name_for_two_files_costs_these_two(svc: Run, png: Path) -> None:
    Path("in").mkdir()
    for name in ("a.png", "a.jpg", "b.png"):
        Image.open(png).save(Path("in") / name)
    result = svc("encode", "in", "-o", "out", *QUICK)
    assert result.exit_code == 1
    for name in ("a.png", "a.jpg"):
        assert f"svcodec: in/{name}: would be written to out/a.svc" in result.stderr
    assert "--keep-suffix" in result.stderr
    assert files_in(Path("out")) == ["b.svc"]
    assert svc("encode", "in", "-o", "kept", "--keep-suffix", *QUICK).exit_code == 0
    assert files_in(Path("kept")) == ["a.jpg.svc", "a.png.svc", "b.png.svc"]
    assert svc("decode", "kept", "-o", "back").exit_code == 0
    assert files_in(Path("back")) == ["a.jpg.png", "a.png", "b.png"]
    assert svc("decode", "kept", "-o", "jpegs", "--format", "jpg").exit_code == 0
    assert files_in(Path("jpegs")) == ["a.jpg", "a.png.jpg", "b.png.jpg"]


def test_a_file_named_twice_is_coded_once(svc: Run, png: Path) -> None:
    Path("link.png").symlink_to(png)
    result = svc("encode", png, f"./{png}", Path(png).absolute(), *QUICK, "--json")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("how", ["symbolic link", "hard link"])
def test_an_input_is_never_replaced(svc: Run, png: Path, how: str) -> None:
    target, before = Path("out.svc"), png.read_bytes()
    if how == "symbolic link":
        target.symlink_to(png)
    else:
        os.link(png, target)
    result = svc("encode", png, "-o", target, "--overwrite", *QUICK)
    assert result.exit_code == 1
    assert "out.svc, which is an input" in result.stderr
    assert png.read_bytes() == before == target.read_bytes()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_kept_as_they_are(svc: Run, png: Path, form: str) -> None:
    name = unicodedata.normalize(form, "Grüße")
    png.rename(f"{name}.png")
    assert svc("encode", f"{name}.png", *QUICK).exit_code == 0
    assert f"{name}.svc" in files_in(Path())


def test_names_that_differ_in_case_are_two_files_where_they_are(svc: Run, png: Path) -> None:
    Path("A.png").write_bytes(png.read_bytes())
    Path("a.jpg").write_bytes(png.read_bytes())
    result = svc("encode", "A.png", "a.jpg", *QUICK)
    if Path("PHOTO.PNG").exists():  # case makes no difference here
        assert result.exit_code == 1 and "is there already" in result.stderr
    else:
        assert result.exit_code == 0 and {"A.svc", "a.svc"} <= set(files_in(Path()))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("encode", "photo.png", "-o", "name.jpg"), "has to end in .svc"),
        (("encode", "photo.png", "-o", "name"), "in '/'"),
        (("encode", "photo.png", "b.png", "-o", "x.svc"), "would be a folder"),
        (("encode", "folder", "-o", "x.svc"), "would be a folder"),
        (("encode", "photo.png", "b.png", "-o", "photo.png"), "is a file"),
        (("encode", "photo.png", "out.svc"), "-o out.svc"),
        (("decode", "flat.svc", "out.jpg"), "-o out.jpg"),
        (("decode", "flat.svc", "-o", "x.gif"), "has to end in .avif, .bmp"),
        (("decode", "flat.svc", "-o", "x.jpg", "--format", "png"), "has to end in .png"),
        (("decode", "flat.svc", "flat.svc", "-o", "x.png"), "would be a folder"),
        (("encode", "photo.png", "-"), "can't be combined"),
        (("encode", "photo.png", "b.png", "-o", "-"), "carries one file"),
        (("encode", "photo.png", "b.png", "-o", "/dev/stdout"), "carries one file"),
        (("encode", "-", "-o", "folder"), "carries one file"),
    ],
)
def test_what_can_not_be_meant_is_a_usage_error(
    svc: Run, png: Path, flat: Path, arguments: tuple[str, ...], text: str
) -> None:
    Path("folder").mkdir()
    before = files_in(Path())
    result = svc(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert files_in(Path()) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("encode", "flat.svc"), "flat.svc: is an .svc file already: `svcodec decode`"),
        (("encode", "photo.png", "flat.svc"), "flat.svc: is an .svc file already: `svcodec decode`"),
        (("decode", "photo.png"), "photo.png: is a picture, not an .svc file: `svcodec encode`"),
    ],
)
def test_the_other_command_is_named(svc: Run, png: Path, flat: Path, arguments: tuple[str, ...], text: str) -> None:
    before = flat.read_bytes(), png.read_bytes()
    result = svc(*arguments, *(QUICK if arguments[0] == "encode" else ()))
    assert result.exit_code == 1
    assert text in result.stderr
    assert (flat.read_bytes(), png.read_bytes()) == before
    assert Path("photo.svc").exists() == ("photo.png" in arguments and arguments[0] == "encode")


def test_other_outputs_are_not_replaced_either(svc: Run) -> None:
    Path("own.json").write_text("old")
    Path("shown").mkdir()
    Path("shown/high.svc").write_text("old")
    for arguments in (("gate", "calibrate", ".", "-o", "own.json"), ("demo", "-o", "shown")):
        result = svc(*arguments)
        assert result.exit_code == 1
        assert "is there already" in result.stderr
    assert files_in(Path()) == ["own.json", "shown/high.svc"]


def test_modes_of_outputs(svc: Run, flat: Path) -> None:
    target = Path("a.png")
    assert svc("decode", flat, "-o", target).exit_code == 0
    for mode, code in ((0o600, 0), (0o444, 1)):
        target.chmod(mode)
        result = svc("decode", flat, "-o", target, "--overwrite")
        assert result.exit_code == code
        assert target.stat().st_mode & 0o777 == mode
    assert "svcodec: a.png: Permission denied" in result.stderr


def test_json_says_what_was_written(svc: Run, png: Path) -> None:
    result = svc("encode", png, "missing.png", "-o", "out/", "--json", *QUICK)
    done, failed = map(json.loads, result.stdout.splitlines())
    size = Path("out/photo.svc").stat().st_size
    assert done == {
        "file": "photo.png",
        "output": "out/photo.svc",
        "bytes_before": png.stat().st_size,
        "bytes_after": size,
        "width": 40,
        "height": 24,
        "ratio": round(png.stat().st_size / size, 3),
        "bits_per_pixel": round(8 * size / 960, 4),
    }
    assert failed == {"file": "missing.png", "output": "out/missing.svc", "error": "No such file or directory"}
    decoded = json.loads(svc("decode", "out/photo.svc", "--json").stdout)
    assert (decoded["output"], decoded["bytes_before"]) == ("out/photo.png", size)
    assert decoded["bytes_after"] == Path("out/photo.png").stat().st_size
    there = json.loads(svc("decode", "out/photo.svc", "--json").stdout)
    assert "is there already" in there["error"]
    skipped = json.loads(svc("decode", "out/photo.svc", "--json", "--skip-existing").stdout)
    assert skipped == {"file": "out/photo.svc", "output": "out/photo.png", "skipped": True}


def test_a_line_for_each_file_unless_quiet(svc: Run, png: Path) -> None:
    said = svc("encode", png, *QUICK)
    size, before = Path("photo.svc").stat().st_size, png.stat().st_size
    ratio, rate = before / size, 8 * size / 960
    expected = f"photo.png -> photo.svc: {before:,} to {size:,} bytes, {ratio:.1f} : 1, {rate:.3f} bits per pixel\n"
    assert (said.stdout, said.stderr) == (expected, "")
    back = svc("decode", "photo.svc", "-o", "a.png")
    assert back.stdout.startswith("photo.svc -> a.png: ") and f"{rate:.3f} bits per pixel" in back.stdout
    for arguments in (("encode", png, "-o", "q.svc", *QUICK), ("decode", "photo.svc", "-o", "q.png")):
        assert svc(*arguments, "--quiet").output == ""


def test_short_names_of_options(svc: Run, png: Path) -> None:
    assert svc("encode", png, "-t", "sketch", "-q", "25").exit_code == 0
    info = svcodec.inspect("photo.svc")
    assert (info.tier, info.quality) == ("sketch", 25)


def test_growing_is_told(svc: Run, portrait_path: Path) -> None:
    with Image.open(portrait_path) as whole:
        whole.crop((200, 150, 296, 214)).save("a.jpg", quality=60)
    result = svc("encode", "a.jpg", "--tier", "lossless", "--gate", "off", "--json")
    found = json.loads(result.stdout)
    before, after = Path("a.jpg").stat().st_size, Path("a.svc").stat().st_size
    assert found["warnings"] == [
        f"the .svc file is {after / before:.1f} times as large as the picture's, {after:,} bytes after {before:,}: "
        "lossless keeps each pixel, also what JPEG made of it"
    ]
    assert after > before
    assert "svcodec: a.jpg: the .svc file is" in result.stderr and result.exit_code == 0
