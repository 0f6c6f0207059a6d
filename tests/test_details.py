"""The latents' density, the groups in which they are coded, and what priors say of these."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import svcodec
from svcodec.models import density
from svcodec.models.arithmetic import exact_arithmetic
from svcodec.models.blocks import KNOTS, QualityTable, Rate
from svcodec.models.details import GROUPS, MAX_ADJUST, MIN_LOG_SCALE, DetailLevel, Gains, Group, GroupPrior, Prior
from svcodec.models.photo import draw_rounded
from svcodec.tunes import Tune

SIDES = st.integers(1, 9)
CPU = torch.device("cpu")


@pytest.mark.parametrize("log_scale", [MIN_LOG_SCALE, -1.0, 0.0, 3.0, 6.0])
def test_bits_add_up_to_a_distribution(log_scale: float) -> None:
    values = torch.arange(-800.0, 801.0)
    bits = density.bits((values - 0.3).abs(), torch.tensor(log_scale))
    assert float(torch.exp2(-bits).sum()) == pytest.approx(1.0, abs=1e-4)
    assert bits.isfinite().all()


def test_bits_are_those_of_the_cdf() -> None:
    for distance in (0.0, 0.4, 3.0):
        mass = density.cdf((distance + 0.5) / 2) - density.cdf((distance - 0.5) / 2)
        assert float(density.bits(torch.tensor(distance), torch.tensor(1.0))) == pytest.approx(-math.log2(mass), 1e-4)


def test_samples_follow_the_cdf() -> None:
    samples = density.sample(np.random.default_rng(0), (100_000,))
    for v in (-2.0, -0.5, 0.0, 1.0, 3.0):
        assert (samples < v).mean() == pytest.approx(density.cdf(v), abs=0.005)


@given(SIDES, SIDES)
def test_groups_cover_every_latent_once(height: int, width: int) -> None:
    z = torch.arange(1.0, 1.0 + 2 * 9 * height * width).view(2, 9, height, width)
    rebuilt = torch.zeros_like(z)
    for group in GROUPS:
        part = group.put(group.take(z), z.shape[2:])
        assert not (rebuilt[:, group.channels] * part).any()
        rebuilt[:, group.channels] += part
    assert torch.equal(rebuilt, z)


def test_the_white_squares_are_those_between_the_black() -> None:
    z = torch.arange(9.0 * 6).view(1, 9, 2, 3)
    assert GROUPS[0].take(z)[0, 0].tolist() == [0, 2, 4]
    assert GROUPS[1].take(z)[0, 0].tolist() == [1, 3, 5]


def spread(module: torch.nn.Module, std: float = 0.3) -> None:
    """Give parameters that start at zero, and all others, some values."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=std)


@pytest.mark.parametrize("tune", Tune)
def test_quality_tables_are_interpolated_between_knots(tune: int) -> None:
    table = QualityTable(3)
    spread(table)
    qualities = torch.linspace(1.0, 100.0, KNOTS)
    at_knots = table(Rate(qualities, torch.full((KNOTS,), tune)))[..., 0, 0]
    assert torch.allclose(at_knots, table.knots[tune], atol=1e-5)
    between = table(Rate.of(float(qualities[4:6].mean()), tune, 1, CPU))[0, :, 0, 0]
    assert torch.allclose(between, table.knots[tune, 4:6].mean(0), atol=1e-5)


def test_pictures_of_a_batch_have_their_own_rates() -> None:
    table = QualityTable(3)
    spread(table)
    rates = [(5.0, 1), (5.0, 0), (77.5, 1)]
    batch = table(Rate(*(torch.tensor(values) for values in zip(*rates, strict=True))))
    for row, (quality, tune) in zip(batch, rates, strict=True):
        assert torch.equal(row[None], table(Rate.of(quality, tune, 1, CPU)))
    assert not torch.equal(batch[0], batch[1])


def test_exported_gains_stand_in_a_table() -> None:
    gains = Gains(9, 2)
    spread(gains)
    every = torch.arange(1.0, 101.0)
    table = torch.stack([torch.stack(gains(Rate(every, torch.full((100,), t))))[..., 0, 0] for t in (0, 1)], 1)
    found = Gains(9, 2)
    found.load_table(table)
    for quality, tune in ((1, 0), (42, 1), (100, 1)):
        for value, right in zip(*(g(Rate.of(quality, tune, 2, CPU)) for g in (found, gains)), strict=True):
            assert value.shape == (2, 9, 1, 1)
            assert torch.allclose(value, right, rtol=1e-6)
    found.table = None  # as where training starts from a model file
    assert torch.allclose(found(Rate(every, torch.ones(100).long()))[0][..., 0, 0], table[0, 1], atol=0.2)


def prior_of(adjust: float, training: bool = False) -> tuple[Prior, torch.Tensor, torch.Tensor]:
    """What a prior says where its network wants a gain adjusted by 2^adjust; mean and log2 scale there, in units."""
    prior = GroupPrior(8, 2).train(training)
    spread(prior)
    with torch.no_grad():
        prior.out.weight[-1] = 0.0
        prior.out.bias[-1] = adjust / 2
    features = torch.randn(1, 8, 5, 6)
    gain = torch.tensor([3.0, 0.5]).view(1, 2, 1, 1)
    out = prior.out(prior.hidden(features))
    return (
        prior(features, gain.log2(), gain, torch.tensor(True)),
        out[:, :2] * gain,
        out[:, 2:4] * 4 - 3 + gain.log2(),
    )


