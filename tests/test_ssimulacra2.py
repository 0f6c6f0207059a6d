"""SSIMULACRA 2 gives the scores of the reference, version 2.1 of github.com/cloudinary/ssimulacra2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("scipy")

from svcodec.benchmarks.conditions import demo_photo
from svcodec.benchmarks.ssimulacra2 import SMALLEST_SIDE, score

Samples = np.ndarray


@pytest.fixture(scope="module")
def original() -> Samples:
    return demo_photo()[100:420, 150:425]  # one side is odd at all scales, the other even


def coarse(pixels: Samples) -> Samples:
    return pixels[::2, ::2].repeat(2, 0).repeat(2, 1)[: pixels.shape[0], : pixels.shape[1]]


def noisy(pixels: Samples) -> Samples:
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    noise = (rows * rows * 7 + columns * columns * 13 + rows * columns * 5) % 41 - 20
    return np.clip(pixels + noise[..., None], 0, 255).astype(np.uint8)


# What the reference's own program says of the two pictures as PNGs.
@pytest.mark.parametrize(
    ("distort", "expected"),
    [
        (lambda pixels: pixels // 16 * 16 + 8, 70.538),
        (lambda pixels: (pixels * 0.9).astype(np.uint8), 66.569),
        (coarse, 31.176),
        (noisy, 30.608),
        (lambda pixels: np.roll(pixels, 1, 1), -5.541),
        (lambda pixels: pixels, 100.0),
    ],
    ids=["posterised", "darker", "coarse", "noisy", "shifted", "the same"],
)
def test_scores_are_those_of_the_reference(
    original: Samples, distort: Callable[[Samples], Samples], expected: float
) -> None:
    assert score(distort(original), original) == pytest.approx(expected, abs=0.05)


def test_small_pictures_have_no_score(original: Samples) -> None:
    assert score(original[: SMALLEST_SIDE - 1], original[: SMALLEST_SIDE - 1]) is None
    assert score(original[:SMALLEST_SIDE], original[:SMALLEST_SIDE]) == pytest.approx(100.0)
