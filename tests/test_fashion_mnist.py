"""Self-supervised likelihoods: permutations, mixtures, equations, detectors, data sets, and the whole experiment."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor

from svcodec import InputError
from svcodec.benchmarks.fashion_mnist import jigsaw, predictive, puzzles, vae
from svcodec.benchmarks.fashion_mnist.detectors import (
    Detector,
    Elbo,
    Features,
    InputComplexity,
    LikelihoodRatio,
    LikelihoodRegret,
    Predictive,
)
from svcodec.benchmarks.fashion_mnist.feature_likelihood import FeatureLikelihood
from svcodec.benchmarks.fashion_mnist.mixture import Mixture

pytest.importorskip("sklearn")

from sklearn.mixture import BayesianGaussianMixture

from svcodec.benchmarks.fashion_mnist import figures
from svcodec.benchmarks.fashion_mnist import images as image_files
from svcodec.benchmarks.fashion_mnist.__main__ import main

PIXELS: list[vae.PixelLikelihood] = [vae.Bernoulli(), vae.Gaussian(0.1)]


def rendered(count: int, seed: int = 0) -> Tensor:
    """Images with a bright rectangle each, float (count, 1, 28, 28)."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0.0, 0.3, (count, 1, 28, 28))
    for image in images:
        top, left = rng.integers(2, 12, 2)
        image[:, top : top + 12, left : left + 9] += 0.6
    return torch.from_numpy(images).float()


@pytest.fixture(scope="module")
def features() -> FeatureLikelihood:
    """p_FE with an untrained classifier and two components."""
    torch.manual_seed(0)
    net = jigsaw.Jigsaw().eval().requires_grad_(False)
    return FeatureLikelihood(net, Mixture.fit(net.features(rendered(200), 4), 2), 4)


@pytest.fixture(params=PIXELS, ids=["V1", "V2"])
def net(request: pytest.FixtureRequest) -> vae.VAE:
    """An untrained VAE of each kind."""
    torch.manual_seed(0)
    return vae.VAE(request.param).eval().requires_grad_(False)


def test_permutations_are_far_apart_and_always_the_same() -> None:
    chosen = jigsaw.permutations()
    assert chosen.shape == (100, 9)
    assert (np.sort(chosen, axis=1) == np.arange(9)).all()
    assert (chosen[0] == np.arange(9)).all()
    assert min((a != b).sum() for a, b in itertools.combinations(chosen, 2)) >= 6
    assert (jigsaw.permutations() == chosen).all()


def test_tiles_come_from_the_cells_that_the_order_names() -> None:
    image = torch.arange(28.0 * 28).view(1, 1, 28, 28)
    net = jigsaw.Jigsaw()
    order = torch.tensor([[8, 1, 2, 3, 4, 5, 6, 7, 0]])
    tiles = net.tiles(image, order)
    assert (tiles[0, 0].view(7, 7) == image[0, 0, 19:26, 19:26]).all()
    assert (tiles[0, 5].view(7, 7) == image[0, 0, 10:17, 19:26]).all()
    torch.manual_seed(0)
    corners = torch.cat([net.puzzle(image, order)[:, 0, 0] for _ in range(100)])
    assert {(int(c) // 28, int(c) % 28) for c in corners} == set(itertools.product((18, 19, 20), repeat=2))


def test_features_of_images_of_any_size() -> None:
    net = jigsaw.Jigsaw().eval()
    images = torch.rand(2, 1, 40, 64)
    assert [net.features(images, layer).shape[1] for layer in (1, 2, 3, 4)] == [100, 80, 60, 40]
    assert net.features(images).min() >= 0
    for wrong in (images.expand(2, 3, -1, -1), images[:, :, :20]):
        with pytest.raises(ValueError, match="1 x 21 x 21"):
            net.features(wrong)
    with pytest.raises(ValueError, match="layer 5"):
        net.features(images, 5)


def test_the_classifier_learns_easy_puzzles() -> None:
    """Every cell has a brightness of its own."""
    cells = torch.arange(9.0).view(3, 3).repeat_interleave(9, 0).repeat_interleave(9, 1) / 8
    images = cells + 0.05 * torch.rand(256, 1, 27, 27)
    *_, (net, last) = puzzles.train_jigsaw(images, seed=0, epochs=15, batch=16)
    assert last["loss"] < math.log(100) - 0.2
    assert not net.training


def test_mixture_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(centre, 0.5 + centre, (80, 3)) for centre in (0.0, 1.0, 4.0)])
    expected = BayesianGaussianMixture(n_components=4, reg_covar=0.1, random_state=0).fit(values)
    fitted = Mixture.fit(torch.from_numpy(values), 4, seed=0, added_variance=0.1)
    test = rng.normal(2.0, 3.0, (50, 3))
    np.testing.assert_allclose(fitted.log_density(torch.from_numpy(test)), expected.score_samples(test), rtol=1e-9)
    densities = fitted.component_log_densities(torch.from_numpy(test))
    assert densities.shape == (50, 4)
    assert ((densities + fitted.log_weight).argmax(1).numpy() == expected.predict(test)).all()