@pytest.mark.parametrize(
    ("adjust", "steps"),
    [(0.0, 0), (1.0, 8), (-1.0, -8), (0.3, 2), (0.33, 3), (-0.05, 0), (3.0, 24), (50.0, 24), (-50.0, -24)],
)
def test_gains_are_adjusted_in_eighths_of_a_power_of_two(adjust: float, steps: int) -> None:
    """What is adjusted is finer, and so mean and scale are more of its steps."""
    found, mean, log_scale = prior_of(adjust)
    factor = 2 ** (steps / 8)
    assert found.factor.shape == (1, 1, 5, 6)
    assert torch.equal(found.factor, torch.full_like(found.factor, round(factor * 2**12) / 2**12))
    assert (found.mean * 16 == (found.mean * 16).round()).all()
    assert torch.allclose(found.mean, mean * factor, atol=1 / 32 + 1e-3)
    assert torch.allclose(found.log_scale, (log_scale + steps / 8).clamp(MIN_LOG_SCALE, 9.0), atol=1e-4)


def test_a_new_prior_adjusts_nothing() -> None:
    found = GroupPrior(8, 2).eval()(
        torch.randn(1, 8, 3, 3), torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1), torch.tensor(True)
    )
    assert torch.equal(found.factor, torch.ones(1, 1, 3, 3))
    assert not found.mean.any()


def test_nothing_is_expected_where_nothing_varies() -> None:
    prior = GroupPrior(8, 2).eval()
    spread(prior, 3.0)
    one, varied = torch.ones(1, 2, 1, 1), torch.tensor([False, True]).view(1, 2, 1, 1)
    found = prior(torch.randn(1, 8, 9, 9), one.log2(), one, varied)
    assert not found.mean[:, 0].any()
    assert found.mean[:, 1].any()


@pytest.mark.parametrize("adjust", [0.3, -1.9, MAX_ADJUST + 1.0])
def test_adjustments_learn_straight_through_their_steps(adjust: float) -> None:
    prior = GroupPrior(8, 2)
    with torch.no_grad():
        prior.out.bias[-1] = adjust / 2
    one = torch.ones(1, 2, 1, 1)
    found = prior(torch.randn(1, 8, 3, 3), one.log2(), one, one)
    assert torch.equal(found.factor, prior.eval()(torch.randn(1, 8, 3, 3), one.log2(), one, one).factor)
    found.factor.sum().backward()
    slope = 0.0 if adjust > MAX_ADJUST else 9 * 2 * math.log(2) * 2**adjust
    assert float(prior.out.bias.grad[-1]) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("size", [(6, 8), (5, 3), (1, 1)])
def test_details_do_not_depend_on_how_finely_they_are_drawn(size: tuple[int, int]) -> None:
    """Where nothing is rounded the factor divides out; where all is, it says how far off details may be."""
    level = DetailLevel(1, 8, 0, 1).eval()
    spread(level, 0.2)
    rate = Rate.of(60.0, 1, 1, CPU)
    coarse = torch.randn(1, 3, *size)
    inferred = torch.randn(1, 9, *size) * level.gains(rate)[1]
    factors: list[torch.Tensor] = []

    def exactly(group: Group, prior: Prior) -> torch.Tensor:
        factors.append(prior.factor)
        return group.take(inferred) * prior.factor

    wanted = inferred / level.gains(rate)[1]
    with torch.no_grad():
        details, _ = level.draw(coarse, None, rate, exactly)
        assert torch.allclose(details, wanted, atol=1e-5)
        rounded, _ = level.draw(coarse, None, rate, draw_rounded(inferred))
    assert len({float(value) for factor in factors for value in factor.flatten()}) > 1 or size == (1, 1)
    off = (rounded - wanted).abs() * level.gains(rate)[1]
    assert (off <= 0.5 * 2**MAX_ADJUST + 1e-3).all()
    assert off.max() > 0


def test_what_is_flat_stays_flat() -> None:
    """Whatever networks make of it: they may not correct what is the same all around."""
    level = DetailLevel(1, 8, 0, 1).eval()
    spread(level, 0.5)
    rate = Rate.of(60.0, 1, 1, CPU)
    colour = torch.tensor([0.7, -0.3, 0.1]).view(1, 3, 1, 1)
    flat, coarse = colour.expand(1, 3, 12, 16), colour.expand(1, 3, 6, 8)
    with torch.no_grad():
        inferred = level.posterior(flat, coarse, rate)
        details, features = level.draw(coarse, None, rate, draw_rounded(inferred))
        assert not inferred.any() and not details.any()
        assert torch.equal(level.synthesise(coarse, details, features, (12, 16)), flat)
        coarse = coarse.clone()
        coarse[0, 0, 2, 3] += 0.1  # decoded wrong: the posterior may put it right around there, and only there
        inferred = level.posterior(flat, coarse, rate)
        assert inferred[..., 1:4, 2:5].any() and not inferred[..., 4:, :].any() and not inferred[..., 5:].any()


def test_ladders_take_each_picture_by_its_rate() -> None:
    """A batch of one picture at several rates is coded as the picture alone is at each of them."""
    ladder = svcodec.Codec().model.network.ladder
    image = torch.randint(0, 256, (1, 3, 40, 56), generator=torch.Generator().manual_seed(1)).float()
    rates = [(20.0, 0), (20.0, 1), (90.0, 1)]
    batch = Rate(*(torch.tensor(values) for values in zip(*rates, strict=True)))
    with exact_arithmetic():
        pictures, bits = ladder(image.expand(3, -1, -1, -1), batch)
        for i, (quality, tune) in enumerate(rates):
            picture, of_picture = ladder(image, Rate.of(quality, tune, 1, CPU))
            assert torch.equal(pictures[i : i + 1], picture)
            assert torch.allclose(bits[:, i], of_picture[:, 0], rtol=1e-4)
    assert not torch.equal(pictures[0], pictures[1])
