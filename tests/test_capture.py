"""Training steps ask the host nothing, so that a GPU can replay them as one CUDA graph."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from svcodec.family.configuration import Configuration
from svcodec.family.hierarchy import build
from svcodec.models.photo import PhotoNetwork
from svcodec.training.album import Album
from svcodec.training.capture import captured
from svcodec.training.datasets import ImageSet
from svcodec.training.family_training import elbo_loss
from svcodec.training.loop import clip
from svcodec.training.objectives import ladder_loss

META = torch.device("meta")  # stands for a GPU; it computes nothing, so whoever reads from it or counts true ones fails
SIZES = {"latent_side": 4, "latent_channels": 2, "width": 8, "layers": 1, "blocks": 1, "couplings": 2, "logistics": 2}


class Strangers(TorchDispatchMode):
    """Notes what tensors of another device take part in."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = function(*args, **(kwargs or {}))
        tensors = [value for value in tree_flatten((args, kwargs, outputs))[0] if isinstance(value, Tensor)]
        if any(tensor.device != META for tensor in tensors):
            self.found.append(str(function))
        return outputs


class Sent(TorchFunctionMode):
    """Notes what `Strangers` sees nothing of.

    That is tensors made from Python's numbers, and products, whose gradient counts zeros and reads how many.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in (torch.prod, Tensor.prod) and args[0].is_floating_point():
            self.found.append("prod")
        made = function in (torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor)
        if made and not isinstance(args[-1], Tensor):
            self.found.append(function.__name__)
        return function(*args, **(kwargs or {}))


def asked(step: Callable[[], object]) -> list[str]:
    """What a step asks of the host, after a first one that may."""
    step()
    with Strangers() as strangers, Sent() as sent:
        step()
    return strangers.found + sent.found


def gradients(net: nn.Module, loss: Callable[[Any, Tensor], tuple[Tensor, Any]], batch: Callable[[], Tensor]) -> None:
    net.zero_grad(set_to_none=True)
    value, _ = loss(net, batch())
    value.backward()
    clip(list(net.parameters()), 1.0)


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which knows no such device."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: contextlib.nullcontext())


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(16, (), "realnvp", **SIZES),
        Configuration(16, (), "normal", **SIZES),
        Configuration(16, (), "mixture", gaussians=3, **SIZES),
        Configuration(16, ("downscale", "downscale", "downscale"), "realnvp", **SIZES),
        Configuration(16, ("colours", "blur", "median", "downscale+sketch"), "normal", **SIZES),
        Configuration(16, ("greyscale", "silhouette"), "normal", **SIZES),
    ],
)
def test_a_gpu_can_replay_the_steps_of_the_family(configuration: Configuration) -> None:
    net = build(configuration).train().to(META)
    samples = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    images = ImageSet(samples, samples, samples, augmented=True)
    assert asked(lambda: gradients(net, elbo_loss, lambda: images.batch(2, 16, META))) == []


def test_a_gpu_can_replay_the_steps_of_the_photo_model() -> None:
    net = PhotoNetwork().train().to(META)
    photos = [torch.zeros(3, 300, 320, dtype=torch.uint8)] * 2
    album = Album(photos, photos, META)
    assert asked(lambda: gradients(net, ladder_loss, lambda: album.crops(4, 256))) == []


def test_what_a_gpu_can_not_replay_is_found() -> None:
    here, there = torch.zeros(3), torch.zeros(3, device=META)
    assert asked(lambda: here.to(META)) == ["aten._to_copy.default"]
    assert asked(lambda: there + torch.tensor([1.0, 2.0, 3.0], device=META)) == ["tensor"]
    assert asked(lambda: there.prod()) == ["prod"]
    for read in (lambda: there.sum().item(), lambda: there[there > 0], lambda: there.cpu()):
        with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
            asked(read)


def test_steps_run_as_they_are_without_a_gpu() -> None:
    def step() -> dict[str, Tensor]:
        return {}

    assert captured(step, torch.device("cpu")) is step
