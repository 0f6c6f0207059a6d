"""The models of the first paper: their densities are densities, their terms are those of the paper."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import svcodec
from svcodec.family import stored
from svcodec.family.configuration import KINDS, SIZES, Configuration, kind
from svcodec.family.dense import Convolution, DenseBlock, initialising
from svcodec.family.gaussians import Gaussian, seeded
from svcodec.family.hierarchy import Hierarchy, build, count_weights, sized
from svcodec.family.objective import bits_per_dimension, elbo_terms, initialise, log_likelihood
from svcodec.family.pixels import PixelDistribution, outputs_for
from svcodec.family.priors import Mixture, Normal, RealNVP
from svcodec.family.representations import Shape

LITTLE = Configuration(
    8, latent_side=4, latent_channels=2, width=8, layers=2, blocks=1, couplings=4, gaussians=3, logistics=2
)
LEAST = Configuration(2, latent_side=1, latent_channels=2, width=8, layers=1, blocks=1, couplings=4, logistics=2)


def little(transforms: tuple[str, ...] = (), of: Configuration = LITTLE, prior: str = "realnvp") -> Hierarchy:
    """A small model with weights that a batch has initialised, and a prior that is not the identity."""
    torch.manual_seed(0)
    model = build(replace(of, transforms=transforms, prior=prior))
    initialise(model, pictures(16, of.side))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "prior.couplings" in name and name.endswith("output.gain"):
                parameter.fill_(0.5)
    return model


def pictures(count: int, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 2, 2, generator=generator)
    return (255 * torch.nn.functional.interpolate(coarse, size=side, mode="bilinear")).round()


@pytest.mark.parametrize(
    ("transforms", "p", "q"),
    [
        ((), {"p(x | u)", "p(u)"}, {"q(u | x)"}),
        (
            ("sketch",),
            {"p(x | y_1, z_1)", "p(z_1 | y_1, u)", "p(y_1 | u)", "p(u)"},
            {"q(u | y_1)", "q(z_1 | x)"},
        ),
        (
            ("downscale", "greyscale"),
            {"p(x | y_1, z_1)", "p(z_1 | y_1, z_2)", "p(y_1 | y_2, z_2)", "p(z_2 | y_2, u)", "p(y_2 | u)", "p(u)"},
            {"q(u | y_2)", "q(z_1 | x)", "q(z_2 | y_1)"},
        ),
    ],
)
def test_terms_are_those_of_the_paper(transforms: tuple[str, ...], p: set[str], q: set[str]) -> None:
    """Sections 2.1, 3.2 and 3.4: each term once, and their sum is the ELBO."""
    model, x = little(transforms), pictures(3)
    with torch.no_grad():
        terms = model.elbo(x, seeded(0))
    assert (set(terms.p), set(terms.q)) == (p, q)
    assert all(value.shape == (3,) for value in (*terms.p.values(), *terms.q.values()))
    assert torch.allclose(terms.elbo, sum(terms.p.values()) - sum(terms.q.values()))
    reported = elbo_terms(terms, x)
    assert sum(reported.values()) == pytest.approx(float(bits_per_dimension(terms.elbo, x).mean()), rel=1e-5)


@pytest.mark.parametrize("transforms", [(), ("greyscale",)])
def test_likelihood_is_that_of_the_model(transforms: tuple[str, ...]) -> None:
    """By importance sampling from the posterior as by sampling from the prior: 12 sub-pixels, latents of 2."""
    model, x = little(transforms, LEAST), pictures(1, 2)
    noise, count = seeded(3), 20_000
    with torch.no_grad():
        y = model.represent(x)
        depth = model.depth
        z = {depth: model.prior.draw(count, noise)}
        given = {k: picture.expand(count, -1, -1, -1) for k, picture in enumerate(y)}
        log_p = model.pixels(depth, given, z).log_mass(given[depth])
        for k in range(depth - 1, -1, -1):
            z[k] = model.conditional(k, given, z).draw(noise)
            log_p = log_p + model.pixels(k, given, z).log_mass(given[k])
    by_prior = torch.logsumexp(log_p, 0) - math.log(count)
    assert float(log_likelihood(model, x, seeded(0), 5000)) == pytest.approx(float(by_prior), abs=0.15)


def test_importance_weights_tighten_the_bound() -> None:
    """One sample is the ELBO, many are more."""
    model, x = little(("downscale",), prior="normal"), pictures(2)
    with torch.no_grad():
        once = torch.stack([model.elbo(x[:1], noise).elbo[0] for noise in map(seeded, range(40))])
    single = torch.stack([log_likelihood(model, x[:1], noise, 1)[0] for noise in map(seeded, range(40))])
    assert torch.allclose(single, once, rtol=1e-5)
    assert float(log_likelihood(model, x, seeded(1), 300)[0]) > float(once.mean()) + float(once.std()) / 2


@pytest.mark.parametrize("step", [1, 17, 51, 255])
def test_masses_of_a_sub_pixel_add_up_to_one(step: int) -> None:
    torch.manual_seed(step)
    values = torch.arange(0, 256, step).float()
    outputs = 3 * torch.randn(1, outputs_for(1, 3), 1, 1)
    base = torch.tensor([[[[70.0]]]])
    each = PixelDistribution.of(outputs.expand(len(values), -1, -1, -1), base.expand(len(values), -1, -1, -1), step)
    assert float(each.log_mass(values.view(-1, 1, 1, 1)).exp().sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("step", [1, 51, 255])
def test_draws_follow_the_masses(step: int) -> None:
    """Of the second channel, whose mean follows the first's."""
    torch.manual_seed(3)
    count = 20_000
    outputs = torch.randn(1, outputs_for(3, 2), 1, 1).expand(count, -1, -1, -1)
    pixels = PixelDistribution.of(outputs, torch.full((count, 3, 1, 1), 100.0), step)
    drawn = pixels.draw(seeded(0))
    assert torch.equal(drawn % step, torch.zeros_like(drawn))
    assert ((drawn >= 0) & (drawn <= 255)).all()
    for threshold in (51, 102, 204):
        first = torch.arange(0, threshold + 1, step).float().expand(1, -1)  # the marginal of the first channel
        mixture = pixels.mixture(0, drawn)
        half = (step - 1) / 2
        below = mixture.log2_mass(torch.zeros(count, 1, 1), torch.full((count, 1, 1), float(first.max()) + half))
        expected = float(below[0].exp2())
        assert float((drawn[:, 0] <= threshold).float().mean()) == pytest.approx(expected, abs=0.02)
    # the log mass of draws is the entropy, which any other distribution would miss
    shifted = (drawn + step).where(drawn + step <= 255, drawn)
    assert pixels.log_mass(drawn).mean() > pixels.log_mass(shifted).mean()


