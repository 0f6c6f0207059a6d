"""The exact layers: bound, grids and straight-through training."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from svcodec.models.exact import RECTIFIED, SIGNED, ExactConv2d, ExactnessError
from svcodec.models.kernels import SLOPE


def calibrated(inputs: int = 5, outputs: int = 4, rectified: bool = False, reach: float = 7.0) -> ExactConv2d:
    """A layer that has seen inputs up to `reach`."""
    torch.manual_seed(0)
    layer = ExactConv2d(inputs, outputs, rectified=rectified)
    torch.nn.init.normal_(layer.bias)
    layer.watching = True
    layer(torch.full((1, inputs, 4, 4), reach))
    layer.watching = False
    layer.calibrate()
    return layer


def snapped(inputs: int = 5, outputs: int = 4, rectified: bool = False, reach: float = 7.0) -> ExactConv2d:
    layer = calibrated(inputs, outputs, rectified, reach)
    layer.snap()
    return layer.requires_grad_(False)


def test_an_ordinary_convolution_depends_on_the_order() -> None:
    """What the exact layers are for: sums of ordinary floats differ where their order does."""
    torch.manual_seed(0)
    x, weight, order = torch.randn(1, 64, 16, 16), torch.randn(8, 64, 3, 3), torch.randperm(64)
    assert not torch.equal(F.conv2d(x, weight), F.conv2d(x[:, order], weight[:, order]))


@pytest.mark.parametrize("rectified", [False, True])
def test_an_exact_one_does_not(rectified: bool) -> None:
    layer = snapped(64, 8, rectified)
    x, order = torch.randn(1, 64, 16, 16) * 4, torch.randperm(64)
    other = snapped(64, 8, rectified)
    other.weight.copy_(layer.weight[:, order])
    assert torch.equal(other(x[:, order]), layer(x))


@pytest.mark.parametrize("channel", [0, 3])
def test_a_channel_beyond_the_bound_is_refused(channel: int) -> None:
    tensors = snapped().integers()
    tensors["weight"][channel] *= 1 << 12
    with pytest.raises(ExactnessError, match=f"output channel {channel}"):
        ExactConv2d(5, 4).load_integers(**tensors)


def test_a_weight_beyond_eight_bits_is_refused() -> None:
    tensors = snapped().integers()
    tensors["weight"][1, 2, 0, 1] = -128
    with pytest.raises(ExactnessError, match="a weight of 128 steps; there may be 127"):
        ExactConv2d(5, 4).load_integers(**tensors)


@pytest.mark.parametrize(("rectified", "reach"), [(True, 227), (False, 128)])
def test_the_bound_is_tight(rectified: bool, reach: int) -> None:
    """Sums that just reach 2^24 steps are refused, one step less is taken; beyond it float32 does round."""
    layer = ExactConv2d(2, 1, kernel=1, rectified=rectified)
    grid = torch.zeros(2, dtype=torch.int32)  # inputs and weights are integers
    weight = torch.full((1, 2, 1, 1), 127)
    most = 2**24 - 2 * 127 * reach
    layer.load_integers(weight, torch.tensor([1 - most]), grid)
    for bias in (most, -most):
        with pytest.raises(ExactnessError, match="can reach 16777216 steps"):
            layer.load_integers(weight, torch.tensor([bias]), grid)
    assert torch.tensor(2.0**24) + 1.0 == 2.0**24


@pytest.mark.parametrize("rectified", [False, True])
def test_integers_come_back(rectified: bool) -> None:
    layer = snapped(rectified=rectified)
    other = ExactConv2d(5, 4, rectified=rectified)
    other.load_integers(**layer.integers())
    x = torch.randn(1, 5, 6, 6)
    assert torch.equal(other(x), layer(x))
    assert layer.integers()["weight"].abs().max() <= 127


def test_parameters_off_their_grid_are_not_exported() -> None:
    layer = snapped()
    layer.weight[0, 0, 0, 0] += 1e-3 * 2.0 ** -int(layer.weight_exponents[0])
    with pytest.raises(ExactnessError, match="off their grids"):
        layer.integers()


def test_snapping_changes_little() -> None:
    torch.manual_seed(0)
    layer = ExactConv2d(16, 8)
    x = torch.randn(1, 16, 12, 12)
    layer.watching = True
    before = layer(x)
    layer.calibrate()
    layer.snap()
    assert (layer(x) - before).abs().max() < 0.02 * before.abs().max()


@pytest.mark.parametrize("bias", [0.0, 1e-9, 300.0])
@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e4])
def test_any_weights_find_grids(scale: float, bias: float) -> None:
    layer = calibrated(inputs=64)
    with torch.no_grad():
        layer.weight.mul_(scale)
        layer.bias.fill_(bias)
    layer.snap()  # proves the bound
    assert layer.integers()["weight"].abs().max() <= 127


@pytest.mark.parametrize(("rectified", "steps"), [(True, RECTIFIED), (False, SIGNED)])
def test_the_grid_reaches_what_nearly_all_inputs_stay_below(rectified: bool, steps: tuple[int, int]) -> None:
    """A few outliers do not make it coarser: they are clamped."""
    layer = ExactConv2d(1, 1, rectified=rectified)
    layer.watching = True
    x = torch.linspace(-3.0, 3.0, 10**5).view(1, 1, 100, 1000)
    x[0, 0, -1, -5:] *= 100
    for part in (x / 2, x):
        layer(part)
    layer.calibrate()
    assert layer.largest_input == pytest.approx(3.0, rel=0.05)
    assert steps[1] / 2 < 3.0 * 2**layer.input_exponent < steps[1]
    assert layer.input_steps == steps


@pytest.mark.parametrize("rectified", [False, True])
def test_inputs_beyond_the_range_are_clamped(rectified: bool) -> None:
    layer = snapped(rectified=rectified)
    for edge, far in zip(layer.input_steps, (-1e6, 1e6), strict=True):
        near = edge * 2.0**-layer.input_exponent / (SLOPE if rectified and edge < 0 else 1.0)
        assert torch.equal(layer(torch.full((1, 5, 4, 4), far)), layer(torch.full((1, 5, 4, 4), near)))


@pytest.mark.parametrize("rectified", [False, True])
def test_training_goes_through_the_grids(rectified: bool) -> None:
    """What a calibrated layer gives in training is what the exact one gives; gradients pass the rounding."""
    layer, exact = calibrated(rectified=rectified), snapped(rectified=rectified)
    x = torch.randn(2, 5, 6, 6, requires_grad=True)
    output = layer(x)
    assert torch.equal(output, exact(x.detach()))
    output.square().sum().backward()
    assert layer.weight.grad.abs().min() > 0
    assert layer.bias.grad.abs().min() > 0
    assert (x.grad != 0).all()


def test_grids_of_weights_follow_the_weights() -> None:
    layer = calibrated()
    before = layer.on_grid()[0], layer.weight_exponents
    with torch.no_grad():
        layer.weight.mul_(8.0)
    after = layer.on_grid()[0], layer.weight_exponents
    assert torch.equal(after[0], 8.0 * before[0])
    assert torch.equal(after[1], before[1] - 3)


def test_the_grid_of_inputs_stays_with_the_weights() -> None:
    layer = calibrated(reach=7.0)
    other = ExactConv2d(5, 4)
    other.load_state_dict(layer.state_dict())
    assert (other.calibrated, other.snapped) == (True, False)
    other.largest_input = 1000.0
    other.calibrate()
    assert other.input_exponent == layer.input_exponent
    other.load_state_dict(ExactConv2d(5, 4).state_dict())
    assert not other.calibrated
