"""Benchmarks for the eye: perceptual measures, low rates, equal bytes, crops and graphics."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("bjontegaard")
pytest.importorskip("scipy")

from svcodec import MissingPackageError
from svcodec.__main__ import main
from svcodec.benchmarks import committed, contact_sheet, drawings, graphics, metrics
from svcodec.benchmarks.conditions import machine, read_photos
from svcodec.benchmarks.figures_in_docs import figure
from svcodec.benchmarks.peers import registry
from svcodec.benchmarks.peers.matched import FINE, at_bytes
from svcodec.benchmarks.peers.peer import Peer, settings_of
from svcodec.benchmarks.rate_distortion import measure, report
from svcodec.benchmarks.rate_distortion.curves import Curve, measured, told
from svcodec.benchmarks.rate_distortion.plots import low_plot


@pytest.fixture
def face(portrait_path: Path) -> np.ndarray:
    """Of odd sides."""
    with Image.open(portrait_path) as image:
        return np.array(image.convert("RGB"))[100:265, 180:347]


@pytest.fixture
def _avif() -> None:
    """Pillow has it from 11.3 on."""
    try:
        registry.make("avif")
    except MissingPackageError as error:
        pytest.skip(str(error))


def stand_in(folder: Path, prints: str) -> None:
    """A program in place of libjxl's."""
    program = folder / metrics.BUTTERAUGLI
    program.write_text(f"#!/bin/sh\n{prints}\n")
    program.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of programs that are found before others."""
    if os.name == "nt":
        pytest.skip("the stand-ins are shell scripts")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def test_butteraugli_is_libjxls(face: np.ndarray, programs: Path) -> None:
    stand_in(programs, 'cmp -s "$1" "$2" && echo 0.0 && echo "3-norm: 0.000000" || { echo 5.1; echo "3-norm: 1.5"; }')
    assert metrics.butteraugli(face, face) == 0
    assert metrics.butteraugli(face // 2, face) == 1.5
    assert metrics.butteraugli_decibels(0) is None
    assert metrics.butteraugli_decibels(0.1) == pytest.approx(10)
    for broken in ("exit 1", "echo nothing"):
        stand_in(programs, broken)
        with pytest.raises(MissingPackageError, match="butteraugli_main of libjxl"):
            metrics.butteraugli(face, face)


def test_butteraugli_of_a_real_photo(face: np.ndarray) -> None:
    if not metrics.has_butteraugli():
        pytest.skip("libjxl's program is not installed")
    distances = [metrics.butteraugli(face // step * step, face) for step in (1, 16, 64)]
    assert distances == sorted(distances)
    assert distances[0] == 0


def test_points_are_measured_anew_once_butteraugli_is_there(
    face: np.ndarray, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg = replace(registry.make("jpeg"), settings=settings_of("quality", 20, 60))
    monkeypatch.setattr(metrics, "BUTTERAUGLI", "no such program")
    list(measure.measure(jpeg, {"face": face}, tmp_path))
    (curve,) = measured(tmp_path, ["jpeg"])
    assert told([curve]) == ["psnr", "ms_ssim"]
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    stand_in(programs, 'echo "3-norm: 0.1"')
    list(measure.measure(jpeg, {"face": face}, tmp_path))
    (curve,) = measured(tmp_path, ["jpeg"])
    assert curve.quality["butteraugli"] == pytest.approx((10, 10))
    list(measure.measure(registry.make("png"), {"face": face}, tmp_path))
    assert json.loads((tmp_path / "png.json").read_text())["results"]["butteraugli"] == [0.1]


def test_results_from_before_a_measure_are_read(tmp_path: Path) -> None:
    results = {"bpp": [1.0, 2.0], "psnr-rgb": [30.0, None], "encoding_time": [0.1] * 2, "decoding_time": [0.2] * 2}
    (tmp_path / "old.json").write_text(json.dumps({"description": "", "results": results}))
    (curve,) = measured(tmp_path, ["old"])
    assert told([curve]) == ["psnr"]
    assert curve.known("psnr") == ([1.0], [30.0])
    assert curve.known("butteraugli") == ([], [])
    assert curve.at_rate(1.0, "psnr") == 30.0
    text = report.markdown([curve], [curve], 1, "")
    assert "PSNR" in text and "Butteraugli" not in text


def test_photos_side_by_side(face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of their own come to the same files, in the same order."""
    photos = {"face": face, "turned": face[::-1].copy(), "part": face[:64, :64]}
    monkeypatch.setattr(metrics, "BUTTERAUGLI", "no such program")
    jpeg = registry.make("jpeg")
    short = replace(jpeg, settings=jpeg.settings[2:4])
    for jobs, folder in ((1, tmp_path / "one"), (2, tmp_path / "two")):
        assert list(measure.measure(short, photos, folder, jobs)) == list(photos) * 2
    one, two = (json.loads((tmp_path / name / "jpeg.json").read_text()) for name in ("one", "two"))
    assert one["results"]["bpp"] == two["results"]["bpp"]
    assert one["images"]["part"]["psnr-rgb"] == two["images"]["part"]["psnr-rgb"]
    assert two["machine"] == f"{machine(threads=1)}, 2 photos at a time"