def test_mean_is_the_mean_of_draws() -> None:
    torch.manual_seed(5)
    count = 4000
    outputs = (0.3 * torch.randn(1, outputs_for(1, 3), 1, 1)).expand(count, -1, -1, -1)
    pixels = PixelDistribution.of(outputs, torch.full((count, 1, 1, 1), 120.0), 1)
    assert float(pixels.mean()[0]) == pytest.approx(float(pixels.draw(seeded(1)).mean()), abs=2)


@pytest.mark.parametrize("index", range(4))
def test_every_variable_is_transformed_and_kept_by_turns(index: int) -> None:
    """RealNVP: of couplings 0 .. 3 each transforms one half, and the next one the other."""
    prior = RealNVP(Shape(4, 4), 8, 1, 4)
    masks = [coupling.mask for coupling in prior.couplings]
    assert masks[index].shape == (1, 4, 4, 4)
    assert float(masks[index].mean()) == 0.5
    assert torch.equal(masks[index] + masks[index ^ 1], torch.ones(1, 4, 4, 4))


def test_realnvp_is_a_density() -> None:
    """f and its inverse undo one another, and the determinant is that of the Jacobian."""
    prior = little(of=LEAST).prior
    assert isinstance(prior, RealNVP)
    prior.requires_grad_(False)
    u = prior.draw(5, seeded(0))
    v, total = u, torch.zeros(5)
    for coupling in reversed(prior.couplings):
        v, log_determinant = coupling.inverse(v)
        total = total + log_determinant
    assert torch.allclose(v, seeded(0)(v), atol=1e-4)

    def inverse(flat: Tensor) -> Tensor:
        v = flat.view(1, 2, 1, 1)
        for coupling in reversed(prior.couplings):
            v = coupling.inverse(v)[0]
        return v.flatten()

    for i in range(5):
        jacobian = torch.autograd.functional.jacobian(inverse, u[i].flatten())
        assert float(torch.linalg.slogdet(jacobian)[1]) == pytest.approx(float(total[i]), abs=1e-4)
    assert total.abs().max() > 1e-3


