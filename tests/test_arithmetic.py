"""Exact arithmetic inside any program: what it sets aside, and that everything is back as it was."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

import svcodec
from svcodec.models import arithmetic
from svcodec.models.arithmetic import exact_arithmetic, undisturbed
from svcodec.models.kernels import FLOAT32, FLOAT64, Float, Kernel, Layer
from svcodec.models.machine import Canary, is_exact, measured

ABOVE = [("generic", "all"), ("mkldnn", "all"), ("cuda", "all")]
OPERATIONS = [(backend, operation) for backend in ("mkldnn", "cuda") for operation in ("conv", "matmul", "rnn")]
SHORT = {"mkldnn": "bf16", "cuda": "tf32", "generic": "bf16"}
EXACT = {"none", "ieee"}
HELD = [("mkldnn", "conv"), ("mkldnn", "matmul")]

Eager = runpy.run_path(str(Path(__file__).with_name("hosts.py")))["Eager"]  # tests are no package
get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter


def own_settings() -> dict[tuple[str, str], str]:
    """What is set for each kind of operation itself; all of it is "none" afterwards."""
    found = {}
    for key in (*ABOVE, *OPERATIONS):
        found[key] = get(*key)
        put(*key, "none")
    return found


def restore(settings: dict[tuple[str, str], str]) -> None:
    for key, value in settings.items():
        put(*key, value)


def look() -> dict[tuple[str, str], str]:
    """The same, left as it is."""
    found = own_settings()
    restore(found)
    return found


@pytest.fixture(autouse=True)
def host() -> Iterator[None]:
    """Whatever a test sets is as it was before."""
    before, legacy = look(), torch.get_float32_matmul_precision()
    yield
    own_settings()
    torch.set_float32_matmul_precision(legacy)
    restore(before)


@pytest.mark.parametrize("precision", ["none", "ieee", "short"])
@pytest.mark.parametrize(
    "keys", [OPERATIONS, ABOVE, ABOVE[:1], ABOVE[1:2]], ids=["operations", "all", "generic", "oneDNN"]
)
def test_precisions_are_held_and_put_back(precision: str, keys: list[tuple[str, str]]) -> None:
    """Those that inherit what is set for more go on inheriting it."""
    for key in keys:
        put(*key, SHORT[key[0]] if precision == "short" else precision)
    host = look()
    with exact_arithmetic():
        assert {get(*key) for key in HELD} <= EXACT
        with exact_arithmetic():
            pass
        assert {get(*key) for key in HELD} <= EXACT
    assert look() == host
    with pytest.raises(RuntimeError, match="on purpose"), exact_arithmetic():
        raise RuntimeError("on purpose")
    assert look() == host


def test_the_precision_of_other_devices_is_left_alone() -> None:
    """A program may train on a GPU while it codes on the CPU."""
    torch.set_float32_matmul_precision("high")
    with exact_arithmetic():
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        assert torch.backends.cuda.matmul.allow_tf32
        with exact_arithmetic("cuda"):
            assert torch.backends.cuda.matmul.fp32_precision in EXACT
    assert torch.get_float32_matmul_precision() == "high"


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_old_and_new_names_may_be_mixed(precision: str, kind: str) -> None:
    torch.set_float32_matmul_precision(precision)
    for key, value in ((("cuda", "matmul"), "tf32"), (("mkldnn", "matmul"), "bf16"), (("cuda", "conv"), "ieee")):
        put(*key, value)
        host = look()
        with exact_arithmetic(kind):
            pass
        assert look() == host
    torch.set_float32_matmul_precision(precision)
    assert torch.get_float32_matmul_precision() == precision


def test_settings_are_held_as_long_as_anybody_computes() -> None:
    """Whoever is done first must not let go of what another still needs, nor leave it held."""
    torch.set_float32_matmul_precision("medium")
    host = look()
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with exact_arithmetic():
            inside.set()
            leave.wait()

    with ThreadPoolExecutor(1) as pool:
        with exact_arithmetic():
            longer = pool.submit(stay)
            inside.wait()
        assert {get(*key) for key in HELD} <= EXACT
        leave.set()
        longer.result()
    assert look() == host
    assert torch.get_float32_matmul_precision() == "medium"


def test_what_the_program_sets_meanwhile_is_noticed_and_lasts() -> None:
    with exact_arithmetic() as watch:
        assert not watch.disturbed
        torch.set_float32_matmul_precision("medium")
        with exact_arithmetic() as later:
            assert get("mkldnn", "matmul") in EXACT
            assert watch.disturbed
            assert not later.disturbed
    assert torch.get_float32_matmul_precision() == "medium"
    assert get("mkldnn", "matmul") == "bf16"


def test_what_is_set_for_more_meanwhile_is_noticed_too() -> None:
    with exact_arithmetic() as watch:
        torch.backends.fp32_precision = "bf16"
        assert watch.disturbed
        assert {get(*key) for key in HELD} == {"ieee"}
    assert {get(*key) for key in HELD} == {"bf16"}
    assert look()["mkldnn", "conv"] == "none"


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize("before", ["highest", "medium"])
def test_the_older_name_means_what_it_says(before: str, precision: str) -> None:
    """A program that asks for more precision meanwhile disturbs nobody, but gets it."""
    torch.set_float32_matmul_precision(before)
    with exact_arithmetic() as watch:
        torch.set_float32_matmul_precision(precision)
        assert watch.disturbed is (precision != "highest")
    assert torch.get_float32_matmul_precision() == precision
    expected = look()
    torch.set_float32_matmul_precision(precision)
    assert look() == expected


class Halving(TorchFunctionMode):
    """Makes shorter floats of all results."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        return result.half() if isinstance(result, torch.Tensor) and result.is_floating_point() else result


