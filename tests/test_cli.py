"""The command line: what it writes where, what it says, and how it ends."""

from __future__ import annotations

import importlib
import io
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

Run = Callable[..., Result]
Samples = npt.NDArray[np.uint8]
demo = importlib.import_module("svcodec.cli.demo")  # the name in svcodec.cli is the command
LOSSLESS = ("--tier", "lossless")
PROGRAM = (sys.executable, "-m", "svcodec")


def pixels(source: Path | bytes) -> Samples:
    return np.asarray(Image.open(io.BytesIO(source) if isinstance(source, bytes) else source))


def test_help_is_quick_and_needs_no_torch(svc: Run) -> None:
    code = "import sys; from svcodec.__main__ import main; main(['--help'], standalone_mode=False)"
    code += "; sys.exit('torch' in sys.modules)"
    start = time.perf_counter()
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5  # generous: the machine may be busy
    assert done.stdout.startswith("Usage: ")
    for command in ("bench", "train"):
        assert f"\n  {command} " in done.stdout
    for command in ("encode", "decode", "info", "check", "gate", "sample", "demo"):
        assert f"\n  {command} " in done.stdout
        assert svc(command, "--help").exit_code == 0


def test_version(svc: Run) -> None:
    assert svcodec.__version__ in svc("--version").output


def test_there_and_back(svc: Run, png: Path, tmp_path: Path, photo: Samples) -> None:
    assert svc("encode", png, *LOSSLESS).exit_code == 0
    assert svc("decode", tmp_path / "photo.svc", "-o", tmp_path / "again.png").exit_code == 0
    assert np.array_equal(pixels(tmp_path / "again.png"), photo)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.png", "photo.png", "photo.svc"]


def test_tier_quality_and_tune(svc: Run, png: Path, tmp_path: Path) -> None:
    options = ("--tier", "sketch", "--quality", "25", "--tune", "psnr")
    assert svc("encode", png, "-o", tmp_path / "a.svc", *options).exit_code == 0
    info = svcodec.inspect((tmp_path / "a.svc").read_bytes())
    assert (info.tier, info.quality, info.tune) == ("sketch", 25, "psnr")
    shown = svc("info", tmp_path / "a.svc").stdout
    assert "sketch (reconstruction 1), quality 25, tune psnr\n" in shown


