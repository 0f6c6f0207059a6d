"""`svcodec bench`: peers, resuming, figures, tables and the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from svcodec import TIERS, MissingPackageError
from svcodec.__main__ import main
from svcodec.benchmarks import conditions, metrics
from svcodec.benchmarks import macs as macs_module
from svcodec.benchmarks.conditions import machine
from svcodec.benchmarks.macs import counter, macs, macs_table
from svcodec.benchmarks.peers import compressai_models, ours, registry
from svcodec.benchmarks.peers.peer import Peer, Setting
from svcodec.benchmarks.rate_distortion import comparison, measure, report
from svcodec.benchmarks.rate_distortion.curves import LABELS, Curve, bd_rate, published
from svcodec.benchmarks.rate_distortion.page import as_html
from svcodec.codec import measures

CODECS = "svcodec-sketch,svcodec-standard,svcodec-lossless,jpeg,webp,png"


def unpadded(table: str) -> str:
    """Markdown whose cells have no more than one space on either side."""
    return re.sub(" +", " ", table)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture(scope="module")
def photo(portrait_path: Path) -> np.ndarray:
    with Image.open(portrait_path) as image:
        return np.array(image.convert("RGB"))[100:268, 180:350]


@pytest.fixture(scope="module", autouse=True)
def _without_butteraugli() -> Iterator[None]:
    """As on a machine that lacks libjxl's program."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(metrics, "BUTTERAUGLI", "no such program")
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, photo: np.ndarray) -> Path:
    """A run over two small photos."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "photos").mkdir()
    Image.fromarray(photo).save(folder / "photos" / "face.png")
    Image.fromarray(photo[::-1, :165]).save(folder / "photos" / "turned.png")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(conditions, "refuse_other_than_kodak", lambda photos: None)
        monkeypatch.setattr(ours, "QUALITIES", (1, 30, 60, 90))
        monkeypatch.setattr(comparison, "macs_table", lambda codecs: "of each network")  # which another test counts
        result = run(folder / "photos", "-o", folder / "out", "--codecs", CODECS, "--kodak")
    assert result.exit_code == 0, result.output
    return folder


def test_results_are_in_compressais_schema(results: Path) -> None:
    for name in CODECS.split(","):
        content = json.loads((results / "out" / f"{name}.json").read_text())
        assert content["name"] == name
        assert content["machine"] == machine()
        assert set(content["results"]) == set(measure.FIGURES)
        assert all(len(values) == len(content["settings"]) for values in content["results"].values())
        rates = [content["images"][photo]["bpp"] for photo in ("face", "turned")]
        assert content["results"]["bpp"] == pytest.approx(np.mean(rates, 0).tolist())
    assert json.loads((results / "out" / "png.json").read_text())["results"]["psnr-rgb"] == [None]


def test_report_has_every_table(results: Path) -> None:
    report = unpadded((results / "out" / "report.md").read_text())
    for heading in ("BD-rate against jpeg", "BD-rate of svcodec-standard", "At low rates", "Lossless", "Networks"):
        assert f"## {heading}" in report
    assert "| bpg-444 (published) |" in report
    assert "| svcodec-lossless |" in report


def test_page_holds_everything(results: Path) -> None:
    page = (results / "out" / "report.html").read_text()
    assert page.count("<svg") == 3  # PSNR, MS-SSIM and both at low rates: the photos are too small for SSIMULACRA 2
    assert "data:image/webp;base64," in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")
    with Image.open(results / "out" / "crops.png") as sheet:
        assert sheet.height == 2 * (256 + 24)


def test_page_works_in_a_browser(results: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium)
        except sync_api.Error:
            pytest.skip("no Chromium on this machine")
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((results / "out" / "report.html").as_uri())
        page.select_option("#left", "jpeg")
        page.fill("#share", "25")
        assert "inset(0px 75% 0px 0px)" in page.evaluate("document.getElementById('above').style.clipPath")
        assert "jpeg" in page.inner_text("#leftlabel")
        assert page.evaluate("document.getElementById('above').naturalWidth") > 0
        assert not problems
        browser.close()


def test_runs_go_on_where_they_stopped(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads((results / "out" / "jpeg.json").read_text())
    kept = results / "out" / "points" / "jpeg-03.json"
    point = json.loads(kept.read_text())
    point["images"].pop("face")
    kept.write_text(json.dumps(point))
    encoded: list[object] = []
    jpeg = registry.make("jpeg")

    def encode(pixels: np.ndarray, setting: Setting) -> bytes:
        encoded.append(setting)
        return jpeg.encode(pixels, setting)

    counting = Peer(jpeg.name, jpeg.description, jpeg.settings, encode, jpeg.decode)
    monkeypatch.setitem(registry._MAKERS, "jpeg", lambda: counting)
    assert run(results / "photos", "-o", results / "out", "--codecs", "jpeg").exit_code == 0
    assert len(encoded) == 1 + 2  # what was missing, and the two crops
    assert json.loads((results / "out" / "jpeg.json").read_text())["results"]["bpp"] == before["results"]["bpp"]


def test_what_another_setting_measured_is_measured_anew(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times under a cap of vector instructions are not those without it."""

    def measured(peer: Peer) -> dict[str, Any]:
        assert list(measure.measure(peer, {"face": photo}, tmp_path)) == ["face"]
        return json.loads((tmp_path / "png.json").read_text())

    png = registry.make("png")
    first = measured(png)
    slow = replace(png, decode=lambda data: [png.decode(data), time.sleep(0.01)][0])
    assert measured(slow)["results"] == first["results"]
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    capped = measured(slow)
    assert capped["machine"] == f"{first['machine']}, ONEDNN_MAX_CPU_ISA=AVX2"
    assert capped["results"]["decoding_time"] != first["results"]["decoding_time"]


