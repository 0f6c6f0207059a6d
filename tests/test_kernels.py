"""Kernels: the same whole numbers from each, none that does not give them, and the fastest of the others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import svcodec
from svcodec.codec import model_files
from svcodec.models import kernels, machine
from svcodec.models.arithmetic import exact_arithmetic
from svcodec.models.exact import ExactConv2d
from svcodec.models.kernels import BFLOAT16, FLOAT32, FLOAT64, INT8, SLOPE, Float, Kernel, Layer, Shortened, to_steps

Whole = npt.NDArray[np.int64]

KERNELS = [kernel for kernel in (INT8, BFLOAT16, FLOAT32, FLOAT64) if machine.is_exact(kernel, "cpu")]


def layer_of(weight: Whole, bias: Whole, exponents: list[int], rectified: bool) -> ExactConv2d:
    """A layer by its steps; `exponents` are the inputs' and each channel's."""
    layer = ExactConv2d(weight.shape[1], weight.shape[0], weight.shape[2], rectified=rectified).requires_grad_(False)
    layer.load_integers(*(torch.from_numpy(part).int() for part in (weight, bias, np.array(exponents))))
    return layer.to(memory_format=torch.channels_last)


def steps_of(x: npt.NDArray[np.float64], layer: ExactConv2d) -> Whole:
    """Inputs in whole steps, rectified if the layer wants it, halves upwards, clamped."""
    x = np.maximum(x, x * SLOPE) if layer.rectified else x
    return np.clip(np.floor(x * 2.0**layer.input_exponent + 0.5), *layer.input_steps).astype(np.int64)


def sums_of(steps: Whole, weight: Whole, bias: Whole) -> Whole:
    """The convolution, in integers, as it is defined."""
    size = weight.shape[-1]
    padded = np.pad(steps, [(0, 0), (0, 0), *[(size // 2,) * 2] * 2])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]


def values_of(sums: Whole, exponents: list[int]) -> npt.NDArray[np.float64]:
    return sums * 2.0 ** -(exponents[0] + np.array(exponents[1:], np.float64))[:, None, None]


EXTREME = 128


def weights(rng: np.random.Generator, outputs: int, inputs: int, size: int, most: int) -> tuple[Whole, Whole]:
    """Weights up to +-`most` and a bias likewise; EXTREME: all +-127, and a bias that reaches the bound, or nearly."""
    shape = (outputs, inputs, size, size)
    if most < EXTREME:
        return rng.integers(-most, most + 1, shape), rng.integers(-most, most + 1, outputs)
    weight = 127 * rng.choice((-1, 1), (outputs, 1, 1, 1)) * np.ones(shape, np.int64)
    allowed = (2**24 - 1) // 255 // 127  # how many of these keep the bound
    weight[:, allowed // size**2 :] = 0
    room = 2**24 - 1 - 255 * np.abs(weight).sum((1, 2, 3))
    return weight, rng.integers(-room, room + 1)


@settings(max_examples=60)
@given(
    inputs=st.integers(1, 80),
    outputs=st.integers(1, 20),
    size=st.sampled_from((1, 3)),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 11), st.integers(1, 11)),
    rectified=st.booleans(),
    most=st.sampled_from((1, 31, 100, EXTREME)),
    channels_last=st.booleans(),
    seed=st.integers(0, 999),
)
def test_all_kernels_give_the_same(
    inputs: int,
    outputs: int,
    size: int,
    shape: tuple[int, int, int],
    rectified: bool,
    most: int,
    channels_last: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    part = weights(rng, outputs, inputs, size, most)
    grid = [int(rng.integers(-3, 9)), *map(int, rng.integers(0, 4, outputs))]
    layer = layer_of(*part, grid, rectified)
    quarters = rng.integers(-1300, 1300, (shape[0], inputs, *shape[1:])) / 4  # of steps: halves, and beyond the ends
    quarters[rng.random(quarters.shape) < 0.5] = layer.input_steps[1] if most == EXTREME else 0.0
    x = quarters * 2.0 ** -grid[0]
    expected = values_of(sums_of(steps_of(x, layer), *part), grid)
    image = torch.from_numpy(x).float()
    image = image.contiguous(memory_format=torch.channels_last) if channels_last else image
    with exact_arithmetic():
        for kernel in KERNELS:
            layer.kernel = kernel
            found = layer(image)
            assert found.dtype == torch.float32
            assert np.array_equal(found.numpy(), expected), kernel.name


@pytest.mark.parametrize("channels", [3, 48, 96, 128])
def test_layers_of_real_size(channels: int) -> None:
    """Fast kernels take other ways for these than for tiny ones; weights are packed once, for inputs of any size."""
    rng = np.random.default_rng(channels)
    parts = weights(rng, channels, channels, 3, EXTREME)
    layers = {kernel: layer_of(*parts, [0] * (1 + channels), rectified=channels == 96) for kernel in KERNELS}
    for shape in ((1, 37, 53), (2, 16, 24), (1, 1, 1), (3, 5, 64)):
        steps = rng.choice(layers[FLOAT32].input_steps, (shape[0], channels, *shape[1:])).astype(np.int64)
        expected = sums_of(steps, *parts)
        x = np.where(steps < 0, steps / SLOPE, steps) if channels == 96 else steps
        image = torch.from_numpy(x).float().contiguous(memory_format=torch.channels_last)
        for kernel, layer in layers.items():
            layer.kernel = kernel
            with exact_arithmetic():
                assert np.array_equal(layer(image), expected), kernel.name


class Pairs(Float):
    """Products of bytes added up in pairs as processors without VNNI do it, where a pair has at most 16 bits.

    It is exact if `most` is larger than any pair.
    """

    def __init__(self, most: int):
        super().__init__(torch.float32)
        self.most, self.name = most, "pairs"

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        low, _ = layer.input_steps
        steps = to_steps(x, layer, torch.float32)
        outputs, inputs, size, _ = layer.weight.shape
        scale = layer.weight.abs().amax((1, 2, 3)) / 127  # that of the trial's layers
        weight = (layer.weight / scale.view(-1, 1, 1, 1)).view(outputs, inputs // 2, 2, size**2, 1)
        h, w = steps.shape[2:]
        bytes_ = F.pad(steps - low, [size // 2] * 4, value=-low)
        patches = F.unfold(bytes_, size).view(inputs // 2, 2, size**2, -1)
        sums = torch.stack([(part * patches).sum(1).clamp(-self.most - 1, self.most).sum((0, 1)) for part in weight])
        sums = (sums + low * weight.sum((1, 2, 3, 4))[:, None]).view(1, outputs, h, w)
        return sums * (scale * 2.0**-layer.input_exponent).view(-1, 1, 1) + layer.bias.view(-1, 1, 1)


class Downwards(Float):
    """Drops what of an input is beyond whole steps."""

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        return super().convolve(torch.floor(x * 2.0**layer.input_exponent) * 2.0**-layer.input_exponent, layer)


class ShortSums(Float):
    """Keeps sixteen bits of sums."""

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        return super().convolve(x, layer).view(torch.int32).bitwise_and(-256).view(torch.float32)


class Raising(Float):
    """Is not there."""

    def __init__(self, error: type[Exception]):
        super().__init__(torch.float32)
        self.error = error

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        raise self.error("on purpose")


def forget() -> None:
    """Let the machine's kernels be found out anew."""
    machine.measured.cache_clear()
    machine.is_exact.cache_clear()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Lets the machine have other kernels than it has: `offer(kernel, ...)`."""

    def offer(*offered: Kernel) -> None:
        forget()
        monkeypatch.setattr(model_files, "_loaded", OrderedDict())
        monkeypatch.setitem(machine.KERNELS, "cpu", offered)

    monkeypatch.delenv(machine.VARIABLE, raising=False)
    yield offer
    forget()


@pytest.mark.parametrize(
    "wrong",
    [
        Pairs(2**15 - 1),
        Downwards(torch.float32),
        ShortSums(torch.float32),
        *(Raising(error) for error in (RuntimeError, NotImplementedError, AttributeError)),
    ],
    ids=lambda kernel: type(kernel).__name__,
)
def test_wrong_kernels_are_not_taken(wrong: Kernel, offer: Callable[..., None]) -> None:
    offer(wrong, FLOAT32)
    assert set(machine.measured("cpu")) == {FLOAT32}
    offer(wrong)
    assert machine.measured("cpu") == {}
    assert machine.kernel_for("cpu") is FLOAT64


def test_a_strange_kernel_that_is_right_is_taken(offer: Callable[..., None]) -> None:
    """It is by what they give that kernels are refused: the first of those above is right if nothing saturates."""
    offer(right := Pairs(2**16))
    assert set(machine.measured("cpu")) == {right}


def test_float64_gives_the_known_answer() -> None:
    with exact_arithmetic():
        assert machine.answer(FLOAT64, *machine._block("cpu")) == machine.KNOWN_ANSWER


def test_the_fastest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: dict[Kernel, float] = {FLOAT32: 3.0, INT8: 2.5}
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    monkeypatch.setattr(machine, "measured", lambda device: seconds)
    assert machine.kernel_for("cpu") is INT8
    seconds[INT8] = 4.0
    assert machine.kernel_for("cpu") is FLOAT32


def test_what_meddles_with_the_process_is_not_tried() -> None:
    assert not set(machine.measured("cpu")) & set(kernels.MEDDLING["cpu"])


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_a_kernel_can_be_forced(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(machine.VARIABLE, kernel.name)
    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    assert machine.kernel_for("cpu") is kernel
    model = svcodec.Codec().model
    assert model.kernel is kernel
    layers = [layer for layer in model.network.modules() if isinstance(layer, ExactConv2d)]
    used, finer = ({layer.kernel for layer in layers if layer.eight_bits == fit} for fit in (True, False))
    assert used == {kernel}
    assert finer == {FLOAT32 if kernel in (INT8, FLOAT32) else FLOAT64}  # of more than eight bits


@pytest.mark.parametrize("name", ["int7", "", "pairs"])
def test_others_can_not(name: str, offer: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that does not exist, nor one that is not exact here."""
    offer(Pairs(2**15 - 1), FLOAT32)
    monkeypatch.setenv(machine.VARIABLE, name)
    text = f"SVCODEC_KERNEL is '{name}', and there is no kernel of that name that is exact"
    for ask in (lambda: machine.kernel_for("cpu"), svcodec.Codec):
        with pytest.raises(svcodec.ModelError, match=text):
            ask()


