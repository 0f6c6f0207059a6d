"""Training, resuming and exporting: from a folder of pictures to a model that codes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

import svcodec
from svcodec.codec.model_files import DEFAULT_MODEL, weights_file
from svcodec.models.integers import from_integers
from svcodec.models.selfvae import DEPTH, SelfVAE
from svcodec.training.loop import Optimizer, load_weights, trade_off
from svcodec.training.photos import Photos


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty small pictures, some of them in a zip archive."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for i in range(30):
            small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
            path = folder / f"{i:02}.png"
            small.resize((72, 64), Image.Resampling.BICUBIC).save(path)
            if i % 3 == 0:
                archive.write(path, path.name)
                path.unlink()
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_photos_are_split_by_name(folder: Path) -> None:
    photos = Photos([folder], smallest=64)
    assert (len(photos.training), len(photos.held_out)) == (28, 2)
    assert Photos([folder], smallest=64).held_out_names == photos.held_out_names
    batch = photos.batch(5, 32, np.random.default_rng(0))
    assert batch.shape == (5, 3, 32, 32)
    assert torch.equal(batch, batch.round())
    assert photos.validation(9).shape == (2, 3, 64, 64)


@pytest.mark.slow
def test_recipe(folder: Path, tmp_path: Path) -> None:
    """The recipe of docs/training.md, in small: train both parts, resume, export, and code with the result."""
    settings = ("--out", tmp_path, "--minutes", 0.05, "--batch", 2, "--crop", 32)
    for task in ("ladder", "likelihoods", "ladder"):
        run("svcodec.training.loop", task, folder, *settings)
    steps = [json.loads(line)["step"] for line in (tmp_path / "ladder.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert len(steps) >= 2
    model = tmp_path / "own.safetensors"
    run("svcodec.training.export", tmp_path, folder, "-o", model, "--crop", 64)
    codec = svcodec.Codec(model)
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(np.asarray(codec.decode(codec.encode(image, tier="lossless"))), image)
    data = codec.encode(image, tier="standard")
    assert codec.decode(data).size == (30, 20)
    assert svcodec.inspect(data).model == "own"
    with pytest.raises(svcodec.ModelError):
        svcodec.decode(data)


def test_one_step_lowers_nothing_but_the_loss() -> None:
    """Gradients reach every trained parameter of the ladder."""
    torch.manual_seed(0)
    model = SelfVAE()
    for parameter in model.parameters():
        if not parameter.abs().sum():
            torch.nn.init.normal_(parameter, std=0.01)
    image = torch.randint(0, 256, (2, 3, 128, 128)).float()  # 2x2 at the top: both colours of a checkerboard
    picture, bits = model.ladder(image, torch.tensor([20.0, 80.0]))
    assert picture.shape == image.shape
    assert bits.shape == (DEPTH + 1, 2)
    (bits.sum() + (picture - image).square().sum()).backward()
    without = [name for name, p in model.ladder.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert without == []


def test_dropped_levels_cost_nothing() -> None:
    model = SelfVAE()
    image = torch.randint(0, 256, (1, 3, 64, 64)).float()
    _, bits = model.ladder(image, torch.tensor([50.0]), dropped=2)
    assert not bits[:2].any()
    assert bits[2:].all()


def test_convolutions_take_orthogonal_steps() -> None:
    """Muon works on the model's own memory, and every direction of a 3x3 convolution moves by about the same."""
    layers = torch.nn.Sequential(torch.nn.Conv2d(8, 16, 3), torch.nn.Conv2d(16, 4, 1)).to(
        memory_format=torch.channels_last
    )
    before = [p.detach().clone() for p in layers.parameters()]
    optimizer = Optimizer(list(layers.parameters()), muon_rate=0.5, adam_rate=0.01)
    for parameter in layers.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(0.1)
    steps = [(p.detach() - old) for p, old in zip(layers.parameters(), before, strict=True)]
    moved = torch.linalg.svdvals(steps[0].flatten(1))
    assert 0.5 < float(moved.min() / 0.05) <= float(moved.max() / 0.05) < 1.5
    for step in steps[1:]:
        assert float(step.abs().max()) == pytest.approx(0.001, rel=1e-3)


def test_training_starts_from_a_model_file() -> None:
    path = Path(str(weights_file(DEFAULT_MODEL)))
    model, quality = SelfVAE(), torch.arange(1.0, 101.0)
    load_weights(model, path)
    exported = from_integers(safetensors.torch.load_file(path))
    assert torch.equal(model.level_likelihood.input.weight, exported.level_likelihood.input.weight)
    for k in range(1, DEPTH + 1):
        gains, table = model.ladder.level(k).gains, exported.ladder.level(k).gains
        assert gains.table is None
        assert torch.allclose(gains(quality)[0], table(quality)[0], atol=1e-3)


def test_finer_steps_are_worth_more_distortion() -> None:
    weights = trade_off(torch.arange(1.0, 101.0))
    assert (weights.diff() > 0).all()
    assert float(weights[0]) == pytest.approx(0.0008, rel=0.05)
    assert float(weights[-1]) == pytest.approx(0.154, rel=0.05)