@pytest.mark.parametrize(
    ("pixels", "distribution"),
    [
        (vae.Bernoulli(), lambda phi: torch.distributions.Bernoulli(phi)),
        (vae.Gaussian(0.3), lambda phi: torch.distributions.Normal(phi, math.sqrt(0.3))),
    ],
    ids=["V1", "V2"],
)
def test_pixel_densities(
    pixels: vae.PixelLikelihood, distribution: Callable[[Tensor], torch.distributions.Distribution]
) -> None:
    x, phi = pixels.prepare(rendered(5)).flatten(1), torch.rand(5, 784) * 0.9 + 0.05
    expected = distribution(phi).log_prob(x).sum(1)
    torch.testing.assert_close(vae.log_density(pixels, x, phi), expected, rtol=1e-4, atol=0.01)
    torch.testing.assert_close(vae.log_density_pairs(pixels, x, phi).diagonal(), expected, rtol=1e-4, atol=0.01)


def test_elbo_is_below_the_likelihood(net: vae.VAE) -> None:
    x = net.pixels.prepare(rendered(2))
    mean, deviation = net.encode(x)
    noise = torch.randn(100, vae.LATENTS)
    elbo = torch.stack([net.elbo(image[None], noise).mean() for image in x])
    z = mean[:, None] + deviation[:, None] * noise
    posterior = torch.distributions.Normal(mean[:, None], deviation[:, None])
    prior = torch.distributions.Normal(0.0, 1.0)
    joint = vae.log_density(net.pixels, x.flatten(1)[:, None], net.decode(z.flatten(0, 1)).view(2, 100, -1))
    weights = joint + (prior.log_prob(z) - posterior.log_prob(z)).sum(2)
    torch.testing.assert_close(elbo, weights.mean(1), atol=1.0, rtol=0.01)
    assert (elbo <= predictive.log_mean_exp(weights)).all()


def test_equations_against_brute_force(net: vae.VAE, features: FeatureLikelihood) -> None:
    """Equations 1 to 4 written out in loops over images and draws."""
    x = net.pixels.prepare(rendered(3))
    draws = 4
    for scheme in ("PR", "APO"):
        torch.manual_seed(1)
        noise = torch.randn(draws, vae.LATENTS) if scheme == "PR" else torch.randn(3, draws, vae.LATENTS)
        mean, deviation = net.encode(x)
        local, both = [], []
        for i in range(3):
            p_vae, p_fe = [], []
            for k in range(draws):
                z = noise[k] if scheme == "PR" else mean[i] + deviation[i] * noise[i, k]
                phi = net.decode(z[None])
                p_vae.append(vae.log_density(net.pixels, x[i].flatten(), phi.flatten()).double())
                f_x, f_phi = features.jigsaw.features(x[i][None], 4), features.jigsaw.features(phi, 4)
                densities = [features.mixture.component_log_densities(f)[0] for f in (f_x, f_phi)]
                component = int((densities[1] + features.mixture.log_weight).argmax())
                p_fe.append(sum(density[component] for density in densities))
            local.append(np.logaddexp.reduce(np.array(p_vae)) - math.log(draws))
            both.append(np.logaddexp.reduce(np.array(p_vae) + np.array(p_fe)) - math.log(draws))
        for weight, expected in ((None, local), (features, both)):
            torch.manual_seed(1)
            found = predictive.PREDICTIVE[scheme](x, net, weight, draws)
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


def test_training_raises_the_elbo() -> None:
    figures = [figures["elbo"] for _, figures in vae.train_vae(rendered(32), vae.Gaussian(0.1), seed=0, epochs=5)]
    assert figures[-1] > figures[0]


def test_perturbed_share() -> None:
    changed = vae.perturb(torch.zeros(20, 1, 28, 28), vae.Bernoulli(), 0.2)
    assert 0.08 < changed.mean() < 0.12


def test_detectors_score_every_image(net: vae.VAE, features: FeatureLikelihood) -> None:
    detectors: list[Detector] = [
        Elbo(net),
        Predictive(net, "PR", 3),
        Predictive(net, "APO", 3, features),
        Features(net.pixels, features),
        LikelihoodRatio(net, net),
        InputComplexity(net),
        LikelihoodRegret(net, steps=2),
    ]
    assert len({detector.name for detector in detectors}) == len(detectors)
    for detector in detectors:
        score = detector.score(rendered(3))
        assert score.shape == (3,)
        assert score.isfinite().all()
        assert detector.unit.startswith("nats")