def test_mistakes_end_with_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, "-o", tmp_path / "out", "--codecs", "gif").exit_code == 2
    result = run(tmp_path, "-o", tmp_path / "out", "--codecs", "png")
    assert result.exit_code == 1
    assert "no photos" in result.output
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    result = run(tmp_path, "-o", tmp_path / "out", "--codecs", "jxl")
    assert result.exit_code == 1
    assert "imagecodecs" in result.output and "svcodec[bench]" in result.output
    monkeypatch.setitem(sys.modules, "compressai.zoo", None)
    with pytest.raises(MissingPackageError, match=r"needs the package compressai: .*svcodec\[compressai\]"):
        registry.make("compressai-mbt2018-mean")


def test_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "svcodec.benchmarks", str(tmp_path), "-o", str(tmp_path), "--codecs", "png"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("svcodec: there are no photos")


def test_points_name_the_model_that_they_were_measured_with() -> None:
    assert ours.our_codec().model.hash.hex() in registry.make("svcodec-sketch").description


def test_a_tune_is_a_peer_of_its_own(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def encode(pixels: np.ndarray, **options: object) -> bytes:
        asked.append(options)
        return b"svc"

    codec = SimpleNamespace(model=ours.our_codec().model, photo_model=ours.our_codec().photo_model, encode=encode)
    monkeypatch.setattr(ours, "our_codec", lambda: codec)
    for tune, name in report.TUNED.items():
        peer = registry.make(name)
        assert peer.name == name
        assert peer.encode(photo, {"quality": 60}) == b"svc"
        assert asked.pop() == {"tier": "standard", "quality": 60} | ({"tune": tune} if tune == "psnr" else {})
    assert "tune psnr" in peer.description


def test_both_tunes_are_compared_with_others() -> None:
    rates, values, times = (1.0, 2.0, 3.0, 4.0), (20.0, 30.0, 40.0, 50.0), (1.0,) * 4
    shares = {"svcodec-standard": 0.8, "svcodec-standard-psnr": 0.6, "jpeg": 1.0}
    curves = [
        Curve(name, "", False, tuple(share * rate for rate in rates), dict.fromkeys(LABELS, values), times, times)
        for name, share in shares.items()
    ]
    text = unpadded(report.markdown(curves, curves, 1, ""))
    for name, delta in (("svcodec-standard", "-20.0%"), ("svcodec-standard-psnr", "-40.0%")):
        part = text.split(f"## BD-rate of {name} against each\n")[1].split("\n## ")[0]
        overlap = "20.0 to 50.0"
        in_decibels = f"{delta} | {overlap} dB"
        assert f"| jpeg | {delta} | {in_decibels} | {in_decibels} | {delta} | {overlap} | {in_decibels} |" in part


@pytest.mark.parametrize(
    "name", [name for name in registry.NAMES if not name.startswith((ours.PREFIX, compressai_models.PREFIX))]
)
def test_peers_code_photos(name: str, photo: np.ndarray) -> None:
    peer = registry.make(name)
    sizes = [len(peer.encode(photo, setting)) for setting in peer.settings]
    assert sizes == sorted(sizes)
    decoded = peer.decode(peer.encode(photo, peer.settings[-1]))
    if name in registry.LOSSLESS:
        assert np.array_equal(decoded, photo)
    else:
        assert measures.psnr(decoded, photo) > (25 if name in registry.LOW else 33)


def test_half_the_rate_is_a_bd_rate_of_minus_fifty() -> None:
    rates, decibels = (0.1, 0.2, 0.5, 1.0, 2.0), (25.0, 28.0, 32.0, 35.0, 39.0)
    anchor = Curve("anchor", "", True, rates, {"psnr": decibels})
    half = Curve("half", "", True, tuple(rate / 2 for rate in rates), {"psnr": decibels})
    delta = bd_rate(anchor, half)
    assert delta is not None
    assert delta.pchip == pytest.approx(-50)
    assert delta.akima == pytest.approx(-50)
    assert (delta.low, delta.high) == (25.0, 39.0)
    assert bd_rate(anchor, half, "ms_ssim") is None
    assert half.at_rate(0.5, "psnr") == pytest.approx(35.0)
    assert half.at_rate(1.5, "psnr") is None


def test_published_curves_rise() -> None:
    for curve in published():
        assert list(curve.bpp) == sorted(curve.bpp)
        assert len(curve.known("psnr")[0]) == len(curve.bpp)


def test_equal_pictures(photo: np.ndarray) -> None:
    assert measures.psnr(photo, photo) == float("inf")
    assert metrics.ms_ssim(photo, photo) == pytest.approx(1.0)
    assert metrics.ms_ssim(photo[:100], photo[:100]) is None
    large = np.tile(photo, (4, 4, 1))[:256, :256]
    assert measures.ssimulacra2(large, large) == pytest.approx(100.0)
    assert measures.ssimulacra2(large // 4 * 4, large) < 99.0
    assert measures.ssimulacra2(photo[:100], photo[:100]) is None


def test_tables_are_escaped() -> None:
    assert as_html("| a | b |\n| --- | --- |\n| <x> | 1 |").replace("\n", "") == (
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>&lt;x&gt;</td><td>1</td></tr></tbody></table>"
    )
    assert as_html("## A <b>") == "<h2>A &lt;b&gt;</h2>\n"


def test_multiply_accumulates_are_counted() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 2, 1))
    picture = torch.zeros(1, 3, 10, 20)
    expected = {"whole": 200 * (3 * 8 * 9 + 8 * 2), "idle": 0}
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode():
            networks = {"whole": network, "idle": torch.nn.Conv2d(1, 1, 1)}
            assert macs(networks, lambda: network(picture)) == expected
            assert macs(networks, lambda: [network[1](network[0](picture)), picture @ torch.zeros(20, 5)]) == expected
    assert not network[0]._forward_hooks


