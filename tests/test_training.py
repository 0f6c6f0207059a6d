"""Training, resuming and exporting: from a folder of pictures to a model that codes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from torch import Tensor, nn

import svcodec
from svcodec.codec.model_files import DEFAULT_MODEL, weights_file
from svcodec.models.blocks import Rate
from svcodec.models.details import trade_off
from svcodec.models.photo import DEPTH, PhotoNetwork
from svcodec.training import checkpoints, loop, pages
from svcodec.training.capture import Figures
from svcodec.training.commands import train
from svcodec.training.optimizer import Muon, average, muon_and_adam
from svcodec.training.photos import Photos
from svcodec.training.settings import Settings


def run(*arguments: object) -> str:
    result = CliRunner().invoke(train, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def failure(*arguments: object) -> str:
    """The one line that ends a command that can't be run."""
    error = CliRunner().invoke(train, list(map(str, arguments))).exception
    assert isinstance(error, svcodec.SvcodecError), error
    assert "\n" not in str(error)
    return str(error)


def test_photos_are_split_by_name(album: Path) -> None:
    photos = Photos([album], smallest=64)
    assert (len(photos.training), len(photos.held_out)) == (28, 2)
    again = Photos([album], smallest=64).held_out
    assert all(map(torch.equal, again, photos.held_out))
    assert photos.validation(9).shape == (2, 3, 192, 192)
    photos.held_out = [photo.repeat(1, 2, 2) for photo in photos.held_out]
    assert photos.validation(9).shape == (2, 3, 256, 256)
    photos.held_out[1] = photos.held_out[1][:, :191]
    assert photos.validation(1).shape == (1, 3, 256, 256)
    with pytest.raises(svcodec.InputError, match="held-out photos must have sides of at least 192 pixels"):
        photos.validation(2)


