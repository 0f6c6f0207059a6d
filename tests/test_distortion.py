"""Distortions that ladders are trained for: squared error, and MS-SSIM and SSIMULACRA 2 as others compute them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from svcodec.codec.measures import ssimulacra2
from svcodec.training.distortion import (
    MS_SSIM_SHARE,
    MS_SSIM_UNIT,
    SMALLEST_SIDE,
    SSIMULACRA2_SHARE,
    SSIMULACRA2_UNIT,
    ms_ssim,
    squared_error,
    ssim_distortion,
)
from svcodec.training.ssimulacra2 import ssimulacra2_error


def pair(height: int, width: int, noise: float = 20.0) -> tuple[Tensor, Tensor]:
    """Two smooth pictures, and the same with noise."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(2, 3, height // 8 + 1, width // 8 + 1, generator=generator) * 255
    original = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    return (original + noise * torch.randn(original.shape, generator=generator)).clamp(0, 255), original


@pytest.mark.parametrize("size", [(SMALLEST_SIDE, 192), (256, 192)])
def test_ms_ssim_is_that_of_others(size: tuple[int, int]) -> None:
    reference = pytest.importorskip("pytorch_msssim")
    picture, original = pair(*size)
    expected = reference.ms_ssim(picture, original, data_range=255, size_average=False)
    assert torch.allclose(ms_ssim(picture, original), expected, atol=1e-4)
    assert float(expected.min()) < 0.99


def test_equal_pictures_are_not_distorted() -> None:
    _, original = pair(176, 176)
    assert torch.equal(squared_error(original, original), torch.zeros(2))
    assert torch.allclose(ms_ssim(original, original), torch.ones(2))
    assert torch.allclose(ssim_distortion(original, original), torch.zeros(2), atol=1e-2)


def test_more_noise_is_more_distortion() -> None:
    for measure in (squared_error, ssim_distortion):
        found = torch.stack([measure(*pair(176, 192, noise)) for noise in (1.0, 5.0, 25.0)])
        assert (found.diff(dim=0) > 0).all()


def test_the_tune_for_the_eye_mixes_three_measures() -> None:
    picture, original = pair(176, 176)
    parts = (
        SSIMULACRA2_SHARE * SSIMULACRA2_UNIT * ssimulacra2_error(picture, original),
        MS_SSIM_SHARE * MS_SSIM_UNIT * (1 - ms_ssim(picture, original)),
        (1 - SSIMULACRA2_SHARE - MS_SSIM_SHARE) * squared_error(picture, original),
    )
    assert torch.allclose(ssim_distortion(picture, original), torch.stack(parts).sum(0))
    assert all((part > 0.05 * torch.stack(parts).sum(0)).all() for part in parts)


@pytest.mark.parametrize("noise", [2.0, 8.0, 30.0])
def test_ssimulacra2_is_that_of_others(noise: float) -> None:
    pytest.importorskip("ssimulacra2")
    picture, original = (samples[:1].round() for samples in pair(256, 320, noise))
    pixels = [samples[0].permute(1, 2, 0).numpy().astype(np.uint8) for samples in (picture, original)]
    errors = float(ssimulacra2_error(picture, original)) / 2.326765642916932
    polynomial = 2.326765642916932 * errors - 0.020884521182843837 * errors**2 + 6.248496625763138e-05 * errors**3
    assert 100 - 10 * polynomial**0.6276336467831387 == pytest.approx(ssimulacra2(*pixels), abs=2)


@pytest.mark.parametrize("picture", [pair(176, 176)[0], 255 - pair(176, 176)[1], torch.zeros(2, 3, 176, 176)])
def test_slopes_are_finite(picture: Tensor) -> None:
    """Also of a negative, whose structure is the opposite of the original's, and of a blank picture."""
    picture = picture.clone().requires_grad_()
    ssim_distortion(picture, pair(176, 176)[1]).sum().backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()
    assert picture.grad.any()


def test_halved_floats_around_it_change_nothing() -> None:
    picture, original = pair(176, 176)
    with torch.autocast("cpu", torch.bfloat16):
        inside = ms_ssim(picture, original)
    assert torch.equal(inside, ms_ssim(picture, original))
