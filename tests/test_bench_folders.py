"""`svcodec bench` over photos of any kind, and in folders that hold something already."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from made import texture
from PIL import Image

from svcodec.__main__ import main
from svcodec.benchmarks import metrics, seams
from svcodec.benchmarks.peers import registry
from svcodec.benchmarks.rate_distortion import measure
from svcodec.benchmarks.rate_distortion.curves import Curve


@pytest.fixture(autouse=True)
def _without_butteraugli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "BUTTERAUGLI", "no such program")


def bench(photos: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["bench", str(photos), "-o", str(out), *options])


def folder_of(path: Path, **pictures: np.ndarray) -> Path:
    path.mkdir()
    for name, samples in pictures.items():
        Image.fromarray(samples).save(path / f"{name}.png")
    return path


DAMAGED = [b"", b"\xff", b"null", b"[1]", b"{}", b'{"images": []}', b'{"images": {"a": null}}']


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_points_are_measured_anew(tmp_path: Path, content: bytes) -> None:
    png, photos = registry.make("png"), {"a": texture(40, 30)}
    list(measure.measure(png, photos, tmp_path))
    first = json.loads((tmp_path / "png.json").read_text())["results"]["bpp"]
    point = tmp_path / "points" / "png-00.json"
    damaged = json.loads(point.read_text())
    del damaged["images"]["a"]["bpp"]
    for text in (content, json.dumps(damaged).encode(), json.dumps(damaged).encode().replace(b'a"', b'b"')):
        point.write_bytes(text)
        list(measure.measure(png, photos, tmp_path))
        assert json.loads((tmp_path / "png.json").read_text())["results"]["bpp"] == first


def test_a_photo_is_its_shape_too(tmp_path: Path) -> None:
    png, found = registry.make("png"), []
    for samples in (texture(40, 10), texture(40, 10).reshape(10, 40, 3)):
        list(measure.measure(png, {"a": samples}, tmp_path))
        found.append(json.loads((tmp_path / "png.json").read_text())["results"]["bpp"])
    assert found[0] != found[1]


def test_what_is_not_known_is_told_with_its_photo(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", large=texture(170, 180), small=texture(40, 30))
    flat = np.full((30, 40, 3), 128, np.uint8)
    Image.fromarray(flat).save(photos / "flat.png")
    (photos / "._large.png").write_bytes(b"a Mac's")
    result = bench(photos, tmp_path / "out", "--codecs", "jpeg, png,png")
    assert result.exit_code == 0, result.output
    report = (tmp_path / "out" / "report.md").read_text()
    assert re.search(
        r"MS-SSIM at (\d+) of \1 settings, as a photo has a side below 161 pixels: flat, small \(jpeg\)", report
    )
    assert re.search(r"PSNR at \d+ of \d+ settings, as a photo is coded exactly: flat \(jpeg\)", report)
    assert report.split("## Speed")[1].split("\n## ")[0].count("| png ") == 1
    assert not (tmp_path / "out" / "ms-ssim.png").exists()


def test_figures_of_other_photos_go(tmp_path: Path) -> None:
    photos, out = folder_of(tmp_path / "photos", a=texture(64, 48)), tmp_path / "out"
    assert bench(photos, out, "--codecs", "jpeg,png").exit_code == 0
    assert (out / "psnr.png").exists()
    (out / "own.png").write_bytes(b"a user's")
    assert bench(photos, out, "--codecs", "png").exit_code == 0
    assert not (out / "psnr.png").exists() and (out / "own.png").exists()


def test_what_is_refused(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", a=texture(64, 48))
    refused = bench(photos, tmp_path / "out", "--codecs", "jpeg", "--kodak")
    assert refused.exit_code == 1 and "not the 24 Kodak images" in refused.stderr
    assert bench(photos, tmp_path / "out", "--codecs", "").exit_code == 2
    assert not (tmp_path / "out").exists()
    small = CliRunner().invoke(seams.main, [str(photos), "-o", str(tmp_path / "seams.json")])
    assert small.exit_code == 1 and "48 x 64 pixels has no border" in small.stderr


def test_points_of_one_rate_are_the_better_one() -> None:
    curve = Curve("a", "", False, (1.0, 1.0, 2.0, 2.0), {"psnr": (30.0, 31.0, None, 40.0)})
    assert curve.known("psnr") == ([1.0, 2.0], [31.0, 40.0])