def test_the_command_takes_jobs(face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure_all(peer: Peer, setting: object, photos: Iterator[np.ndarray], jobs: int) -> list[dict[str, object]]:
        asked.append(jobs)
        return [measure.measure_one(peer, {}, pixels) for pixels in photos]

    monkeypatch.setattr(measure, "measure_all", measure_all)
    Image.fromarray(face[:64, :64]).save(tmp_path / "face.png")
    command = ["bench", str(tmp_path), "-o", str(tmp_path / "out"), "--codecs", "png", "--jobs", "3"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert asked == [3]
    assert "3 photos at a time" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.usefixtures("_avif")
@pytest.mark.parametrize("name", registry.LOW)
def test_half_the_sides_are_fewer_bytes(name: str, face: np.ndarray) -> None:
    half, whole = registry.make(name), registry.make(name.removesuffix("-half"))
    data = half.encode(face, half.settings[0])
    assert len(data) < len(whole.encode(face, whole.settings[0]))
    assert half.decode(data).shape == face.shape
    assert half.decode(half.encode(face[:64, :81], half.settings[-1])).shape == (64, 81, 3)


def test_low_rates_have_a_table_and_a_plot() -> None:
    low, rates = (25.0, 27.0, 28.0, 29.0), (0.02, 0.04, 0.08, 0.12)
    sketch = Curve("svcodec-sketch", "", False, rates, {"psnr": low, "ssimulacra2": low}, (1.0,), (1.0,))
    half = Curve("webp-half", "", False, rates[1:], {"psnr": low[1:]}, (1.0,), (1.0,))
    text = report.markdown([sketch, half], [sketch, half], 1, "")
    table = text.split("## At low rates")[1].split("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table if row.startswith("| 0")]
    assert [row[:2] for row in cells if row[0] in ("0.030", "0.050")] == [
        ["0.030", "svcodec-sketch"],
        ["0.050", "svcodec-sketch"],
        ["0.050", "webp-half"],
    ]
    assert next(row for row in cells if row[1] == "webp-half")[3] == "-"  # no SSIMULACRA 2
    wide = replace(half, bpp=rates, quality={"psnr": low})
    text = report.markdown([sketch, wide], [sketch], 1, "")
    assert re.search(r"BD-rate of svcodec-sketch against each\n\n.*\n.*\n\| webp-half +\| [+-]0.0%", text)
    figure = low_plot([sketch, half])
    assert [axes.get_ylabel() for axes in figure.axes] == ["PSNR in dB", "SSIMULACRA 2"]
    assert all(axes.get_xlim() == (0.02, 0.15) for axes in figure.axes)
    ordinary = report.markdown([replace(half, name="jpeg"), half], [half], 1, "")
    assert "webp-half" not in ordinary.split("## At low rates")[0]


@pytest.mark.usefixtures("_avif")
@pytest.mark.parametrize("name", FINE)
def test_equal_bytes(name: str, face: np.ndarray) -> None:
    peer = registry.make(name)
    sizes = [len(peer.encode(face, FINE[name][index])) for index in (0, -1)]
    for size in (sizes[0] + 900, 3 * sizes[0]):
        assert abs(len(at_bytes(peer, face, size)) - size) < 0.08 * size
    assert len(at_bytes(peer, face, 1)) == sizes[0]
    assert len(at_bytes(peer, face, 1 << 30)) == sizes[1]


@pytest.mark.usefixtures("_avif")
def test_sheets_of_crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portrait_path: Path) -> None:
    with Image.open(portrait_path) as image:
        image.crop((60, 60, 320, 320)).save(tmp_path / "01.png")
    place = contact_sheet.Place("skin", 1, 100, 90)
    monkeypatch.setattr(contact_sheet, "PLACES", ((place,), (place,)))
    result = CliRunner().invoke(contact_sheet.main, [str(tmp_path), "-o", str(tmp_path / "docs")])
    assert result.exit_code == 0, result.output
    for name in contact_sheet.SHEETS:
        with Image.open(tmp_path / "docs" / name) as sheet:
            assert sheet.size == (4 * 288, 312)
    photos = list(read_photos(tmp_path).values())
    ours, *others = (registry.make(name) for name in ("svcodec-standard", *contact_sheet.OTHERS))
    crops = contact_sheet.crops_of(photos, [place], ours, others)
    assert np.array_equal(crops[0].pixels[::2, ::2], photos[0][90:234, 100:244])
    assert [crop.label.split(",")[0] for crop in crops] == ["skin", "svcodec", "AVIF", "JPEG XL"]
    assert all("bytes, SSIMULACRA 2: " in crop.label for crop in crops[1:])
    monkeypatch.setattr(contact_sheet, "PLACES", ((replace(place, photo=2),),))
    result = CliRunner().invoke(contact_sheet.main, [str(tmp_path), "-o", str(tmp_path / "docs")])
    assert result.exit_code == 2 and "only 1 photos" in result.output


def test_places_lie_in_kodak_images() -> None:
    for place in sum(contact_sheet.PLACES, ()):
        width, height = (512, 768) if place.photo in (4, 9, 10, 17, 18, 19) else (768, 512)
        assert place.left + contact_sheet.SIDE <= width and place.top + contact_sheet.SIDE <= height


def test_deviations_on_flat_areas() -> None:
    original = np.full((40, 60, 3), 200, np.uint8)
    original[:, 40:] = 10
    decoded = original.copy()
    decoded[20, 39] = 90  # beside the edge
    decoded[5, 10, 2] = 203
    assert metrics.flat_deviation(decoded, original) == 3
    assert metrics.flat_deviation(decoded, np.arange(7200, dtype=np.uint8).reshape(40, 60, 3)) is None


def test_graphics_are_always_the_same() -> None:
    for draw in drawings.PICTURES.values():
        pixels = draw()
        assert pixels.dtype == np.uint8 and pixels.shape == (512, 768, 3)
        assert np.array_equal(pixels, draw())
    assert drawings.page()[0, 0].tolist() == [255] * 3
    assert len(np.unique(drawings.flat_colours().reshape(-1, 3), axis=0)) == 24
    assert len(np.unique(drawings.gradient().reshape(-1, 3), axis=0)) > 10_000
    assert metrics.flat_deviation(drawings.scanned_page(), drawings.scanned_page()) is None


@pytest.mark.usefixtures("_avif")
def test_graphics_by_all_codecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    committed.RESULTS.mkdir(parents=True)
    assert figure("graphics") == "Not measured yet: there is no benchmarks/results/graphics.json."
    monkeypatch.setattr(graphics, "PICTURES", {"flat colours": lambda: drawings.flat_colours()[:256, :256]})
    result = CliRunner().invoke(graphics.main, ["-o", str(committed.RESULTS / "graphics.json")])
    assert result.exit_code == 0, result.output
    found = json.loads((committed.RESULTS / "graphics.json").read_text())["kinds"]["flat colours"]
    assert list(found) == ["svcodec-standard", "webp", "jpeg", "avif"]
    assert all(figures["flat"] >= 0 and figures["ssimulacra2"] <= 100 for figures in found.values())
    rows = figure("graphics").splitlines()[2:]
    assert [row.split("|")[2].strip() for row in rows] == ["svcodec `standard`", "WebP", "JPEG", "AVIF"]


def test_a_second_set_of_photos_is_shown_once_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    committed.curves.cache_clear()
    assert figure("more_photos") == "Not measured yet: there is no benchmarks/results/cid22."
    folder = committed.RESULTS / "cid22"
    folder.mkdir(parents=True)
    for name, share in {"svcodec-standard": 0.5, "jpeg": 1.0}.items():
        rates = [share * rate for rate in (1, 2, 3, 4)]
        results = {"bpp": rates, "psnr-rgb": [20, 30, 40, 50], "ssimulacra2": [20, 30, 40, 50]}
        times = dict.fromkeys(("encoding_time", "decoding_time"), [1.0] * 4)
        (folder / f"{name}.json").write_text(json.dumps({"description": "", "results": results | times}))
    lines = [[cell.strip() for cell in row.split("|")[1:-1]] for row in figure("more_photos").splitlines()]
    committed.curves.cache_clear()
    assert lines[0] == ["against", "`ssim`: PSNR", "`ssim`: SSIMULACRA 2", "its encoding", "its decoding"]
    assert lines[2:] == [["JPEG (optimised, progressive)", "-50.0%", "-50.0%", "1.00 s", "1.00 s"]]
