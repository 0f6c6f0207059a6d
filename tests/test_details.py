"""The latents' density, and the groups in which they are coded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from svcodec.models import density
from svcodec.models.details import GROUPS, MIN_LOG_SCALE

SIDES = st.integers(1, 9)


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
