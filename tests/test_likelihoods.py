"""Mixtures of discretized logistics: proper distributions, and integer frequencies that follow them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from svcodec.models.blocks import Residual
from svcodec.models.exact import FINE_INPUTS, ExactConv2d
from svcodec.models.frequencies import PART, WINDOW, MixtureTables, frequencies
from svcodec.models.likelihoods import (
    COMPONENTS,
    GIST_INPUTS,
    MAX_LOG_SCALE,
    MIN_LOG_SCALE,
    PHASES,
    GistLikelihood,
    LevelLikelihood,
    LogisticMixture,
    PhaseMixtures,
)
from svcodec.models.transforms import downscale, from_quarters, quarters

TABLES = MixtureTables.generate()


def mixtures(count: int, seed: int = 0) -> LogisticMixture:
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(3, COMPONENTS, count, generator=generator)
    scales = MIN_LOG_SCALE + uniform[2] * (MAX_LOG_SCALE - MIN_LOG_SCALE)
    return LogisticMixture(uniform[0] * 6 - 3, uniform[1] * 300 - 20, scales)


def as_map(mixture: LogisticMixture) -> LogisticMixture:
    """(components, n) as (1, components, 1, n)."""
    return LogisticMixture(*(v[None, :, None] for v in (mixture.logits, mixture.means, mixture.log_scales)))


def all_bits(mixture: LogisticMixture, count: int) -> torch.Tensor:
    """Bits of all 256 samples, (count, 256)."""
    samples = torch.arange(256.0).expand(count, 256)
    wide = LogisticMixture(
        *(v.T[:, :, None, None].expand(-1, -1, 1, 256) for v in (mixture.logits, mixture.means, mixture.log_scales))
    )
    return wide.bits(samples[:, None])[:, 0]


def test_masses_add_up_to_one() -> None:
    total = torch.exp2(-all_bits(mixtures(50), 50)).sum(1)
    assert torch.allclose(total, torch.ones(50), atol=1e-4)


def shares(mass: torch.Tensor) -> torch.Tensor:
    """Of each symbol, (n, symbols)."""
    whole = frequencies(mass)
    return whole / whole.sum(1, keepdim=True)


def coded_shares(mixture: LogisticMixture, count: int) -> torch.Tensor:
    """What the symbols of all 256 samples make of their probability, (count, 256)."""
    curves = TABLES.curves(mixture)
    rows = torch.arange(count)
    parts = curves.parts()
    coded = torch.empty(count, 256)
    for sample in range(256):
        samples = torch.full((count,), float(sample))
        place = (samples - curves.first).clamp(0, WINDOW - 1)
        chosen = torch.floor(place / PART)
        coded[:, sample] = shares(parts)[rows, chosen.long()]
        coded[:, sample] *= shares(curves.part(parts, chosen))[rows, (place - PART * chosen).long()]
        outer, first, last = curves.beyond(place)
        assert ((first <= sample) & (sample <= last)).all()
        beyond, upper = curves.at(outer), torch.floor(samples[outer] / 16)
        coded[outer, sample] *= shares(beyond.upper(first, last))[:, sample // 16]
        coded[outer, sample] *= shares(beyond.lower(upper, first, last))[:, sample % 16]
    return coded


def test_frequencies_follow_the_mixture() -> None:
    count = 200
    mixture = mixtures(count)
    ideal, coded = torch.exp2(-all_bits(mixture, count)), coded_shares(mixture, count)
    excess = (ideal * (ideal.clamp_min(1e-12) / coded).log2()).sum(1)
    assert excess.mean() < 0.003
    assert excess.max() < 0.05
    assert -torch.log2(coded.min()) < 60  # what the model thinks impossible stays affordable


def test_windows_are_renormalised() -> None:
    count = 100
    mixture = mixtures(count)
    first = mixture.means[0].round().clamp(1, 253) - 1
    mass = frequencies(TABLES.curves(mixture).window(first, first + 3))
    for offset in range(4):
        bits = as_map(mixture).bits((first + offset)[None, None], (first[None, None], first[None, None] + 3))[0, 0]
        coded = -torch.log2(mass[:, offset] / mass.sum(1))
        likely = (mass.sum(1) > 2**18) & (bits < 6)  # what is above the tables' resolution
        assert likely.sum() > 25
        assert torch.allclose(coded[likely], bits[likely], atol=0.2)
    short = frequencies(TABLES.curves(mixture).window(first, first + 1))
    assert (short[:, 2:] < short[:, :2].sum(1, keepdim=True)).all()


def test_tables_are_integers_below_two_to_the_24() -> None:
    curves = TABLES.curves(mixtures(500))
    zero, parts = torch.zeros(500), curves.parts()
    for mass in (parts, curves.part(parts, zero), curves.upper(zero, zero + 255), curves.lower(zero, zero, zero + 255)):
        whole = frequencies(mass)
        assert torch.equal(whole, whole.round())
        assert whole.sum(1).max() < 2**24
        assert whole.min() >= 1


def test_no_mixtures_give_no_frequencies() -> None:
    assert frequencies(TABLES.curves(mixtures(0)).parts()).shape == (0, 4)


@pytest.mark.parametrize("components", [1, 3])
def test_bits_equal_their_definition(components: int) -> None:
    mixture = mixtures(1)
    mixture = LogisticMixture(*(v[:components] for v in (mixture.logits, mixture.means, mixture.log_scales)))
    weights = torch.softmax(mixture.logits[:, 0].double(), 0)
    scale = torch.exp2(mixture.log_scales[:, 0].double())
    for level in (0, 1, 100, 254, 255):
        high = torch.tensor(math.inf if level == 255 else level + 0.5)
        low = torch.tensor(-math.inf if level == 0 else level - 0.5)
        mean = mixture.means[:, 0].double()
        mass = (weights * (torch.sigmoid((high - mean) / scale) - torch.sigmoid((low - mean) / scale))).sum()
        if mass > 1e-6:
            bits = as_map(mixture).bits(torch.full((1, 1, 1), float(level)))
            assert float(bits) == pytest.approx(float(-torch.log2(mass)), abs=1e-3)


def random_level(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, height, width))).float()


def test_the_last_quarter_lies_in_its_window() -> None:
    level = random_level(8, 12)
    true = quarters(level)
    seen = []

    def visit(quarter: int, phase: PhaseMixtures) -> torch.Tensor:
        seen.append(quarter)
        if phase.window is not None:
            assert quarter == PHASES[-1]
            assert (phase.window[0] <= true[quarter]).all()
            assert (true[quarter] <= phase.window[1]).all()
            assert (phase.window[1] - phase.window[0] <= 3).all()
        return true[quarter]

    found = LevelLikelihood(3)(1, downscale(level), None, visit)
    assert tuple(seen) == PHASES
    assert torch.equal(from_quarters(*found), level)


def test_untrained_likelihoods_start_from_interpolation() -> None:
    """The zero-initialised network predicts a flat picture exactly and is centred on the block means."""
    flat = torch.full((1, 3, 8, 8), 77.0)

    def visit(quarter: int, phase: PhaseMixtures) -> torch.Tensor:
        inner = phase.base[..., 1:-1, 1:-1]
        assert torch.allclose(inner, torch.full_like(inner, 77.0), atol=1e-3)
        return phase.base

    LevelLikelihood(3)(1, flat, None, visit)


def test_phases_see_only_what_precedes_them() -> None:
    """Changing a quarter must change no mixture of a phase that comes before it, or it."""
    torch.manual_seed(0)
    likelihood = GistLikelihood(4)
    for parameter in likelihood.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    level = random_level(8, 8)

    def means(samples: torch.Tensor) -> list[torch.Tensor]:
        seen: list[torch.Tensor] = []

        def visit(quarter: int, phase: PhaseMixtures) -> torch.Tensor:
            seen.append(phase.means)
            return quarters(samples)[quarter]

        with torch.no_grad():
            likelihood(torch.full((2, 3, 8, 8), 100.0), torch.ones(2, 4, 4, 4), visit)
        return seen

    before = means(level)
    for position, quarter in enumerate(PHASES):
        parts = list(quarters(level.clone()))
        parts[quarter] = 255.0 - parts[quarter]
        after = means(from_quarters(*parts))
        same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        assert same == [i <= position for i in range(4)]


@pytest.mark.parametrize(
    ("likelihood", "inputs"), [(GistLikelihood(4), GIST_INPUTS), (LevelLikelihood(3), FINE_INPUTS)]
)
def test_likelihoods_have_bytes_in_residual_blocks_alone(
    likelihood: GistLikelihood | LevelLikelihood, inputs: tuple[int, int]
) -> None:
    """Other layers have finer grids, and calibrated ones use them: inputs take more than eight bits."""
    layers = [module for module in likelihood.modules() if isinstance(module, ExactConv2d)]
    blocks = [layer for block in likelihood.modules() if isinstance(block, Residual) for layer in block.children()]
    assert {layer for layer in layers if layer.eight_bits} == set(blocks)
    assert {layer.input_steps for layer in layers if not layer.eight_bits} == {inputs}
    layer = likelihood.input
    layer.watching = True
    layer(torch.full((1, layer.in_channels, 4, 4), 3.0))
    layer.calibrate()
    layer.snap()
    assert layer.weight_steps / 4 < layer.integers()["weight"].abs().max() <= layer.weight_steps
    assert 3.0 * 2**layer.input_exponent > inputs[1] / 2
