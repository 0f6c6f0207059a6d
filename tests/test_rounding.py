"""Weights rounded by the inputs that they meet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from svcodec.models.exact import ExactConv2d
from svcodec.models.rounding import rounded, second_moments


def smooth(seed: int, mean: float = 0.0) -> Tensor:
    """Features as networks have them: neighbours alike, channels too."""
    x = torch.randn(4, 6, 24, 24, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(x + x.mean(1, keepdim=True), 3, 1, 1) * 3.0 + mean


def layer_for(x: Tensor, observing: bool, steps: int = 7, **options: bool) -> tuple[ExactConv2d, ExactConv2d]:
    """A layer in floats, and the same on its grids; weights of few steps, so that rounding tells."""
    torch.manual_seed(1)
    floats = ExactConv2d(6, 5, **options).requires_grad_(False)
    layer = ExactConv2d(6, 5, **options).requires_grad_(False)
    layer.load_state_dict(floats.state_dict())
    layer.weight_steps = steps
    layer.watching, layer.observing = True, observing
    layer(x)
    layer.watching = layer.observing = False
    layer.calibrate()
    layer.snap()
    return floats, layer


def error(pair: tuple[ExactConv2d, ExactConv2d], x: Tensor) -> float:
    floats, layer = pair
    return (floats(x) - layer(x)).square().mean().item()


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("mean", [0.0, 2.0])
def test_less_is_lost_than_by_the_nearest_steps(rectified: bool, mean: float) -> None:
    """On other inputs of the kind than those seen."""
    seen, x = smooth(0, mean), smooth(9, mean)
    nearest, by_inputs = (error(layer_for(seen, observing, rectified=rectified), x) for observing in (False, True))
    assert by_inputs < nearest / (3 if mean else 2)


def test_the_bound_and_the_range_are_kept() -> None:
    for seed in range(5):
        _, layer = layer_for(smooth(seed, 3.0), observing=True, steps=127)
        layer.check_bound()
        other = ExactConv2d(6, 5)
        other.load_integers(**layer.integers())
        x = smooth(seed)
        assert torch.equal(other(x), layer(x))
        assert layer.moments is None  # hundreds of megabytes in a model


def test_inputs_that_have_nothing_in_common_leave_the_nearest() -> None:
    weight = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scale = torch.tensor([4.0, 8.0, 16.0], dtype=torch.float64)
    found, more, lost = rounded(weight, torch.eye(9, dtype=torch.float64), scale, 127)
    nearest = torch.floor(weight * scale[:, None] + 0.5) / scale[:, None]
    assert torch.allclose(found, nearest, atol=0)
    assert torch.allclose(more, torch.zeros(3, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(lost, (weight - nearest).square().sum(1))


def test_the_bias_makes_up_for_a_shift() -> None:
    """Inputs that are always 1 are a bias: what their weights lose it gains."""
    weight = torch.tensor([[0.3, 0.3, 0.3, 0.3]], dtype=torch.float64)
    found, more, lost = rounded(weight, torch.ones(5, 5, dtype=torch.float64), torch.ones(1, dtype=torch.float64), 127)
    assert found.sum() + more.item() == pytest.approx(1.2, abs=1e-3)
    assert lost.item() == pytest.approx(0.0, abs=1e-6)


def test_moments_are_those_of_patches() -> None:
    x = smooth(3)[:1, :2, :5, :5]
    patches = F.pad(F.unfold(x, 3, padding=1)[0].T, (0, 1), value=1.0).double()
    assert torch.allclose(second_moments(x, 3), patches.T @ patches, rtol=1e-5, atol=1e-5)
    many = second_moments(torch.ones(3, 2, 200, 200), 1)
    assert many[-1, -1] < 5000  # some are enough
    assert torch.equal(many, many[-1, -1].expand_as(many))
