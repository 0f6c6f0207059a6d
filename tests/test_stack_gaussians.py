"""Gaussians on the stack: what is drawn is given back, and what was borrowed is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import svcodec
from svcodec.bitstream.stack import Stack
from svcodec.bitstream.tables import LIMIT, ResidualTables
from svcodec.models import density

TABLES = ResidualTables.generate(density.cdf)


def sealed(borrowed: int = 2000) -> Stack:
    stack = Stack(TABLES)
    stack.seal(7, borrowed)
    return stack


gaussians = st.lists(
    st.tuples(st.floats(-2e6, 2e6), st.floats(-7, 20).map(lambda log: 2.0**log)), min_size=1, max_size=40
).map(lambda pairs: tuple(np.array(values) for values in zip(*pairs, strict=True)))


@given(gaussians)
def test_what_is_drawn_is_given_back(parameters: tuple[np.ndarray, np.ndarray]) -> None:
    means, deviations = parameters
    stack = sealed()
    before = stack.to_bytes()
    values = stack.draw_gaussians(means, deviations)
    assert (np.abs(values + 0.5) < LIMIT).all()
    assert stack.to_bytes() != before
    stack.give_back_gaussians(values, means, deviations)
    assert stack.to_bytes() == before


def test_what_was_never_drawn_is_not_given_back() -> None:
    stack = sealed()
    for value in (-17, 17, LIMIT - 1):
        with pytest.raises(svcodec.CorruptError):
            stack.give_back_gaussians([value], [0.0], [1.0])


@given(gaussians, st.integers(0, 2**32))
def test_what_is_pushed_is_popped(parameters: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    means, deviations = parameters
    rng = np.random.default_rng(seed)
    near = np.clip(np.rint(rng.normal(means, deviations)), -LIMIT, LIMIT - 1)
    values = np.where(rng.random(len(means)) < 0.5, near, rng.integers(-LIMIT, LIMIT, len(means)))
    stack = sealed(0)
    stack.push_gaussians(values, means, deviations)
    assert np.array_equal(stack.pop_gaussians(means, deviations), values)
    assert stack.unseal() == 7


@pytest.mark.parametrize("mean", [0.25, -19_000.5, 300_000.0])
@pytest.mark.parametrize("deviation", [0.3, 150.0, 8000.0])
def test_bits_are_those_of_the_density(mean: float, deviation: float) -> None:
    """However large latents become in a trained model."""
    count = 4000
    means, deviations = np.full(count, mean), np.full(count, deviation)
    stack = sealed(4000)
    before = stack.bits
    values = stack.draw_gaussians(means, deviations)
    drawn = before - stack.bits
    stack.push_gaussians(values, means, deviations)
    assert stack.bits - before == pytest.approx(0, abs=0.02 * count)
    if deviation > 1:
        assert drawn / count == pytest.approx(np.log2(deviation * np.sqrt(2 * np.pi * np.e)), abs=0.1)


def test_draws_have_their_distribution() -> None:
    means = np.repeat([-300.0, 0.25, 5000.0], 4000)
    deviations = np.repeat([0.5, 40.0, 900.0], 4000)
    values = sealed(10_000).draw_gaussians(means, deviations)
    standard = (values - means) / np.hypot(deviations, 12**-0.5)  # rounding adds a uniform error
    for part in np.split(standard, 3):
        assert abs(part.mean()) < 0.08
        assert part.std() == pytest.approx(1, abs=0.05)
    assert np.abs(standard).max() < 17


def test_what_was_borrowed_is_checked() -> None:
    stack = sealed(50)
    values = stack.draw_gaussians(np.zeros(20), np.full(20, 30.0))
    assert stack.least < 33 + 32 * 50
    stack.give_back_gaussians(values, np.zeros(20), np.full(20, 30.0))
    data = stack.to_bytes()
    assert Stack.from_bytes(data, TABLES).unseal(lent=True) == 7
    for wrong in (data[:12] + b"\1" + data[13:], data[:-4]):
        with pytest.raises(svcodec.CorruptError, match="does not end where it should"):
            Stack.from_bytes(wrong, TABLES).unseal(lent=True)
    with pytest.raises(svcodec.CorruptError, match="does not end where it should"):
        Stack.from_bytes(data, TABLES).unseal()
    assert sealed(0).unseal(lent=True) == 7


def test_more_than_was_borrowed_is_an_error() -> None:
    with pytest.raises(svcodec.TruncatedError):
        sealed(4).draw_gaussians(np.zeros(40), np.full(40, 500.0))