def test_complexity_raises_the_score_of_noise(net: vae.VAE) -> None:
    images = torch.stack([torch.zeros(1, 28, 28), torch.rand(1, 28, 28)])
    torch.manual_seed(0)
    gain = InputComplexity(net).score(images)
    torch.manual_seed(0)
    gain = gain - Elbo(net).score(images)
    assert gain[1] > gain[0] + 0.3


def test_regret_is_what_optimising_gains(net: vae.VAE) -> None:
    x = net.pixels.prepare(rendered(1))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    noise = torch.randn(4, vae.LATENTS)
    assert LikelihoodRegret(net, steps=10).regret(x, noise) > 0
    assert LikelihoodRegret(net, steps=0).regret(x, noise) == 0
    assert all((before[key] == value).all() for key, value in net.state_dict().items())


def test_merit() -> None:
    apart = figures.merit(torch.arange(10.0, 30.0), torch.arange(10.0))
    assert apart == pytest.approx({"auroc": 1.0, "fpr95": 0.0, "aupr": 1.0})
    mixed = figures.merit(torch.arange(20.0), torch.arange(20.0) + 0.5)
    assert mixed["auroc"] == pytest.approx(190 / 400)
    assert mixed["fpr95"] == pytest.approx(0.95)


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
IDX = struct.pack(">4I", 0x0803, *IMAGES.shape) + IMAGES.tobytes()


def write_npz(folder: Path) -> None:
    np.savez(folder / "fashion-mnist.npz", test_images=IMAGES)


def write_keras(folder: Path) -> None:
    np.savez(folder / "fashion-mnist-test.npz", x_test=IMAGES)


def write_torchvision(folder: Path) -> None:
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-images-idx3-ubyte").write_bytes(IDX)


def write_gzip(folder: Path) -> None:
    (folder / "fashion-mnist").mkdir()
    (folder / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(IDX))


def write_pictures(folder: Path) -> None:
    for i, image in enumerate(IMAGES):
        path = folder / "fashion-mnist" / "test" / f"class {i // 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


@pytest.mark.parametrize("write", [write_npz, write_keras, write_torchvision, write_gzip, write_pictures])
def test_data_sets_in_every_layout(tmp_path: Path, write: Callable[[Path], None]) -> None:
    with pytest.raises(InputError, match="no test images of fashion-mnist"):
        image_files.read_images(tmp_path, "fashion-mnist", "test")
    write(tmp_path)
    assert (image_files.read_images(tmp_path, "fashion-mnist", "test") == IMAGES).all()


@pytest.mark.parametrize("content", [b"", IDX[:-1], b"\x00\x00\x08\x01" + IDX[4:], gzip.compress(IDX)])
def test_broken_idx_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match="IDX"):
        image_files.read_idx(path)
    packed = tmp_path / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(content[:100] if content[:2] == b"\x1f\x8b" else content)
    with pytest.raises(InputError, match="IDX"):
        image_files.read_idx(packed)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", test_images=np.zeros((3, 32, 32), np.uint8), train_labels=np.zeros(3))
    with pytest.raises(InputError, match="32"):
        image_files.read_images(tmp_path, "mnist", "test")
    with pytest.raises(InputError, match="neither"):
        image_files.read_images(tmp_path, "mnist", "train")


@pytest.mark.slow
def test_the_whole_experiment(tmp_path: Path) -> None:
    levels = (rendered(80).squeeze(1).numpy() * 255).astype(np.uint8)
    np.savez(tmp_path / "fashion-mnist.npz", train_images=levels[:64], test_images=levels[64:])
    np.savez(tmp_path / "mnist.npz", test_images=255 - levels[64:])
    out = tmp_path / "out"
    command = ["--data", str(tmp_path), "-o", str(out), "--quick"]
    first = CliRunner().invoke(main, command)
    assert first.exit_code == 0, first.output
    results = json.loads((out / "results.json").read_text())
    assert set(results["detectors"]["V2"]) == set(results["detectors"]["V1"])
    assert len(results["detectors"]["V1"]) == 9
    assert [path.name[7:9] for path in sorted(out.glob("figure-*.png"))] == ["1a", "1b", "2a", "2b"]
    stored = {path: path.stat().st_mtime_ns for path in (out / "finished").rglob("output.pkl")}
    (removed,) = (path for path in stored if "V2 ELBO" in path.with_name("metadata.json").read_text())
    removed.unlink()
    second = CliRunner().invoke(main, command)
    assert second.exit_code == 0, second.output
    assert json.loads((out / "results.json").read_text()) == results
    assert {path for path in stored if path.stat().st_mtime_ns != stored[path]} == {removed}