@pytest.mark.slow
def test_recipe(album: Path, tmp_path: Path) -> None:
    """The recipe of docs/training.md, in small: train both parts, resume, export, and code with the result."""
    settings = ("--out", tmp_path, "--minutes", 0.05, "--batch", 2)
    for task, crop in (("ladder", 176), ("likelihoods", 32), ("ladder", 176)):
        run(task, album, *settings, "--crop", crop)
    steps = [json.loads(line)["step"] for line in (tmp_path / "ladder.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert len(steps) >= 2
    model = tmp_path / "own.safetensors"
    run("export", tmp_path, album, "-o", model, "--crop", 64)
    codec = svcodec.Codec(model)
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(np.asarray(codec.decode(codec.encode(image, tier="lossless"))), image)
    data = codec.encode(image, tier="standard")
    assert codec.decode(data).size == (30, 20)
    assert svcodec.inspect(data).model == "own"
    with pytest.raises(svcodec.ModelError):
        svcodec.decode(data)

    # then the same once more, through the grids that the file has
    finer, again = tmp_path / "finer", tmp_path / "finer.safetensors"
    settings = ("--out", finer, "--minutes", 0.05, "--batch", 2, "--start", model)
    run("ladder", album, *settings, "--crop", 176)
    run("export", finer, album, "-o", again, "--start", model, "--crop", 64)
    files = [safetensors.torch.load_file(path) for path in (model, again)]
    of_ladder = [name for name in files[0] if name.startswith("ladder.") and name.endswith(".grid")]
    assert [name for name in of_ladder if files[0][name][0] != files[1][name][0]] == []
    codec = svcodec.Codec(again)
    assert np.array_equal(np.asarray(codec.decode(codec.encode(image, tier="lossless"))), image)
    assert codec.encode(image, tier="standard") != data


def test_help_lists_the_commands() -> None:
    text = run("--help")
    assert [line.split()[0] for line in text.split("Commands:\n")[1].splitlines()] == [
        "export",
        "gate",
        "ladder",
        "likelihoods",
        "selfvae",
    ]
    assert "--muon-rate" in run("ladder", "--help")


def test_mistakes_end_with_one_line(album: Path, tmp_path: Path) -> None:
    settings = ("--out", tmp_path, "--minutes", 1, "--crop", 176)
    assert "there is no such folder" in failure("ladder", album / "none", *settings)
    assert "too few photos with sides of at least 320 pixels" in failure("ladder", album, *settings[:-1], 320)
    assert "multiples of 16, from 176 to 512" in failure("ladder", album, *settings[:-1], 180)
    for size in (160, 528):  # the drawings beside the photos have 512 pixels
        assert "from 176 to 512" in failure("ladder", album, *settings[:-1], size)
    assert "multiples of 16, from 16 to 512" in failure("likelihoods", album, *settings[:-1], 40)
    assert "no ladder to start from" in failure("likelihoods", album, *settings)
    assert "none.safetensors: No such file" in failure("ladder", album, *settings, "--start", "none.safetensors")
    assert "can't be loaded" in failure("ladder", album, *settings, "--start", album / "notes.txt")
    output = ("-o", tmp_path / "a.safetensors")
    assert "train the ladder first" in failure("export", tmp_path, album, *output, "--crop", 64)
    start = ("--start", Path(str(weights_file(DEFAULT_MODEL))))
    assert "no checkpoints in" in failure("export", tmp_path, album, *output, *start)
    assert "multiples of 16" in failure("export", tmp_path, album, *output, "--crop", 0)
    assert "can't be a model's name" in failure("export", tmp_path, album, "-o", tmp_path / "my own.safetensors")
    assert "takes 20 photos of 128 x 128 pixels" in failure("gate", album / "more.zip", *output)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content"), [("broken.png", b"\x89PNG\r\n\x1a\n"), ("text.jpg", b"text"), ("broken.zip", b"text")]
)
def test_photos_that_can_not_be_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(svcodec.InputError, match=f"{name} can't be read"):
        Photos([tmp_path], smallest=16)


def test_training_needs_torch_numpy_and_pillow_only() -> None:
    """It runs on machines that have nothing else; and the commands are listed before torch is loaded."""
    others = ["click", "constriction", "matplotlib", "safetensors", "scipy", "sklearn", "tabulate", "threadpoolctl"]
    block = f"import sys; sys.modules.update(dict.fromkeys({others}))"
    for code in (
        f"{block}; import svcodec.training.family_training, svcodec.training.recipe",
        "import sys; from svcodec.training.commands import train; assert 'torch' not in sys.modules",
    ):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


class Affine(nn.Module):
    """A network with a part to train and one to leave as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 3, 3, padding=1)
        self.frozen = nn.Conv2d(3, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.frozen(self.mix(image / 255))


def test_the_loop_trains_any_network_and_goes_on(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "OF_EACH_KIND", 1)

    def loss(net: Affine, image: Tensor) -> tuple[Tensor, Figures]:
        error = (net(image) - image / 255).square().mean()
        return error, {"largest": image.max()}

    def validate(net: Affine, image: Tensor) -> dict[str, float | str]:
        assert not net.training
        return {"error": float((net(image) - image / 255).square().mean())}

    objective = loop.Objective("affine", ("mix",), loss, validate)
    photos, settings = Photos([album], smallest=32), Settings(minutes=0.02, batch=2, crop=32, rate=0.01, decay=0.0)
    torch.manual_seed(0)
    first, second = Affine(), Affine()
    second.frozen.load_state_dict(first.frozen.state_dict())
    frozen = first.frozen.weight.detach().clone()
    for net in (first, second):
        loop.train(net, objective, photos, tmp_path, settings)
        assert torch.equal(net.frozen.weight, frozen)
    entries = [json.loads(line) for line in (tmp_path / "affine.jsonl").read_text().splitlines()]
    steps = [entry["step"] for entry in entries]
    assert steps == sorted(steps) and steps[-1] > steps[0]
    assert entries[-1]["error"] < entries[0]["error"]
    assert {"loss", "norm", "largest", "minutes"} <= set(entries[0])
    state = torch.load(tmp_path / "affine.pt", weights_only=True)
    assert set(state["average"]) == {"mix.weight", "mix.bias"}
    assert torch.equal(state["net"]["mix.weight"], second.mix.weight)


def test_the_average_grows_longer() -> None:
    """Of n steps it keeps n / (n + 50) of what it was, at most 0.999, from the first step on."""
    for count, keep in ((1, 1 / 51), (100, 100 / 150), (10**6, 0.999)):
        averaged = torch.zeros(3)
        average([averaged], [torch.ones(3)], count)
        assert averaged.tolist() == pytest.approx([1 - keep] * 3, rel=1e-4)


def test_one_step_lowers_nothing_but_the_loss() -> None:
    """Gradients reach every trained parameter of the ladder."""
    torch.manual_seed(0)
    model = PhotoNetwork()
    for parameter in model.parameters():
        if not parameter.abs().sum():
            torch.nn.init.normal_(parameter, std=0.01)
    image = torch.randint(0, 256, (2, 3, 128, 128)).float()  # 2x2 at the top: both colours of a checkerboard
    picture, bits = model.ladder(image, Rate(torch.tensor([20.0, 80.0]), torch.tensor([0, 1])))
    assert picture.shape == image.shape
    assert bits.shape == (DEPTH + 1, 2)
    (bits.sum() + (picture - image).square().sum()).backward()
    without = [name for name, p in model.ladder.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert without == []


def test_dropped_levels_cost_nothing() -> None:
    model = PhotoNetwork()
    image = torch.randint(0, 256, (1, 3, 64, 64)).float()
    _, bits = model.ladder(image, Rate.of(50.0, 0, 1, image.device), dropped=2)
    assert not bits[:2].any()
    assert bits[2:].all()


def test_convolutions_take_orthogonal_steps() -> None:
    """Muon moves every direction of a 3x3 convolution by about the same, wherever it lies in memory."""
    layers = torch.nn.Sequential(nn.Conv2d(8, 16, 3), nn.Conv2d(8, 16, 3), nn.Conv2d(16, 4, 1))
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = [p.detach().clone() for p in layers.parameters()]
    optimizer = muon_and_adam(list(layers.parameters()), Settings(minutes=1, muon_rate=0.5, rate=0.01))
    for parameter in layers.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(0.1)
    steps = [(p.detach() - old) for p, old in zip(layers.parameters(), before, strict=True)]
    for step in steps[0:3:2]:
        moved = torch.linalg.svdvals(step.flatten(1))
        assert 0.5 < float(moved.min() / 0.05) <= float(moved.max() / 0.05) < 1.5
    for step in (steps[1], *steps[3:]):
        assert float(step.abs().max()) == pytest.approx(0.001, rel=1e-3)


def test_a_convolution_that_has_no_gradient_stays_where_it_is() -> None:
    """As those of levels that a batch has nothing of; the others' momentum goes on, also after a checkpoint."""
    first, second = (nn.Parameter(torch.randn(8, 8, 3, 3)) for _ in range(2))
    optimizer = Muon([first, second], 0.05)
    first.grad, second.grad = torch.randn_like(first), torch.randn_like(second)
    optimizer.step()
    before = first.detach().clone(), second.detach().clone()
    first.grad, second.grad = None, torch.zeros_like(second)
    again = Muon([first, second], 0.05)
    again.load_state_dict(optimizer.state_dict())
    again.step()
    assert torch.equal(first, before[0])
    assert not torch.allclose(second, before[1])


def test_finer_steps_are_worth_more_distortion() -> None:
    weights = trade_off(torch.arange(1.0, 101.0))
    assert (weights.diff() > 0).all()
    assert float(weights[0]) == pytest.approx(6.34e-5, rel=0.01)
    assert float(weights[-1]) == pytest.approx(0.721, rel=0.01)


@pytest.mark.parametrize("command", [("export", "run"), ("gate",)])
def test_files_are_replaced_on_request_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    output = tmp_path / "own.safetensors"
    output.write_bytes(b"a model")
    error = CliRunner().invoke(train, [*command, str(tmp_path), "-o", str(output)]).exception
    assert isinstance(error, svcodec.InputError) and "is there already" in str(error)
    error = CliRunner().invoke(train, [*command, str(tmp_path), "-o", str(output), "--overwrite"]).exception
    assert isinstance(error, svcodec.InputError) and "is there already" not in str(error)  # but no photos are
    assert output.read_bytes() == b"a model"


@pytest.mark.parametrize("command", [("export", "run"), ("gate",)])
def test_inputs_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("photos").mkdir()
    inputs = [
        Path("photos/a.png"),
        Path("photos/b.zip"),
        *([Path("run/ladder.pt"), Path("start")] if command[1:] else []),
    ]
    for path in inputs:
        path.write_bytes(b"an input")
        options = [*command, "photos", "-o", str(path), "--overwrite", *(["--start", "start"] if command[1:] else [])]
        error = CliRunner().invoke(train, options).exception
        assert isinstance(error, svcodec.InputError) and f"{path} is an input" in str(error)
        assert path.read_bytes() == b"an input"


@pytest.mark.parametrize("content", [b"", b"text", b"junk", bytes(1000), pickle.dumps([1]), b"PK\x03\x04"])
def test_checkpoints_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ladder.pt").write_bytes(content)
    with pytest.raises(svcodec.InputError, match=r"ladder\.pt (can't be read as a checkpoint|is no checkpoint)"):
        checkpoints.load_average(PhotoNetwork(), ("ladder",), tmp_path / "ladder.pt")


def test_checkpoints_of_other_networks(tmp_path: Path) -> None:
    """Another part's, another network's, one of other sizes: none is taken for what it is not."""
    network = PhotoNetwork()
    wrong = [
        checkpoints.parts_of(network, ("gist_likelihood",)),
        nn.Conv2d(3, 3, 1).state_dict(),
        {name: torch.zeros(2) for name in checkpoints.parts_of(network, ("ladder",))},
        {},
    ]
    for state in wrong:
        torch.save({"average": state}, tmp_path / "ladder.pt")
        with pytest.raises(svcodec.InputError, match="of another network"):
            checkpoints.load_average(network, ("ladder",), tmp_path / "ladder.pt")


@pytest.mark.parametrize("option", ["--minutes=nan", "--minutes=inf", "--rate=nan", "--clip=inf", f"--seed={10**20}"])
def test_options_are_finite_numbers(tmp_path: Path, option: str) -> None:
    result = CliRunner().invoke(train, ["ladder", str(tmp_path), f"--out={tmp_path}", "--minutes=1", option])
    assert result.exit_code == 2, result.output


def test_memory_that_runs_out_is_told(tmp_path: Path) -> None:
    def full(net: nn.Module, image: Tensor) -> tuple[Tensor, Figures]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    class Black:
        def batch(self, count: int, size: int, device: torch.device) -> Tensor:
            return torch.zeros(count, 3, size, size)

        def validation(self, count: int) -> Tensor:
            return torch.zeros(1, 3, 8, 8)

    objective = loop.Objective("net", ("0",), full, lambda net, images: {})
    with pytest.raises(svcodec.OutOfMemoryError, match="fewer than 8 in a step"):
        loop.train(nn.Sequential(nn.Conv2d(3, 3, 3)), objective, Black(), tmp_path, Settings(minutes=1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("minutes", 0), ("minutes", float("nan")), ("minutes", -1.0), ("batch", 0), ("rate", float("nan"))),
        *(("rate", -1.0), ("clip", 0.0), ("decay", 5.0), ("seed", 2**64), ("spent", float("inf"))),
    ],
)
def test_settings_that_are_none(name: str, value: float) -> None:
    with pytest.raises(svcodec.InputError, match=f"a training's {name} can't be"):
        Settings(**{"minutes": 1.0, name: value})