def test_multiply_accumulates_of_each_network(photo: np.ndarray) -> None:
    peer = registry.make("svcodec-standard")
    data = peer.encode(photo, {"quality": 60})
    parts = macs(peer.networks, lambda: peer.decode(data))
    assert all(parts[name] > 0 for name in ("z1", "z2", "z3", "u"))
    assert parts["levels"] == parts["y3"] == 0
    with counter() as counted:
        peer.decode(data)
    assert 2 * sum(parts.values()) == pytest.approx(counted.get_total_flops(), rel=1e-4)  # a few are the canary's


def test_networks_compute_in_every_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is written without them, as a drawing is, would tell nothing."""
    monkeypatch.setattr(macs_module, "SIZE", (64, 96))
    names = [f"{ours.PREFIX}{tier}" for tier in TIERS]
    rows = [line.split("|")[1:5] for line in macs_table([registry.make(name) for name in names]).splitlines()[2:]]
    assert [row[0].strip() for row in rows] == [name for name in names for _ in range(2)]
    assert all(float(row[2]) > 10 for row in rows), rows


def test_speed_is_told_as_a_ratio() -> None:
    standard = Curve("svcodec-standard", "", False, (1.0,), {"psnr": (30.0,)}, (2.0,), (0.5,))
    other = Curve("other", "", False, (1.0,), {"psnr": (30.0,)}, (1.0,), (2.0,))
    assert "| other | 1.00 s | 2.00 s | 0.50 | 4.00 |" in unpadded(report.speed_table([standard, other]))
    assert "| other | 1.00 s | 2.00 s | - | - |" in unpadded(report.speed_table([other]))


@pytest.mark.parametrize("name", [name for name in registry.NAMES if name.startswith(compressai_models.PREFIX)])
def test_compressais_models_run_untrained(
    name: str, photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without their weights they count for times and multiply-accumulates only."""
    image = pytest.importorskip("compressai.zoo.image")

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(image, "load_state_dict_from_url", refuse)
    peer = registry.make(name)
    assert not peer.trained
    assert "untrained" in peer.description
    assert peer.decode(peer.encode(photo, peer.settings[0])).shape == photo.shape
    parts = macs(peer.networks, lambda: peer.encode(photo, peer.settings[0]))
    assert parts["g_a"] > 0
    monkeypatch.setitem(registry._MAKERS, name, lambda: peer)
    Image.fromarray(photo).save(tmp_path / "face.png")
    assert run(tmp_path, "-o", tmp_path / "out", "--codecs", f"{name},jpeg").exit_code == 0
    tables = unpadded((tmp_path / "out" / "report.md").read_text())
    assert f"| {name} |" in tables.split("## Speed")[1]
    assert name not in tables.split("## Speed")[0]


def test_compressais_own_script_runs_our_tiers(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("compressai")
    from svcodec.benchmarks.compressai_zoo import eval_model

    eval_model.main(["pretrained", str(results / "photos"), "-a", "svcodec-standard", "-q", "20,60"])
    figures = json.loads(capsys.readouterr().out)["results"]
    assert len(figures["bpp"]) == 2
    assert figures["bpp"][0] < figures["bpp"][1]
    assert figures["psnr-rgb"][0] < figures["psnr-rgb"][1]