def test_the_module_is_the_program() -> None:
    done = subprocess.run((*PROGRAM, "decode"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: svcodec decode")


def test_a_seed_draws_what_is_not_in_the_file(svc: Run, tmp_path: Path, photo: Samples) -> None:
    data = svcodec.encode(photo, tier="sketch")
    (tmp_path / "a.svc").write_bytes(data)
    assert svc("decode", tmp_path / "a.svc", "--seed", "7").exit_code == 0
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(svcodec.decode(data, seed=7)))
    assert not np.array_equal(pixels(tmp_path / "a.png"), np.asarray(svcodec.decode(data)))


def test_larger_pictures_are_decoded_on_request(svc: Run, svc_file: Path) -> None:
    result = svc("decode", svc_file, "--max-pixels", "959")
    assert result.exit_code == 1
    assert f"svcodec: {svc_file}: the picture has 960 pixels" in result.stderr and "--max-pixels 960" in result.stderr
    assert not svc_file.with_suffix(".png").exists()
    assert svc("decode", svc_file, "--max-pixels", "960").exit_code == 0


def test_decoding_takes_the_model_that_the_file_names(svc: Run, own_model: Path, photo: Samples) -> None:
    source = own_model.with_name("photo.svc")
    source.write_bytes(svcodec.encode(photo, tier="sketch", model=own_model))
    unknown = svc("decode", source)
    assert unknown.exit_code == 1
    assert f"svcodec: {source}: there is no model 'own'" in unknown.stderr
    assert svc("decode", source, "-o", own_model.with_name("given.png"), "--model", own_model).exit_code == 0
    svcodec.register_model(own_model)
    assert svc("decode", source, "-o", own_model.with_name("found.png")).exit_code == 0
    expected = np.asarray(svcodec.decode(svcodec.encode(photo, tier="sketch")))
    for name in ("given.png", "found.png"):
        assert np.array_equal(pixels(own_model.with_name(name)), expected)


def test_standard_streams(svc: Run, png: Path, photo: Samples) -> None:
    encoded = svc("encode", "-", *LOSSLESS, stdin=png.read_bytes())
    decoded = svc("decode", "-", stdin=encoded.stdout_bytes)
    assert Image.open(io.BytesIO(decoded.stdout_bytes)).format == "PNG"
    assert np.array_equal(pixels(decoded.stdout_bytes), photo)


def test_pipes(png: Path, photo: Samples) -> None:
    with png.open("rb") as file:
        encoder = subprocess.Popen((*PROGRAM, "encode", "-", *LOSSLESS), stdin=file, stdout=subprocess.PIPE)
    done = subprocess.run((*PROGRAM, "decode", "-", "-o", "-"), stdin=encoder.stdout, capture_output=True, check=True)
    assert encoder.wait() == 0
    assert done.stderr.startswith(b"standard input: ") and done.stderr.count(b"\n") == 1
    assert np.array_equal(pixels(done.stdout), photo)


def test_folders_keep_relative_names(svc: Run, tmp_path: Path, photo: Samples) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.JPG", "deep/b.txt", "c.svc"):
        Image.fromarray(photo).save(source / name, "PNG")
    assert svc("encode", source, "-o", tmp_path / "coded", *LOSSLESS).exit_code == 0
    assert svc("decode", tmp_path / "coded", "-o", tmp_path / "out").exit_code == 0
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert written[:2] == ["coded/a.svc", "coded/deep/b.svc"]
    assert written[-2:] == ["out/a.png", "out/deep/b.png"]
    assert np.array_equal(pixels(tmp_path / "out/deep/b.png"), photo)


def test_several_files_go_on_after_a_failure(svc: Run, png: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"text")
    missing = tmp_path / "missing.png"
    result = svc("encode", bad, missing, png, "-o", tmp_path / "out", *LOSSLESS)
    assert result.exit_code == 1
    assert f"svcodec: {bad}: not a picture" in result.stderr
    assert f"svcodec: {missing}: No such file" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.svc"]


def test_bad_streams_are_reported(svc: Run, tmp_path: Path, stream: bytes) -> None:
    path = tmp_path / "a.svc"
    for data in (b"", b"\x89PNG\r\n\x1a\n", stream[:-3]):
        path.write_bytes(data)
        for command in ("decode", "info"):
            result = svc(command, path)
            assert result.exit_code == 1
            assert result.stderr.startswith(f"svcodec: {path}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svc"]


def test_an_unknown_model_is_reported_once(svc: Run, png: Path) -> None:
    result = svc("encode", png, "--model", "no-such-model")
    assert result.exit_code == 1
    assert result.stderr.count("svcodec: ") == 1
    assert "no-such-model" in result.stderr


@pytest.mark.parametrize("options", [("--quality", "50"), ("--tune", "psnr")])
def test_a_quality_or_tune_where_there_is_none(svc: Run, png: Path, options: tuple[str, str]) -> None:
    result = svc("encode", png, *LOSSLESS, *options)
    assert result.exit_code == 1
    assert f"takes no {options[0][2:]}" in result.stderr


def test_demo(svc: Run, tmp_path: Path, photo: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_photo", lambda: Image.fromarray(photo))
    result = svc("demo", "-o", tmp_path / "shown")
    assert result.exit_code == 0
    for tier in svcodec.TIERS:
        assert tier in result.stdout
        assert svcodec.inspect((tmp_path / "shown" / f"{tier}.svc").read_bytes()).tier == tier
    assert "exact" in result.stdout
    with Image.open(tmp_path / "shown" / "contact-sheet.png") as sheet:
        assert sheet.width > sheet.height


def test_the_demo_has_a_photo() -> None:
    image = demo._photo()
    assert (image.mode, image.size) == ("RGB", (512, 600))


def test_the_demo_measures_psnr() -> None:
    black, grey = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), (51, 51, 51))
    assert demo._psnr(black, grey) == "13.98"  # 20 log10(255 / 51)
    assert demo._psnr(grey, grey) == "exact"
