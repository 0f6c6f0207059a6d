"""Model files: written from checkpoints, and trained on through their grids."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn

from svcodec.codec.model_files import DEFAULT_MODEL, load_model, weights_file
from svcodec.models import integers
from svcodec.models.arithmetic import exact_arithmetic
from svcodec.models.blocks import Rate
from svcodec.models.exact import ExactConv2d
from svcodec.models.photo import DEPTH, PhotoNetwork
from svcodec.training import export, pages
from svcodec.training.checkpoints import load_average, parts_of
from svcodec.training.objectives import OBJECTIVES
from svcodec.training.photos import to_photo
from svcodec.training.weights import load_weights


def input_exponents(network: nn.Module) -> dict[str, int]:
    """The grids of inputs of a network that is on its grids, or trained for them."""
    layers = {name: module for name, module in network.named_modules() if isinstance(module, ExactConv2d)}
    assert all(layer.calibrated for layer in layers.values())
    return {name: layer.input_exponent for name, layer in layers.items()}


@pytest.fixture(scope="module")
def shipped() -> Path:
    """The default model's file."""
    return Path(str(weights_file(DEFAULT_MODEL)))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export looks at few photos and drawings."""
    monkeypatch.setattr(pages, "OF_EACH_KIND", 1)
    monkeypatch.setattr(export, "CALIBRATION_PHOTOS", 2)
    monkeypatch.setattr(export, "VALIDATION_PHOTOS", 1)


def test_training_starts_from_a_model_file(shipped: Path) -> None:
    model, qualities = PhotoNetwork(), torch.arange(1.0, 101.0)
    load_weights(model, shipped)
    exported = integers.from_integers(safetensors.torch.load_file(shipped))
    assert torch.equal(model.level_likelihood.input.weight, exported.level_likelihood.input.weight)
    for k, tune in itertools.product(range(1, DEPTH + 1), (0, 1)):
        gains, table = model.ladder.level(k).gains, exported.ladder.level(k).gains
        rate = Rate(qualities, torch.full((100,), tune))
        assert gains.table is None
        assert torch.allclose(gains(rate)[0], table(rate)[0], atol=1e-3)


def test_training_goes_on_through_the_grids_of_a_model_file(shipped: Path, portrait_path: Path) -> None:
    """It starts from what the file gives, but for the gains' tables; and every layer learns."""
    model = PhotoNetwork().requires_grad_(True)
    load_weights(model, shipped)
    exported = load_model(shipped).network
    assert input_exponents(model) == input_exponents(exported)
    assert not any(module.snapped for module in model.modules() if isinstance(module, ExactConv2d))
    with Image.open(portrait_path) as photo:
        image = to_photo(photo.convert("RGB"))[None, :, 100:356, 150:406].float()
    rate = Rate.of(100.0, 1, 1, image.device)  # at a knot, where tables are as they were
    with exact_arithmetic():
        (picture, bits), (expected, expected_bits) = (
            ladder(image, rate) for ladder in (model.eval().ladder, exported.ladder)
        )
    errors = [(found - image).square().mean().item() for found in (picture, expected)]
    assert errors[0] == pytest.approx(errors[1], rel=0.03)
    assert bits.sum().item() == pytest.approx(expected_bits.sum().item(), rel=0.01)
    rate = Rate.of(100.0, 1, 1, image.device)  # one that was used in inference keeps tensors of it
    picture, bits = model.train().ladder(image, rate)
    (bits.sum() + (picture - image).square().sum()).backward()
    without = [name for name, p in model.ladder.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert {name for name in without if not name.endswith("knots")} == set()


def checkpoint(folder: Path, part: str, network: PhotoNetwork) -> None:
    """What a training of a part would leave."""
    torch.save({"average": parts_of(network, OBJECTIVES[part].parts)}, folder / f"{part}.pt")


@pytest.mark.usefixtures("few")
def test_what_was_not_trained_since_is_exported_as_it_was(shipped: Path, album: Path, tmp_path: Path) -> None:
    start, path = PhotoNetwork(), tmp_path / "own.safetensors"
    load_weights(start, shipped)
    with torch.no_grad():
        start.gist_likelihood.input.bias += 0.5
    checkpoint(tmp_path, "likelihoods", start)
    figures = export.export_run(tmp_path, [album], path, shipped, crop=64)
    assert figures.keys() == {"ladder", "likelihoods"}
    before, after = (safetensors.torch.load_file(file) for file in (shipped, path))
    assert before.keys() == after.keys()
    before, after = (integers.from_integers(tensors) for tensors in (before, after))
    values = dict(after.ladder.named_parameters())  # some may be on finer grids
    assert [name for name, value in before.ladder.named_parameters() if not torch.equal(value, values[name])] == []
    assert (after.gist_likelihood.input.bias > before.gist_likelihood.input.bias).all()


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_network_trained_in_floats_is_put_on_grids(album: Path, tmp_path: Path) -> None:
    """All of it: the model file loads, and on it ladders code nearly what they did before."""
    torch.manual_seed(0)
    floats, path = PhotoNetwork(), tmp_path / "own.safetensors"
    for part in OBJECTIVES:
        checkpoint(tmp_path, part, floats)
    figures = export.export_run(tmp_path, [album], path, crop=64)["ladder"]
    for name, value in figures["floats"].items():
        if name.startswith("score"):
            assert figures["integers"][name] == pytest.approx(value, abs=0.05)
    exported = load_model(path).network
    exponents = input_exponents(exported)
    assert len(set(exponents.values())) > 1
    # bytes in residual blocks, two of them where layers are finer
    types = {name: value.dtype for name, value in safetensors.torch.load_file(path).items() if name.endswith(".weight")}
    assert {dtype for name, dtype in types.items() if name.endswith((".first.weight", ".second.weight"))} == {
        torch.int8
    }
    assert torch.int16 in set(types.values())


def test_a_checkpoint_of_floats_goes_before_the_grids_of_a_model_file(shipped: Path, tmp_path: Path) -> None:
    network = PhotoNetwork()
    load_weights(network, shipped)
    checkpoint(tmp_path, "ladder", PhotoNetwork())
    load_average(network, OBJECTIVES["ladder"].parts, tmp_path / "ladder.pt")
    layers = [module for module in network.ladder.modules() if isinstance(module, ExactConv2d)]
    assert not any(layer.calibrated for layer in layers)
    assert network.gist_likelihood.input.calibrated
