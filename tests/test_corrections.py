"""Corrections of likelihoods: exact, found where there is something to find, and worth their bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import svcodec
from svcodec.bitstream.stack import Stack
from svcodec.codec.corrections import (
    FEATURE_STEPS,
    LIMIT,
    MAX_DIFFERENCE,
    OWN,
    Conditions,
    Correction,
    feature_steps,
    pop_correction,
    push_correction,
    surroundings,
)
from svcodec.codec.fitting import Mass, Observations, Search, fit
from svcodec.models.likelihoods import COMPONENTS, FEATURES, PHASES, LogisticMixture
from svcodec.models.transforms import downscale, quarters

COUNT = 6
SEARCH = Search(1 << 16, (1 << 12, 1 << 13, 0), features=True)


def mixture_of(count: int, seed: int = 0) -> LogisticMixture:
    """Mixtures whose components are close to one another."""
    generator = torch.Generator().manual_seed(seed)
    middle = 60 + 120 * torch.rand(1, count, generator=generator)
    apart = torch.randn(COMPONENTS, count, generator=generator)
    log_scales = 1.0 + torch.rand(COMPONENTS, count, generator=generator)
    return LogisticMixture(torch.randn(COMPONENTS, count, generator=generator), middle + apart, log_scales)


def conditions_of(mixture: LogisticMixture, seed: int = 0) -> Conditions:
    generator = torch.Generator().manual_seed(seed)
    n = mixture.means.shape[1]
    differences = torch.randint(-40, 41, (COUNT, n), generator=generator).float()
    features = torch.randint(-16, 33, (FEATURES, n), generator=generator).float()
    return Conditions(differences, features, mixture.means.mean(0).round())


def drawn_from(mixture: LogisticMixture, seed: int = 0) -> Tensor:
    """A level from each mixture."""
    generator = torch.Generator().manual_seed(seed)
    n = mixture.means.shape[1]
    which = torch.multinomial(torch.softmax(mixture.logits, 0).T, 1, generator=generator).T
    uniform = torch.rand(n, generator=generator).clamp(1e-4, 1 - 1e-4)
    chosen = [v.gather(0, which)[0] for v in (mixture.means, mixture.log_scales)]
    return (chosen[0] + torch.logit(uniform) * torch.exp2(chosen[1])).round().clamp(0, 255)


def test_surroundings_are_the_pixels_around() -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, 12, 16)).astype(np.float32))
    mean, parts = downscale(image), quarters(image)
    around = surroundings(2, {0: parts[0], 3: parts[3], 1: parts[1]}, mean).view(16, 3, 6, 8)
    row, column = 2, 5  # a block inside; its bottom left pixel is at (5, 10)
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
    blocks = torch.stack([mean[0, :, row + y, column + x] for y, x in steps])
    pixels = torch.stack([image[0, :, 5 + y, 10 + x] for y, x in steps])
    centre = mean[0, :, row, column]
    assert torch.equal(around[:8, :, row, column], blocks - centre)
    assert torch.equal(around[8:, :, row, column], pixels - centre)


def test_surroundings_leave_out_what_is_not_known() -> None:
    image = torch.zeros(1, 3, 4, 4)
    known: dict[int, Tensor] = {}
    planes = []
    for quarter in PHASES:
        planes.append(len(surroundings(quarter, known, downscale(image))))
        known[quarter] = quarters(image)[quarter]
    assert planes == [8, 12, 12, 16]


def test_features_are_whole_steps_within_reach() -> None:
    features = torch.linspace(-40, 40, FEATURES * 12).view(1, FEATURES, 3, 4)
    steps = feature_steps(features)
    assert torch.equal(steps, steps.round())
    assert steps.abs().max() == MAX_DIFFERENCE
    near = steps.abs() < MAX_DIFFERENCE
    assert ((steps / FEATURE_STEPS - features[0].flatten(1)).abs()[near] <= 0.5 / FEATURE_STEPS).all()


@pytest.mark.parametrize("inputs", [50, FEATURES])
def test_sums_stay_exact_at_their_largest(inputs: int) -> None:
    assert inputs * MAX_DIFFERENCE * LIMIT < 2**24


def random_correction(features: int, rng: np.random.Generator, largest: int = LIMIT) -> Correction:
    """For COUNT differences and so many features."""
    size = COUNT + 2 * features + OWN * COMPONENTS
    return Correction.of_array(rng.integers(-largest, largest + 1, size).astype(np.int32), COUNT)


@pytest.mark.parametrize("features", [0, FEATURES])
def test_sums_do_not_depend_on_their_order(features: int) -> None:
    rng = np.random.default_rng(1)
    mixture = mixture_of(500)
    conditions = conditions_of(mixture)
    correction = random_correction(features, rng)
    f, h = rng.permutation(COUNT), rng.permutation(features)
    of_means = np.append(correction.of_means[f], correction.of_means[COUNT + h])
    order = h if features else slice(None)
    shuffled = Conditions(conditions.differences[f], conditions.features[order], conditions.mean)
    a = correction.apply(mixture, conditions)
    b = Correction(of_means, correction.of_scales[h], correction.of_components).apply(mixture, shuffled)
    assert torch.equal(a.means, b.means)
    assert torch.equal(a.log_scales, b.log_scales)


@pytest.mark.parametrize("featured", [False, True, None])
def test_corrections_go_through_the_stack(featured: bool | None) -> None:
    features = FEATURES if featured else 0
    correction = None if featured is None else random_correction(features, np.random.default_rng(2))
    stack = Stack(svcodec.Codec().model.residuals)
    stack.seal(7)
    push_correction(stack, correction)
    popped = pop_correction(stack, COUNT)
    assert stack.unseal() == 7
    if correction is None or popped is None:
        assert popped is correction
    else:
        assert np.array_equal(popped.of_means, correction.of_means)
        assert np.array_equal(popped.of_scales, correction.of_scales)
        assert np.array_equal(popped.of_components, correction.of_components)


@pytest.mark.parametrize("windowed", [False, True])
def test_slopes_are_those_of_the_mass(windowed: bool) -> None:
    mixture = mixture_of(300)
    samples = drawn_from(mixture)

    def mass(mixture: LogisticMixture) -> Mass:
        if windowed:
            return Mass.of(mixture, samples, samples).within(Mass.of(mixture, samples - 2, samples + 1))
        return Mass.of(mixture, samples, samples)

    slopes, step = mass(mixture), 1e-2
    for name, analytic in (("means", slopes.by_mean), ("log_scales", slopes.by_scale), ("logits", slopes.by_logit)):
        for i in range(COMPONENTS):
            moved = torch.zeros(COMPONENTS, 1)
            moved[i] = step
            above, below = (
                mass(replace(mixture, **{name: getattr(mixture, name) + sign * moved})).log for sign in (1, -1)
            )
            assert torch.allclose((above - below) / (2 * step), analytic[i], atol=5e-3)


def test_what_lies_beyond_its_window_is_not_for_nothing() -> None:
    """The frequencies' floor makes the four samples of such a window equally likely."""
    mixture = mixture_of(300)
    samples = mixture.means.mean(0).round() - 100
    whole = Mass.of(mixture, samples - 2, samples + 1)
    bits = -Mass.of(mixture, samples, samples).within(whole).log / np.log(2)
    assert torch.allclose(bits, torch.full_like(bits, 2.0), atol=1e-3)


