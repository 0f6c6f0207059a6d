"""Latents to and from the stack; their scales, shifted by channel where a picture has others than are expected."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from svcodec.bitstream.stack import Stack
from svcodec.bitstream.tables import SCALES, ResidualTables
from svcodec.codec.latents import (
    SHIFTS,
    Drawn,
    best_shifts,
    draw_bits_back,
    draw_direct,
    draw_popped,
    give_back,
    push_drawn,
    shifted,
)
from svcodec.models import density
from svcodec.models.details import GROUPS, Prior, on_grid

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


def priors(size: tuple[int, int]) -> list[Prior]:
    """One for each group, gains adjusted from place to place."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for group in GROUPS:
        n = group.take(torch.zeros(1, 9, *size)).shape[2]
        mean, log_scale, eighths = (torch.rand(1, c, n, generator=generator) for c in (*[len(group.channels)] * 2, 1))
        found.append(Prior(on_grid(mean * 40 - 20), log_scale * 8 - 2, torch.exp2((eighths * 48 - 24).round() / 8)))
    return found


@pytest.mark.parametrize("back", [False, True])
def test_latents_come_back_from_the_stack(back: bool) -> None:
    """As they were drawn: within half a step, as fine as it is there, of what was inferred."""
    size = (7, 10)
    inferred = 30 * torch.randn(1, 9, *size, generator=torch.Generator().manual_seed(1))
    stack = Stack(TABLES)
    stack.seal(7)
    lent = np.random.default_rng(0).integers(0, 1 << 16, 1000)
    stack.push_uniform(lent, 16)
    record: list[Drawn] = []
    draw = draw_bits_back(inferred, record, stack) if back else draw_direct(inferred, record)
    drawn = [draw(group, prior) for group, prior in zip(GROUPS, priors(size), strict=True)]
    for group, prior, z in zip(GROUPS, priors(size), drawn, strict=True):
        assert ((z - group.take(inferred) * prior.factor).abs() <= 0.5 + 1e-4).all()
        assert torch.equal((z - prior.mean) * 16, ((z - prior.mean) * 16).round())
    push_drawn(stack, record)
    returned: list[np.ndarray] | None = [] if back else None
    popping = draw_popped(stack, returned)
    for group, prior, z in zip(GROUPS, priors(size), drawn, strict=True):
        assert torch.equal(popping(group, prior), z)
    give_back(stack, returned or [])
    assert np.array_equal(stack.pop_uniform(len(lent), 16), lent)
    assert stack.unseal() == 7