@pytest.mark.parametrize("name", ["realnvp", "normal", "mixture"])
def test_priors_add_up_to_one(name: str) -> None:
    """Two latents, summed over a grid; and draws have that density: their mean of p is that of the grid."""
    prior = little(of=LEAST, prior=name).prior
    axis = torch.linspace(-12, 12, 400)
    grid = torch.cartesian_prod(axis, axis).view(-1, 2, 1, 1)
    with torch.no_grad():
        density = prior.log_density(grid).exp()
        cell = float(axis[1] - axis[0]) ** 2
        assert float(density.sum()) * cell == pytest.approx(1, abs=0.01)
        drawn = prior.log_density(prior.draw(20_000, seeded(0))).exp().mean()
    assert float(drawn) == pytest.approx(float(density.square().sum()) * cell, rel=0.05)


def test_mixture_prior_has_its_components() -> None:
    prior = Mixture(Shape(2, 1), 2)
    with torch.no_grad():
        prior.weights.copy_(torch.tensor([0.0, math.log(3.0)]))
        prior.means[0], prior.means[1] = -50.0, 50.0
    assert float((prior.draw(4000, seeded(0))[:, 0] > 0).float().mean()) == pytest.approx(0.75, abs=0.03)
    assert isinstance(little(prior="normal").prior, Normal)


def test_gaussian() -> None:
    gaussian = Gaussian(torch.full((1, 1, 1, 2), 3.0), torch.tensor([0.5, -1.0]).view(1, 1, 1, 2))
    z = torch.tensor([2.0, 3.5]).view(1, 1, 1, 2)
    expected = torch.distributions.Normal(gaussian.mean, gaussian.log_scale.exp()).log_prob(z).sum()
    assert float(gaussian.log_density(z)) == pytest.approx(float(expected), rel=1e-5)


def test_the_first_batch_sets_scales_and_biases() -> None:
    """Outputs have mean 0 and variance 1 on it (Salimans & Kingma 2016), whatever the weights are."""
    torch.manual_seed(0)
    layer, x = Convolution(3, 6), 5 + 10 * torch.randn(16, 3, 8, 8)
    with initialising(layer):
        layer(x)
    outputs = layer(x)
    assert torch.allclose(outputs.mean((0, 2, 3)), torch.zeros(6), atol=1e-4)
    assert torch.allclose(outputs.std((0, 2, 3), correction=0), torch.ones(6), atol=1e-4)
    with torch.no_grad():
        layer.weight *= 7  # v's length does not matter
    assert torch.allclose(layer(x), outputs, atol=1e-4)
    assert torch.isfinite(DenseBlock(8, 2)(torch.zeros(1, 8, 1, 1))).all()


def test_every_weight_learns() -> None:
    model = little(("sketch+downscale",))
    model(pictures(2)).mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("configuration", [*KINDS.values(), replace(LITTLE, transforms=("downscale+sketch",))])