class Backend:
    """A part of torch that has a switch."""

    def __init__(self, precision: str):
        self.fp32_precision = precision


@pytest.mark.parametrize("before", ["none", "ieee", "bf16"])
@pytest.mark.parametrize("fails", [False, True])
def test_switches_are_back_after_each_convolution(before: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, seen = Backend(before), []
    convolve = F.conv2d

    def watched(*arguments: Tensor, **options: object) -> Tensor:
        seen.append(backend.fp32_precision)
        if fails:
            raise RuntimeError("on purpose")
        return convolve(*arguments, **options)

    layer = layer_of(*weights(np.random.default_rng(0), 4, 3, 3, 127), [0] * 5, rectified=False)
    layer.kernel = Shortened("short", "bf16", lambda: backend)
    monkeypatch.setattr(kernels.F, "conv2d", watched)
    if fails:
        with pytest.raises(RuntimeError, match="on purpose"):
            layer(torch.zeros(1, 3, 5, 5))
    else:
        layer(torch.zeros(1, 3, 5, 5))
    assert seen == ["bf16"]
    assert backend.fp32_precision == before


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_kernel_codes_the_same(
    kernel: Kernel, photo: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {tier: svcodec.encode(photo, tier=tier) for tier in svcodec.TIERS}
    decoded = {tier: svcodec.decode(stream).tobytes() for tier, stream in expected.items()}
    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    monkeypatch.setenv(machine.VARIABLE, kernel.name)
    assert {tier: svcodec.encode(photo, tier=tier) for tier in svcodec.TIERS} == expected
    assert {tier: svcodec.decode(stream).tobytes() for tier, stream in expected.items()} == decoded
    assert svcodec.Codec().model.kernel is kernel
