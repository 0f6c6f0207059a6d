"""Benchmarks of their own at a tiny size, and their figures as the pages show them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("bjontegaard")
pytest.importorskip("scipy")
pytest.importorskip("cogapp")

from svcodec import Codec
from svcodec.benchmarks import by_kernel, committed, eight_bits, host, kodak
from svcodec.benchmarks.conditions import machine
from svcodec.benchmarks.figures_in_docs import figure
from svcodec.benchmarks.peers import registry
from svcodec.benchmarks.rate_distortion import measure
from svcodec.codec.model_files import DEFAULT_MODEL, weights_file
from svcodec.models.machine import measured
from svcodec.models.photo import PhotoNetwork
from svcodec.training.checkpoints import parts_of
from svcodec.training.weights import load_weights


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for results, which the pages would be written from."""
    monkeypatch.chdir(tmp_path)
    committed.RESULTS.mkdir(parents=True)
    return committed.RESULTS


@pytest.fixture
def photo(portrait_path: Path) -> Image.Image:
    with Image.open(portrait_path) as image:
        return image.convert("RGB")


def run(command: Any, *arguments: object) -> None:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output


def test_figures_that_are_not_there_are_named() -> None:
    assert figure("kernels") == "Not measured yet: there is no benchmarks/results/by-kernel.json."


def test_kernels_side_by_side(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_kernel, "SIZES", {"tiny": (96, 64)})
    monkeypatch.setattr(by_kernel, "ROUNDS", 1)
    run(by_kernel.main, "-o", results / "by-kernel.json")
    found = json.loads((results / "by-kernel.json").read_text())
    assert list(found["sizes"]["tiny"]) == [kernel.name for kernel in measured("cpu")]
    assert found["sizes"]["tiny"]["float32"]["decode"]["least"] > 0
    assert "| tiny      | `float32`" in figure("kernels")


def test_kernels_that_differ_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def printed_by(program: str, *size: int, SVCODEC_KERNEL: str) -> dict[str, Any]:
        return {"figures": {"encode": 1.0}, "digest": SVCODEC_KERNEL}

    monkeypatch.setattr(by_kernel, "printed_by", printed_by)
    assert by_kernel.by_kernel(8, 8, ["int8"]) == {"int8": {"encode": {"median": 1.0, "least": 1.0}}}
    with pytest.raises(SystemExit, match="differ"):
        by_kernel.by_kernel(8, 8, ["int8", "float32"])


def test_efforts(results: Path, photo: Image.Image) -> None:
    Path("photos").mkdir()
    photo.crop((200, 100, 264, 148)).save("photos/face.png")
    run(kodak.main, "photos", "efforts", "-o", results)
    found = json.loads((results / "kodak-efforts.json").read_text())["efforts"]
    assert list(found) == ["1", "5", "9"]
    size = len(Codec().encode("photos/face.png", tier="lossless", effort=1))
    assert found["1"]["bits per sub-pixel"] == pytest.approx(8 * size / (64 * 48 * 3))
    assert f"{found['9']['bits per sub-pixel']:.3f}" in figure("efforts")


@pytest.mark.once
def test_time_inside_another_program(results: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "ROUNDS", 1)
    monkeypatch.setattr(host, "printed_by", cache(host.printed_by))  # times alone do for those beside a busy process
    photo.crop((0, 0, 40, 24)).save("photo.png")
    run(host.main, "photo.png", "-o", results / "host.json")
    found = json.loads((results / "host.json").read_text())
    assert set(found["coding"]) == {"alone", "busy"}
    assert set(found["coding"]["busy"]) == set(host.HOSTS)
    assert found["coding"]["busy"]["command line"]["decode"]["least"] > 0
    whole, parts = (found["svcodec decode"][key] for key in ("whole", "parts"))
    assert 0 < parts["torch"]["median"] < whole["clock"]["median"]
    assert all(name in figure("beside_others") for name in host.HOSTS)
    assert f"takes {whole['clock']['median']:.2f} s" in figure("whole_command")


def test_eight_bits_against_floats(results: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "SIDE", 192)
    monkeypatch.setattr(eight_bits, "QUALITIES", (20, 40, 60, 80))
    Path("photos").mkdir()
    for name, corner in (("held-out", 100), ("trained on", 200)):
        photo.crop((corner, corner, corner + 192, corner + 192)).save(f"photos/{name}.png")
    floats = PhotoNetwork()
    load_weights(floats, Path(str(weights_file(DEFAULT_MODEL))))
    ladder = parts_of(floats, ("ladder",))
    torch.save({"average": ladder}, "ladder.pt")
    run(eight_bits.main, DEFAULT_MODEL, "ladder.pt", "photos", "-o", results / "eight-bits.json")
    found = json.loads((results / "eight-bits.json").read_text())
    assert found["photos"] == 1
    for tune in ("psnr", "ssim"):
        of_tune = found["tunes"][tune]
        assert of_tune["floats"]["bpp"] != of_tune["eight bits"]["bpp"]
        assert of_tune["floats"]["bpp"] == pytest.approx(of_tune["eight bits"]["bpp"], rel=0.5)
    assert f"{found['tunes']['ssim']['BD-rate']['ms_ssim']:+.1f}%" in figure("eight_bits")


def test_a_network_costs_nothing_against_itself(photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "SIDE", 192)
    monkeypatch.setattr(eight_bits, "QUALITIES", (20, 40, 60, 80))
    network = Codec().model.network
    square = torch.from_numpy(np.array(photo)[100:292, 100:292]).permute(2, 0, 1)
    found = eight_bits.cost(network, network, [square])
    assert found["psnr"]["BD-rate"] == pytest.approx({"psnr": 0, "ms_ssim": 0})


def test_two_codecs_under_a_cap(results: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    png = registry.make("png")
    for name in ("svcodec-standard", "compressai-mbt2018-mean"):
        peer = replace(png, name=name)
        list(measure.measure(peer, {"face": np.array(photo)[:64, :64]}, results / "kodak-two-threads-avx2"))
    table = figure("against_compressai_capped")
    assert f"| {machine()}" in table
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in table
    assert "its time over ours" in table