def test_what_is_set_for_a_thread_is_set_aside() -> None:
    one = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16), torch.device("meta"), Halving(), np.errstate(all="raise"):
        with torch.inference_mode(False), exact_arithmetic():
            assert torch.is_inference_mode_enabled() and not torch.is_autocast_enabled("cpu")
            assert torch.zeros(1).device.type == "cpu"
            assert (one @ one).dtype == (one + one).dtype == torch.float32
            assert np.isinf(np.float32(1) / np.float32(0))
        assert torch.is_autocast_enabled("cpu") and not torch.is_inference_mode_enabled()
        assert torch.get_default_device().type == "meta"
        assert (one + one).dtype == torch.float16
        with pytest.raises(FloatingPointError):
            np.float32(1) / np.float32(0)


@pytest.mark.parametrize("fails", [False, True])
def test_disturbed_work_is_done_again(fails: bool) -> None:
    """Also where it ended in an error: that may be no more than what disturbed it."""
    calls = []

    def work() -> int:
        calls.append(get("mkldnn", "conv"))
        if len(calls) == 1:
            torch.backends.mkldnn.conv.fp32_precision = "bf16"
            if fails:
                raise svcodec.CorruptError("on purpose")
        return len(calls)

    assert undisturbed("cpu", 0, work) == 2
    assert set(calls) <= EXACT
    assert get("mkldnn", "conv") == "bf16"


def test_work_that_is_always_disturbed_is_given_up() -> None:
    def work() -> None:
        torch.backends.mkldnn.conv.fp32_precision = "bf16"

    with pytest.raises(svcodec.ModelError, match="another thread"):
        undisturbed("cpu", 0, work)


def test_errors_of_work() -> None:
    """Ours as they are, torch's in our words but where memory ran out."""

    def failing(error: Exception) -> None:
        def work() -> None:
            raise error

        undisturbed("cpu", 0, work)

    with pytest.raises(svcodec.CorruptError, match="ours"):
        failing(svcodec.CorruptError("ours"))
    with pytest.raises(svcodec.ModelError, match=r"torch can't compute here: first line$"):
        failing(RuntimeError("first line\nsecond line"))
    with pytest.raises(RuntimeError, match="allocate memory"):
        failing(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"))


class Rounding(Float):
    """Is a little off."""

    def convolve(self, x: torch.Tensor, layer: Layer) -> torch.Tensor:
        return super().convolve(x, layer) * (1 + 2.0**-20)


@pytest.mark.parametrize(("kernel", "wider"), [(Rounding(torch.float32), FLOAT32), (FLOAT32, Rounding(torch.float32))])
def test_a_canary_tells_inexact_kernels(kernel: Kernel, wider: Kernel) -> None:
    with exact_arithmetic():
        for exact in (FLOAT64, *measured("cpu")):
            assert is_exact(exact, "cpu")
            assert Canary(exact, FLOAT32, "cpu").sings()
        assert not Canary(kernel, wider, "cpu").sings()


def test_a_canary_tells_short_products() -> None:
    with exact_arithmetic(), Eager():
        canary = Canary(FLOAT64, FLOAT32, "cpu")
        put("mkldnn", "conv", "bf16")
        assert not canary.sings()
        put("mkldnn", "conv", "ieee")
        assert canary.sings()


@pytest.mark.usefixtures("learned")
def test_a_machine_that_ceases_to_be_exact_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, picture = svcodec.Codec(), np.zeros((16, 16, 3), np.uint8)
    data = codec.encode(picture)
    with exact_arithmetic():
        monkeypatch.setattr(codec.model, "_canary", Canary(Rounding(torch.float32), FLOAT32, "cpu"))
    for code in (lambda: codec.encode(picture), lambda: codec.decode(data, seed=1)):
        with pytest.raises(svcodec.ModelError, match="no longer computed exactly"):
            code()


def test_nothing_is_left_of_the_context() -> None:
    with exact_arithmetic("cuda"):
        pass
    assert {held._users for held in arithmetic._ELSEWHERE} == {0}


@pytest.mark.usefixtures("learned")
def test_tensors_without_values_are_refused() -> None:
    """In a mode that traces programs nothing can be coded; afterwards it can."""
    codec, picture = svcodec.Codec(), np.zeros((16, 16, 3), np.uint8)
    data = codec.encode(picture)
    with FakeTensorMode():
        for code in (lambda: codec.encode(picture), lambda: codec.decode(data)):
            with pytest.raises(svcodec.ModelError, match="torch can't compute here"):
                code()
    assert codec.encode(picture) == data
