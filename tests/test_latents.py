"""Latents' scales, shifted by channel where the networks expect others than a picture has."""

from __future__ import annotations

import numpy as np
import pytest

from svcodec.bitstream.stack import Stack
from svcodec.bitstream.tables import SCALES, ResidualTables
from svcodec.codec.latents import SHIFTS, Drawn, best_shifts, shifted
from svcodec.models import density

TABLES = ResidualTables.generate(density.cdf)


@pytest.mark.parametrize("value", [0, 1, -3, 40, -255])
@pytest.mark.parametrize("scale", [0, 17, 40, 60, 80, 112])
def test_costs_are_those_of_the_stack(value: int, scale: int) -> None:
    expected = TABLES.residual_bits([value], [scale])
    assert TABLES.costs[scale, value + 255] == pytest.approx(expected, abs=1e-3)


def drawn(scales: np.ndarray, shifts: list[int], seed: int = 0) -> np.ndarray:
    """Residuals whose scale indices are those of `scales`, shifted by channel."""
    noise = density.sample(np.random.default_rng(seed), scales.shape)
    return np.rint(noise * 2.0 ** ((scales + np.array(shifts)[:, None]) / 8 - 5)).astype(np.int32)


def test_shifts_are_found() -> None:
    scales = np.random.default_rng(1).integers(30, 80, (4, 20000)).astype(np.int32)
    found = best_shifts(drawn(scales, [0, -6, 5, 10]), scales, TABLES.costs)
    assert np.abs(found - [0, -6, 5, 10]).max() <= 1


def test_a_few_latents_are_left_alone() -> None:
    scales = np.full((3, 2), 40, np.int32)
    assert not best_shifts(np.array([[0, 1], [-1, 0], [2, -1]], np.int32), scales, TABLES.costs).any()
    assert not best_shifts(np.zeros((3, 0), np.int32), np.zeros((3, 0), np.int32), TABLES.costs).any()


def test_shifted_scales_stay_in_the_tables() -> None:
    scales = np.array([[0, 50, SCALES - 1]] * 2, np.int32)
    reach = max(SHIFTS)
    ends = shifted(scales, np.array([-reach, reach], np.int32))
    assert ends.tolist() == [0, 50 - reach, SCALES - 1 - reach, reach, 50 + reach, SCALES - 1]


def test_shifts_pay() -> None:
    scales = np.full((2, 5000), 48, np.int32)
    values = drawn(scales, [4, -4])
    stack = Stack(TABLES)
    stack.seal(0)
    Drawn(values, scales, None).push(stack)
    assert stack.bits < 0.98 * TABLES.residual_bits(values.ravel(), scales.ravel())
