"""The exact layers: bound, grids, order of additions, straight-through training."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from svcodec.models.exact import ExactConv2d, ExactnessError, exact_conv2d, round_to


def snapped(inputs: int = 5, outputs: int = 4, kernel: int = 3, reach: float = 7.0, seed: int = 0) -> ExactConv2d:
    torch.manual_seed(seed)
    layer = ExactConv2d(inputs, outputs, kernel)
    torch.nn.init.normal_(layer.bias)
    layer.watching = True
    layer(torch.full((1, inputs, 4, 4), reach))
    layer.snap()
    return layer.eval().requires_grad_(False)


@settings(max_examples=40)
@given(st.integers(1, 40), st.sampled_from([1, 3]), st.floats(0.01, 300.0), st.integers(0, 99))
def test_every_order_of_additions_gives_the_same(inputs: int, kernel: int, reach: float, seed: int) -> None:
    layer = snapped(inputs, 4, kernel, reach, seed)
    x = torch.randn(2, inputs, 9, 7) * reach
    expected = layer(x)
    grid = round_to(x.clamp(-layer.input_range, layer.input_range), layer.input_exponent)
    order = torch.randperm(inputs)
    assert torch.equal(exact_conv2d(grid[:, order], layer.weight[:, order], layer.bias), expected)
    assert torch.equal(exact_conv2d(grid, layer.weight, layer.bias, wide=True), expected)
    wide = torch.nn.functional.conv2d(grid.double(), layer.weight.double(), layer.bias.double(), padding=kernel // 2)
    assert torch.equal(wide, expected.double())


def test_an_ordinary_convolution_does_depend_on_the_order() -> None:
    """What the exact layers are for; and proof that the test above can fail."""
    torch.manual_seed(0)
    x, weight, order = torch.randn(1, 64, 16, 16), torch.randn(8, 64, 3, 3), torch.randperm(64)
    reordered = exact_conv2d(x[:, order], weight[:, order], torch.zeros(8))
    assert not torch.equal(exact_conv2d(x, weight, torch.zeros(8)), reordered)


@pytest.mark.parametrize("channel", [0, 3])
def test_a_channel_beyond_the_bound_is_refused(channel: int) -> None:
    layer = snapped()
    tensors = layer.integers()
    tensors["weight"][channel] *= 1 << 12
    with pytest.raises(ExactnessError, match=f"output channel {channel}"):
        ExactConv2d(5, 4).load_integers(**tensors)


def test_the_bound_is_tight() -> None:
    """Weights that just reach 2^24 steps are refused, one step less is taken; beyond it float32 does round."""
    layer = ExactConv2d(2, 1, kernel=1)
    grid = torch.tensor([0, 10, 0])  # inputs are integers within +-1024, weights integers
    layer.load_integers(torch.tensor([[[[1 << 13]], [[(1 << 13) - 1]]]]), torch.tensor([1023]), grid)
    with pytest.raises(ExactnessError):
        layer.load_integers(torch.tensor([[[[1 << 13]], [[1 << 13]]]]), torch.tensor([0]), grid)
    beyond = torch.tensor(2.0**24) + 1.0
    assert beyond == 2.0**24


def test_integers_come_back() -> None:
    layer = snapped()
    other = ExactConv2d(5, 4)
    other.load_integers(**layer.integers())
    x = torch.randn(1, 5, 6, 6)
    assert torch.equal(other.eval()(x), layer(x))
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
    layer.snap()
    assert (layer.eval()(x) - before).abs().max() < 0.02 * before.abs().max()


def test_training_goes_on_through_the_grids() -> None:
    layer = snapped().train().requires_grad_(True)
    x = torch.randn(1, 5, 6, 6, requires_grad=True)
    output = layer(x)
    assert torch.equal(output, layer.eval()(x))
    output.square().sum().backward()
    assert layer.weight.grad.abs().min() > 0
    assert x.grad.abs().min() > 0


def test_inputs_beyond_the_range_are_clamped() -> None:
    layer = snapped()
    assert torch.equal(layer(torch.full((1, 5, 4, 4), 1e6)), layer(torch.full((1, 5, 4, 4), layer.input_range)))
