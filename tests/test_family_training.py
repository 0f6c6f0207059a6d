"""Training models of the family: it learns, goes on where it stopped, and ends with a model file."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

import svcodec
from svcodec.family import stored
from svcodec.family.configuration import SIZES, Configuration
from svcodec.family.hierarchy import Hierarchy, build, count_weights
from svcodec.family.objective import initialise
from svcodec.training import family_training
from svcodec.training.commands import train
from svcodec.training.datasets import ImageSet
from svcodec.training.family_training import (
    configuration_of,
    elbo_loss,
    family_settings,
    train_family,
    validate_elbo,
)
from svcodec.training.optimizer import Stepping, adamax
from svcodec.training.settings import Settings

LITTLE = Configuration(
    8, ("downscale",), latent_side=4, latent_channels=2, width=8, layers=1, blocks=1, couplings=2, logistics=2
)


def images() -> ImageSet:
    """Smooth pictures of few colours: easy to learn."""
    rng = torch.Generator().manual_seed(0)
    ramp = torch.arange(8).view(1, 1, 1, 8) * 20
    samples = (torch.randint(40, 80, (64, 3, 1, 1), generator=rng) + ramp).expand(-1, -1, 8, -1).to(torch.uint8)
    return ImageSet(samples[:40], samples[40:52], samples[52:], augmented=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that was trained; to be copied."""
    return train_family(
        "own", LITTLE, images(), tmp_path_factory.mktemp("trained"), family_settings(0.01, batch=4)
    ).parent


def test_it_learns_and_reports_every_term() -> None:
    torch.manual_seed(0)
    pictures, cpu = images(), torch.device("cpu")
    model = build(LITTLE)
    initialise(model, pictures.batch(32, 8, cpu))
    optimizer = adamax(list(model.parameters()), Settings(1.0, rate=0.01))
    figures: list[dict[str, float]] = []
    losses = []
    for _ in range(25):
        loss, terms = elbo_loss(model, pictures.batch(16, 8, cpu))
        model.zero_grad()
        loss.backward()
        optimizer.step(1.0)
        losses.append(loss.item())
        figures.append({name: term.item() for name, term in terms.items()})
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5
    assert set(figures[0]) == {
        "p(x | y_1, z_1)",
        "p(z_1 | y_1, u)",
        "p(y_1 | u)",
        "p(u)",
        "q(z_1 | x)",
        "q(u | y_1)",
    }
    assert losses[0] == pytest.approx(sum(figures[0].values()), rel=1e-4)
    report = validate_elbo(model, pictures.validation(12))
    assert report == validate_elbo(model, pictures.validation(12))
    assert len(report) == 7
    assert isinstance(report["score"], float)
    assert report["score"] < losses[0]


def test_adamax_is_torchs_and_goes_on() -> None:
    def run(steps: int, optimizer: Stepping, weight: nn.Parameter) -> None:
        for _ in range(steps):
            weight.grad = 2 * weight.detach() + 1
            optimizer.step(0.5)

    settings = Settings(1.0, rate=0.1)
    weights = [nn.Parameter(torch.ones(3)) for _ in range(3)]
    whole, first = adamax([weights[0]], settings), adamax([weights[1]], settings)
    run(6, whole, weights[0])
    run(3, first, weights[1])
    again = adamax([weights[1]], settings)
    again.load_state_dict(first.state_dict())
    run(3, again, weights[1])
    assert torch.equal(weights[0], weights[1])
    theirs = torch.optim.Adamax([weights[2]], lr=0.05)
    for _ in range(6):
        weights[2].grad = 2 * weights[2].detach() + 1
        theirs.step()
    assert torch.equal(weights[0], weights[2])


def test_training_goes_on_and_then_is_finished(tmp_path: Path) -> None:
    def log() -> list[dict[str, float]]:
        return [json.loads(line) for line in (tmp_path / "own.jsonl").read_text().splitlines()]

    pictures = images()
    file = train_family("own", LITTLE, pictures, tmp_path, family_settings(0.02, batch=4))
    first = log()[-1]["step"]
    assert stored.from_bytes(file.read_bytes(), "own").configuration == LITTLE
    before = file.read_bytes()
    assert train_family("own", LITTLE, pictures, tmp_path, family_settings(0.02, batch=4)) == file
    assert (log()[-1]["step"], file.read_bytes()) == (first, before)
    train_family("own", LITTLE, pictures, tmp_path, family_settings(0.04, batch=4))
    assert log()[-1]["step"] > first
    assert torch.load(tmp_path / "own.pt", weights_only=True)["minutes"] == pytest.approx(0.04, abs=0.02)
    assert file.read_bytes() != before
    with pytest.raises(svcodec.InputError, match="of another model"):
        train_family("own", replace(LITTLE, layers=2), pictures, tmp_path, family_settings(1))
    with pytest.raises(svcodec.InputError, match="8 pixels a side, not 16"):
        train_family("other", replace(LITTLE, side=16), pictures, tmp_path, family_settings(1))