def test_every_decoder_sees_y(configuration: Configuration) -> None:
    """Also one that is smaller than its latents."""
    torch.manual_seed(0)
    model = build(replace(configuration, width=8, layers=1, blocks=1)).requires_grad_(False)
    y = model.represent(pictures(1, configuration.side))
    z = [posterior.mean for posterior in model.posteriors(y)]
    for k in range(model.depth):
        seen, other = (model.pixels(k, [*y[: k + 1], above, *y[k + 2 :]], z) for above in (y[k + 1], 255 - y[k + 1]))
        assert not torch.equal(seen.logits, other.logits)


@pytest.mark.parametrize("name", ["vae", "selfvae-3"])
def test_models_are_as_large_as_asked_for(name: str) -> None:
    """At the paper's size 32 to 42 million weights, and latents of 8x8x16."""
    found = sized(kind(name, 64), SIZES["paper"])
    assert 32e6 < count_weights(found) <= SIZES["paper"] < 42e6
    assert found.latent(1) == Shape(16, 8)
    assert 0.9 * SIZES["small"] < count_weights(sized(kind(name, 64), SIZES["small"])) <= SIZES["small"]
    assert count_weights(replace(LITTLE, width=10)) == sum(
        value.numel() for value in build(replace(LITTLE, width=10)).parameters()
    )


def test_configurations_that_can_not_be() -> None:
    for change, text in (
        ({"side": 48}, "powers of 2"),
        ({"side": 512}, "powers of 2, at most 256"),
        ({"prior": "vamp"}, "no prior 'vamp'"),
        ({"width": 9}, "even"),
        ({"gaussians": 1}, "at least two"),
        ({"layers": 0}, "layers must be a whole number"),
        ({"layers": 2.5}, "layers must be a whole number"),
        ({"transforms": ("downscale",) * 3}, "leave nothing"),
        ({"transforms": ("sketch",) * 2}, "can't be applied"),
        ({"transforms": ("blur",) * 7}, "at most 6 transforms, not 7"),
    ):
        with pytest.raises(svcodec.InputError, match=text):
            replace(LITTLE, **change)
    with pytest.raises(svcodec.InputError, match="no model 'gan'"):
        kind("gan", 32)


def test_model_files(tmp_path: Path) -> None:
    model, x = little(("downscale",)), pictures(2)
    stored.save(model, tmp_path / "own.safetensors")
    content = (tmp_path / "own.safetensors").read_bytes()
    assert stored.is_family(content)
    state = torch.get_rng_state()
    again = stored.from_bytes(content, "own")
    assert torch.equal(torch.get_rng_state(), state)
    assert again.configuration == model.configuration
    assert torch.equal(again.elbo(x, seeded(0)).elbo, model.elbo(x, seeded(0)).elbo)


def test_files_that_are_no_models_of_the_family() -> None:
    from svcodec.codec.model_files import DEFAULT_MODEL, weights_file
    from svcodec.models import storage

    photo = weights_file(DEFAULT_MODEL).read_bytes()
    assert not stored.is_family(photo)
    configuration = LITTLE.to_json()
    weights = {"levels.0.encoder.output.bias": torch.zeros(4)}
    for content, text in (
        (photo, "none of the family"),
        (b"nothing", "no safetensors file"),
        (storage.to_bytes(weights, {"format": stored.FORMAT}), "no configuration"),
        (storage.to_bytes(weights, {"format": stored.FORMAT, "configuration": "[1]"}), "no configuration"),
        (storage.to_bytes(weights, {"format": stored.FORMAT, "configuration": '{"side": 7}'}), "no configuration"),
        (storage.to_bytes(weights, {"format": stored.FORMAT, "configuration": configuration}), "not as many weights"),
    ):
        with pytest.raises(svcodec.ModelError, match=text):
            stored.from_bytes(content, "own")
    assert not stored.is_family(b"nothing")


def test_the_pages_code() -> None:
    page = (Path(__file__).parents[1] / "docs" / "selfvae.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "selfvae.md", "exec"), {})
