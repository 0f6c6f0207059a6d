"""Transforms: d, its Haar inverse and opponent colour."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from svcodec.models import transforms
from svcodec.models.pyramid import Pyramid, level_sizes

sides = st.integers(1, 17)


def levels(height: int, width: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, height, width))).float()


@given(sides, sides, st.integers(0, 99))
def test_downscale_is_the_rounded_mean(height: int, width: int, seed: int) -> None:
    image = levels(height, width, seed)
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (0, height % 2), (0, width % 2)), mode="edge").astype(int)
    h, w = padded.shape[2] // 2, padded.shape[3] // 2
    sums = padded.reshape(1, 3, h, 2, w, 2).sum((3, 5))
    assert np.array_equal(transforms.downscale(image).numpy(), (sums + 2) // 4)


@given(sides, sides, st.integers(0, 99))
def test_haar_gives_back_what_its_means_and_details_were_taken_from(height: int, width: int, seed: int) -> None:
    image = levels(height, width, seed)
    mean = sum(transforms.quarters(transforms.pad_even(image))) / 4
    back = transforms.inverse_haar(mean, transforms.haar_details(image), (height, width))
    assert torch.equal(back, image)


def test_haar_details_are_orthonormal_but_for_the_mean() -> None:
    image = levels(16, 16, 0)
    details = transforms.haar_details(image)
    mean = sum(transforms.quarters(image)) / 4
    assert torch.allclose(details.square().sum() + 4 * mean.square().sum(), image.square().sum())


@given(sides, sides, st.integers(0, 99))
def test_opponent_colour_is_orthonormal_and_comes_back(height: int, width: int, seed: int) -> None:
    image = levels(height, width, seed)
    opponent = transforms.to_opponent(image)
    centred = (image - transforms.SAMPLE_CENTRE) / transforms.SAMPLE_UNIT
    assert torch.allclose(opponent.square().sum(1), centred.square().sum(1), atol=1e-4)
    assert torch.equal(transforms.to_rgb(opponent).round(), image)


@given(sides, sides, st.integers(0, 99))
def test_samples_vary_where_not_all_around_are_the_same(height: int, width: int, seed: int) -> None:
    image = (levels(height, width, seed) > 250).float()
    high, low = F.max_pool2d(image, 3, 1, 1), -F.max_pool2d(-image, 3, 1, 1)
    assert torch.equal(transforms.varied(image), high > low)


def test_grey_has_no_colour() -> None:
    grey = levels(8, 8, 0)[:, :1].expand(1, 3, 8, 8)
    assert torch.count_nonzero(transforms.to_opponent(grey)[:, 1:]) == 0


@given(sides, sides)
def test_level_sizes_are_those_of_the_pyramid(height: int, width: int) -> None:
    assert level_sizes((height, width), 6) == Pyramid.over(levels(height, width, 0), 6).sizes


@given(sides, sides)
def test_quarters_come_back(height: int, width: int) -> None:
    image = levels(2 * height, 2 * width, 1)
    assert torch.equal(transforms.from_quarters(*transforms.quarters(image)), image)