def test_command(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (12, 10, 3), np.uint8)).save(tmp_path / f"{i}.png")
    arguments = ["selfvae", str(tmp_path), "--minutes=0.001", "--side=8", "--out", str(tmp_path / "run")]
    arguments += ["--kind=vae-normal", "--size=tiny"]
    result = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    file = tmp_path / "run" / "vae-normal.safetensors"
    assert result.stdout.splitlines()[-1] == str(file)
    assert stored.from_bytes(file.read_bytes(), "own").configuration == configuration_of("vae-normal", 8, "tiny")
    for wrong, text in (
        ("--kind=gan", "no model 'gan'"),
        ("--size=huge", "no size 'huge'"),
        ("--data=web", "no data set"),
    ):
        error = CliRunner().invoke(train, [*arguments, wrong]).exception
        assert isinstance(error, svcodec.InputError)
        assert text in str(error)
    made = ["--kind=selfvae-median-downscale.greyscale", "--batch=2"]
    assert CliRunner().invoke(train, [*arguments, *made], catch_exceptions=False).exit_code == 0
    own = stored.from_bytes((tmp_path / "run" / f"{made[0][7:]}.safetensors").read_bytes(), "own").configuration
    assert own.transforms == ("median", "downscale+greyscale")
    Image.new("RGB", (8, 8)).save(tmp_path / "more.png")
    error = CliRunner().invoke(train, arguments).exception
    assert isinstance(error, svcodec.InputError) and "models of other images" in str(error)


def test_a_run_that_is_cut_short_leaves_the_model_of_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until one that was not; also where it came to its last checkpoint."""
    pictures = images()
    first = train_family("own", LITTLE, pictures, tmp_path, family_settings(0.01, batch=4)).read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(family_training, "validate_elbo", killed)
        with pytest.raises(KeyboardInterrupt):
            train_family("own", LITTLE, pictures, tmp_path, family_settings(0.02, batch=4))
    assert (tmp_path / "own.safetensors").read_bytes() == first
    again = train_family("own", LITTLE, pictures, tmp_path, family_settings(0.02, batch=4)).read_bytes()
    assert again != first
    (tmp_path / "own.safetensors").write_bytes(b"damaged")
    file = train_family("own", LITTLE, pictures, tmp_path, family_settings(0.02, batch=4))
    assert file.read_bytes() == again


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("net", {}), ("net", [1]), ("average", {}), ("optimizer", {}), ("step", "x"), ("step", -5), ("minutes", -1e9)],
)
def test_a_checkpoint_that_is_refused_takes_no_model_away(
    trained: Path, tmp_path: Path, name: str, wrong: object
) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "own.safetensors"
    before = file.read_bytes()
    state = torch.load(tmp_path / "own.pt", weights_only=True)
    torch.save({**state, name: wrong}, tmp_path / "own.pt")
    with pytest.raises(svcodec.InputError, match=r"own\.pt is (of another (network|optimizer)|no checkpoint)"):
        train_family("own", LITTLE, images(), tmp_path, family_settings(0.02, batch=4))
    assert file.read_bytes() == before


def test_a_checkpoint_that_can_not_be_written_leaves_the_last(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no part of itself."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    before, files = (tmp_path / "own.pt").read_bytes(), sorted(tmp_path.iterdir())

    def full(path: Path, target: Path) -> None:
        assert path.exists()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: .*own\.pt"):
        train_family("own", LITTLE, images(), tmp_path, family_settings(0.02, batch=4))
    assert (tmp_path / "own.pt").read_bytes() == before
    assert sorted(tmp_path.iterdir()) == files


def test_a_model_from_elsewhere_stays(tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(b"a model")
    with pytest.raises(svcodec.InputError, match="not trained here"):
        train_family("own", LITTLE, images(), tmp_path, family_settings(0.01, batch=4))
    assert (tmp_path / "own.safetensors").read_bytes() == b"a model"
    (tmp_path / "other.json").write_bytes(b"\xff")
    with pytest.raises(svcodec.InputError, match=r"other\.json is of another model"):
        train_family("other", LITTLE, images(), tmp_path, family_settings(0.01, batch=4))
    assert (tmp_path / "other.json").read_bytes() == b"\xff"


@pytest.mark.parametrize("bf16", [False, True])
def test_command_in_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool) -> None:
    seen = []

    def loss(model: Hierarchy, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen.append(torch.is_autocast_enabled("cpu"))
        return elbo_loss(model, images)

    monkeypatch.setattr(family_training, "elbo_loss", loss)
    for i in range(8):
        Image.new("RGB", (8, 8), (i, 100, 200)).save(tmp_path / f"{i}.png")
    arguments = ["selfvae", str(tmp_path), "--kind=vae-normal", "--size=tiny", "--side=8", "--minutes=0.001"]
    arguments += ["--out", str(tmp_path / "run"), *(["--bf16"] if bf16 else [])]
    assert CliRunner().invoke(train, arguments, catch_exceptions=False).exit_code == 0
    assert set(seen) == {bf16}


def test_sizes() -> None:
    assert count_weights(configuration_of("selfvae-downscale", 32, "tiny")) <= SIZES["tiny"]
