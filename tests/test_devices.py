"""Other devices than the CPU: a pretended one, where what lies on the CPU is an error, and a GPU if there is one."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch.utils import _pytree as pytree
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

import svcodec
from svcodec.codec import lossless, model_files

Samples = npt.NDArray[np.uint8]

GOLDEN = Path(__file__).parent / "golden"
PIXELS: dict[str, str] = json.loads((GOLDEN / "pixels.json").read_text())
PRETENDED = "pretended"
# What takes tensors of two devices: copies, and indices, which may lie on the CPU.
MIXING = {"aten::_to_copy", "aten::copy_", "aten::to.device", "aten::to.dtype", "aten::to.dtype_layout"}
INDEXING = {"aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"}


class Far(torch.Tensor):
    """A tensor on the pretended device; its values lie on the CPU."""

    values: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> Far:
        far = torch.Tensor._make_wrapper_subclass(
            cls, values.shape, values.stride(), values.storage_offset(), dtype=values.dtype, device=PRETENDED
        )
        far.values = values
        return far

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return far_away(func, args, kwargs or {})


class Backend(getattr(backend_registration, "_DummyBackendModule", object)):
    """What torch asks a kind of device."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return []


class Pretending(TorchDispatchMode):
    """Lets torch have the pretended device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return far_away(func, args, kwargs or {})


def far_away(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do an operation where its tensors are, which has to be in one place, as it would on a real device."""
    leaves = [*flat(args), *flat(kwargs.values())]
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    far = {id(tensor.values): tensor for tensor in tensors if isinstance(tensor, Far)}
    where = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
    goes_far = where[0].type == PRETENDED if where else bool(far)
    if not far and not goes_far:
        return func(*args, **kwargs)
    if func.name() == "aten::_has_compatible_shallow_copy_type":
        return len({type(tensor) for tensor in tensors}) == 1
    if func.name() == "aten::copy_":
        goes_far = isinstance(tensors[0], Far)
    indexing = func.name() in INDEXING and isinstance(args[0], Far)
    mixed = tensors if func.name() in MIXING else tensors[1:] if indexing else []
    for tensor in tensors:
        if far and not isinstance(tensor, Far) and tensor.dim() and all(tensor is not other for other in mixed):
            raise RuntimeError(f"{func}: Expected all tensors to be on the same device, but one is on cpu")
    result = func(*near(args), **{name: near(value) for name, value in kwargs.items()})
    if not goes_far:
        return result
    return pytree.tree_map_only(torch.Tensor, lambda found: far[id(found)] if id(found) in far else Far(found), result)


def flat(values: Any) -> Iterator[Any]:
    for value in values:
        yield from flat(value) if isinstance(value, (list, tuple)) else (value,)


def near(value: Any) -> Any:
    """The same on the CPU."""
    if isinstance(value, (list, tuple)):
        return [near(part) for part in value]
    return value.values if isinstance(value, Far) else torch.device("cpu") if isinstance(value, torch.device) else value


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a device that is not there."""
    if Backend.__base__ is object:
        pytest.skip("this torch knows no devices made in Python")
    if not hasattr(torch, PRETENDED):
        backend_registration._setup_privateuseone_for_python_backend(PRETENDED, Backend())
    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor makes its tensor on the CPU, then takes it there
    try:
        with Pretending():
            yield PRETENDED
    finally:
        torch._C._set_only_lift_cpu_tensors(False)


@pytest.fixture(scope="module")
def picture(portrait_path: Path) -> Samples:
    """A part of a photo with odd sides, uint8 (97, 129, 3)."""
    with Image.open(portrait_path) as photo:
        return np.asarray(photo.convert("RGB"))[100:197, 180:309]


def test_the_pretended_device_is_as_strict_as_a_real_one(pretended: str) -> None:
    here, there = torch.arange(6), torch.arange(6, device=pretended)
    for wrong in (
        lambda: here + there,
        lambda: here[there],
        lambda: torch.cat([here, there]),
        lambda: there.add_(here),
    ):
        with pytest.raises(RuntimeError, match="same device"):
            wrong()
    with pytest.raises((RuntimeError, TypeError)):
        there.numpy()
    index = torch.tensor([1, 2], device=pretended)
    assert (there[index] + there[here[1:3]] * torch.tensor(2) + 1).cpu().tolist() == [4, 7]
    there[2:].add_(10)
    assert there.cpu().tolist() == [0, 1, 12, 13, 14, 15]
    assert there.device.type == pretended


def test_all_of_coding_stays_on_its_device(picture: Samples, pretended: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tier; the pictures and streams are those of the CPU."""
    codec, far = svcodec.Codec(), svcodec.Codec(device=pretended)
    monkeypatch.setattr(lossless, "BITS_BACK_EFFORT", 1)
    picture = picture[:41, :27]
    for tier in svcodec.TIERS:
        effort = 1 if tier == "lossless" else None
        data = far.encode(picture, tier=tier, effort=effort)
        assert data == codec.encode(picture, tier=tier, effort=effort)
        assert far.decode(data).tobytes() == codec.decode(data).tobytes()
    grey = picture[..., 1]
    searched = far.encode(grey, tier="lossless", effort=3, verify=True)  # its search rounds as it may
    assert np.array_equal(codec.decode(searched), grey)
    far.decode(far.encode(grey, tier="sketch"), seed=1)


@pytest.mark.parametrize("device", ["cuda", "meta", "no-such-device", "cuda:99", "", "cpu:x", None])
def test_devices_that_are_not_there_are_refused(device: Any, stream: bytes) -> None:
    if str(device).startswith("cuda") and torch.cuda.is_available() and device == "cuda":
        pytest.skip("there is one")
    for code in (lambda: svcodec.Codec(device=device), lambda: svcodec.decode(stream, device=device)):
        with pytest.raises(svcodec.ModelError, match="the networks can't run on device") as caught:
            code()
        assert "\n" not in str(caught.value)


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@gpu
@pytest.mark.parametrize("name", PIXELS)
def test_golden_streams_on_a_gpu(name: str) -> None:
    decoded = svcodec.decode((GOLDEN / f"{name}.svc").read_bytes(), device="cuda")
    assert hashlib.sha256(decoded.tobytes()).hexdigest() == PIXELS[name]


@gpu
@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize("tier", svcodec.TIERS)
@pytest.mark.parametrize("size", [(97, 129), (1, 1), (64, 33)])
def test_streams_of_a_gpu(tier: str, size: tuple[int, int], precision: str, picture: Samples) -> None:
    """They are those of the CPU, whatever the program lets its products be, and decode on either."""
    part, before = picture[: size[0], : size[1]], torch.get_float32_matmul_precision()
    effort = 1 if tier == "lossless" else None
    expected = svcodec.encode(part, tier=tier, effort=effort)
    torch.set_float32_matmul_precision(precision)
    try:
        data = svcodec.encode(part, tier=tier, effort=effort, device="cuda", verify=True)
        assert data == expected
        assert svcodec.decode(data, device="cuda").tobytes() == svcodec.decode(data).tobytes()
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


@gpu
def test_searched_streams_of_a_gpu(picture: Samples) -> None:
    data = svcodec.encode(picture, tier="lossless", device="cuda", verify=True)
    assert np.array_equal(svcodec.decode(data), picture)
    score = svcodec.assess(picture, device="cuda").score
    assert score == pytest.approx(svcodec.assess(picture).score, abs=0.01)