@pytest.mark.parametrize("features", [0, FEATURES])
def test_what_bends_the_levels_is_found(features: int) -> None:
    rng = np.random.default_rng(3)
    mixture = mixture_of(20000)
    conditions = conditions_of(mixture)
    true = Correction(
        np.append(rng.integers(-150, 150, COUNT), rng.integers(-30, 30, features)).astype(np.int32),
        rng.integers(-8, 8, features).astype(np.int32),
        np.repeat(np.array([[20], [100], [-40], [-60], [0]], np.int32), COMPONENTS, 1),
    )
    samples = drawn_from(true.apply(mixture, conditions))
    observations = Observations(mixture, conditions, samples, None)
    found = fit(observations, len(samples), SEARCH)
    assert found is not None
    assert len(found.of_scales) >= features
    bits = observations.mass(found).bits
    assert bits < 1.003 * observations.mass(true).bits
    assert bits < 0.97 * observations.mass(Correction.none(COUNT)).bits


def test_nothing_is_found_where_nothing_is() -> None:
    mixture = mixture_of(2000)
    for part in (mixture, mixture.at(slice(0, 0))):
        observations = Observations(part, conditions_of(part), drawn_from(part), None)
        assert fit(observations, part.means.shape[1], SEARCH) is None


def test_corrections_pay_in_a_picture_with_halved_chroma() -> None:
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:96, :96]
    luma = 120 + 60 * np.sin(rows / 7) * np.cos(columns / 9) + rng.normal(0, 4, (96, 96))
    chroma = np.kron(rng.normal(0, 6, (48, 48, 3)), np.ones((2, 2, 1)))
    image = (luma[..., None] + chroma).round().clip(0, 255).astype(np.uint8)
    corrected, uncorrected = (svcodec.encode(image, tier="lossless", effort=effort) for effort in (5, 1))
    assert len(corrected) < 0.97 * len(uncorrected)
    assert np.array_equal(np.asarray(svcodec.decode(corrected)), np.asarray(svcodec.decode(uncorrected)))
