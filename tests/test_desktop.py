"""What desktops, shells, `man` and `file` are told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from PIL import Image

import svcodec
from svcodec.__main__ import main

Run = Callable[..., Result]
GOLDEN = Path(__file__).parent / "golden"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from commands(command, *path, name) if isinstance(command, click.Group) else [(*path, name)]


def test_the_manual_page_has_all_that_help_says(svc: Run) -> None:
    text = svc("man").stdout
    shown = text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
    words = " ".join(shown.split())
    for path in commands(main):
        if path[0] in ("bench", "train"):  # added to the program by its root
            continue
        assert f'.SS "svcodec {" ".join(path)}"' in shown
        for line in svc(*path, "--help").stdout.splitlines():
            if line.startswith("  -"):
                assert line.split("  ")[1] in shown, path
    assert "Say whether pictures are photos, without encoding them." in words


@needs("groff")
def test_the_manual_page_is_formatted_without_complaints(svc: Run) -> None:
    done = subprocess.run(
        ("groff", "-man", "-Tutf8", "-wall", "-P-c"),
        input=svc("man").stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    plain = re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout)
    assert "NAME" in plain and "svcodec encode" in plain


@needs("bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("svcodec", "enc"), "plain,encode"),
        (("svcodec", "encode", "--ti"), "plain,--tier"),
        (("svcodec", "encode", "--tier", "sta"), "plain,standard"),
        (("svcodec", "encode", "pho"), "file,pho"),
        (("svcodec", "decode", "-o", "pho"), "file,pho"),
        (("svcodec", "train", ""), "plain,"),
    ],
)
def test_shells_complete(svc: Run, words: tuple[str, ...], found: str) -> None:
    assert "_SVCODEC_COMPLETE=bash_complete" in svc("completion", "bash").stdout
    variables = {"_SVCODEC_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": f"{len(words) - 1}"}
    code = "from svcodec.__main__ import main; main(prog_name='svcodec')"
    done = subprocess.run(
        (sys.executable, "-c", code), env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert any(line.startswith(found) for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells(svc: Run, shell: str) -> None:
    assert f"_SVCODEC_COMPLETE={shell}_complete" in svc("completion", shell).stdout


def test_python_knows_the_type() -> None:
    code = "import mimetypes, svcodec; print(mimetypes.guess_type('a.svc')[0])"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout == "image/svcodec\n"
    assert Image.MIME["SVC"] == "image/svcodec"


@needs("file")
def test_file_knows_streams(svc: Run, tmp_path: Path) -> None:
    (tmp_path / "magic").write_text(svc("desktop", "magic").stdout)

    def said(name: str, *options: str) -> str:
        command = ("file", "--brief", "-m", tmp_path / "magic", *options, GOLDEN / name)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert said("standard-q5.svc") == "svcodec image, version 1, standard, RGB, quality 5"
    assert said("lossless-grey.svc") == "svcodec image, version 1, lossless, grey"
    assert said("plain.svc", "--mime-type") == "image/svcodec"


def test_install_and_uninstall(svc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    first = svc("desktop", "install")
    assert first.exit_code == 0 and svc("desktop", "install").stdout == first.stdout
    paths = [Path(line) for line in first.stdout.splitlines()]
    assert {path.name for path in paths} == {
        "svcodec.xml",
        "svcodec.thumbnailer",
        "svcodec.1",
        "svcodec",
        "svcodec.fish",
    }
    assert all(path.is_relative_to(tmp_path / "data") and path.stat().st_size for path in paths)
    if shutil.which("update-mime-database"):
        assert "50:image/svcodec:*.svc" in (tmp_path / "data/mime/globs2").read_text()
    assert svc("desktop", "uninstall").stdout.splitlines() == first.stdout.splitlines()
    assert not any(path.exists() for path in paths)
    assert svc("desktop", "uninstall").stdout == ""
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # which does not count
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert str(tmp_path / "home/.local/share/man/man1/svcodec.1") in svc("desktop", "install").stdout


def test_thumbnails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, svc: Run) -> None:
    """By the very command that is installed."""
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture = Image.new("RGB", (64, 48), (200, 100, 50))
    picture.save(tmp_path / "a.png", exif=exif)
    (tmp_path / "a b.svc").write_bytes(svcodec.encode(tmp_path / "a.png", tier="lossless"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    svc("desktop", "install")
    entry = (tmp_path / "data/thumbnailers/svcodec.thumbnailer").read_text()
    command = next(line for line in entry.splitlines() if line.startswith("Exec=")).removeprefix("Exec=")
    out = tmp_path / "out.tmp"
    out.write_bytes(b"")  # desktops make it before
    for sign, value in (("%i", f"'{tmp_path}/a b.svc'"), ("%o", str(out)), ("%s", "32")):
        command = command.replace(sign, value)
    subprocess.run(command, shell=True, check=True)
    with Image.open(out) as image:
        assert (image.format, image.size, image.getpixel((3, 3))) == ("PNG", (24, 32), (200, 100, 50))


def test_thumbnails_of_odd_files(tmp_path: Path, svc: Run) -> None:
    """EXIF that can't be read turns nothing; and a picture is not replaced by its thumbnail."""
    picture, thumbnail = tmp_path / "a.svc", tmp_path / "a.png"
    Image.new("RGB", (8, 6), (200, 100, 50)).save(picture, exif=b"Exif\0\0garbage!!", tier="lossless")
    result = svc("desktop", "thumbnail", picture, thumbnail, "16")
    assert (result.exit_code, result.output) == (0, "")
    assert Image.open(thumbnail).size == (8, 6)
    before = picture.read_bytes()
    assert "is an input" in svc("desktop", "thumbnail", picture, picture, "16").stderr
    assert picture.read_bytes() == before
