"""What goes to other processes: pickled, copied, forked and spawned."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import svcodec
from svcodec.codec import model_files
from svcodec.models import storage

Samples = npt.NDArray[np.uint8]

WAYS = [pickle.dumps, copy.copy, copy.deepcopy]
PATIENCE = 120  # seconds


def there_and_back(thing: Any, way: Callable[[Any], Any]) -> Any:
    return pickle.loads(pickle.dumps(thing)) if way is pickle.dumps else way(thing)


@pytest.fixture(scope="module")
def noise() -> Samples:
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def rejected(noise: Samples) -> svcodec.RejectedError:
    with pytest.raises(svcodec.RejectedError) as caught:
        svcodec.encode(noise, tier="sketch", gate="reject")
    return caught.value


@pytest.mark.parametrize("way", WAYS)
def test_errors(way: Callable[[Any], Any], rejected: svcodec.RejectedError) -> None:
    back = there_and_back(rejected, way)
    assert type(back) is svcodec.RejectedError
    assert (str(back), back.assessment) == (str(rejected), rejected.assessment)
    public = [value for name in svcodec.__all__ if isinstance(value := getattr(svcodec, name), type)]
    for kind in public:
        if issubclass(kind, Exception) and kind is not svcodec.RejectedError:
            back = there_and_back(kind("the text"), way)
            assert type(back) is kind and str(back) == "the text"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("used", [False, True])
def test_codecs(way: Callable[[Any], Any], used: bool, photo: Samples) -> None:
    codec = svcodec.Codec()
    if used:
        codec.encode(photo, tier="lossless")
    back = there_and_back(codec, way)
    assert back.model is codec.model
    for tier in ("sketch", "lossless"):
        assert back.encode(photo, tier=tier) == codec.encode(photo, tier=tier)
    assert back.assess(photo) == codec.assess(photo)
    assert len(pickle.dumps(codec)) < 2000  # no weights


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_back(way: Callable[[Any], Any], photo: Samples, stream: bytes) -> None:
    codec = svcodec.Codec()
    gate = there_and_back(codec.gate, way)
    assert gate.assess(photo) == codec.gate.assess(photo)
    calibration = codec.gate.calibration
    for thing in (codec.assess(photo), calibration, svcodec.inspect(stream), svcodec.inspect_machine()):
        assert there_and_back(thing, way) == thing
    own = svcodec.Codec(calibration=replace(calibration, threshold=-1e3))
    assert there_and_back(own, way).assess(photo) == own.assess(photo)


def test_a_codec_of_another_file(own_model: Path, photo: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found from any folder, under the name that it was registered by too, unless it changed."""
    twin = own_model.parent / "twin" / own_model.name
    twin.parent.mkdir()
    twin.write_bytes(own_model.read_bytes())
    svcodec.Codec(twin)  # the same weights, loaded from elsewhere before
    twin.unlink()
    monkeypatch.chdir(own_model.parent)
    svcodec.register_model(own_model.name)
    codecs = [svcodec.Codec(model) for model in (own_model.name, Path(own_model.name), "own")]
    pickled = [pickle.dumps(codec) for codec in codecs]
    data = codecs[0].encode(photo)
    monkeypatch.chdir("/")
    monkeypatch.setattr(model_files, "_registered", {})
    model_files._loaded.clear()
    for content in pickled:
        assert pickle.loads(content).encode(photo) == data
    tensors, metadata = storage.from_bytes(own_model.read_bytes())
    own_model.write_bytes(storage.to_bytes(tensors, metadata | {"note": "another file"}))
    assert pickle.loads(pickled[0]).encode(photo) == data  # it is still loaded
    model_files._loaded.clear()
    for content in pickled:
        with pytest.raises(svcodec.ModelError, match=r"own\.safetensors holds other weights now"):
            pickle.loads(content)
    own_model.unlink()
    with pytest.raises(svcodec.ModelError, match="No such file"):
        pickle.loads(pickled[0])


def test_a_gate_that_changes_is_read_again(own_model: Path, photo: Samples) -> None:
    """As are weights, which another test tells."""
    own_gate, gate = own_model.with_stem("own-gate"), svcodec.Codec().gate
    for threshold in (-5.0, -6.0):
        own_gate.write_bytes(gate.calibrated(replace(gate.calibration, threshold=threshold)).to_bytes())
        assert svcodec.Codec(own_model).assess(photo).threshold == threshold
    own_gate.write_bytes(b"something else")
    with pytest.raises(svcodec.ModelError, match="can't be loaded"):
        svcodec.Codec(own_model).assess(photo)


def test_calibrations_are_read_at_once(tmp_path: Path) -> None:
    """Not after all coding, nor from another folder then."""
    path = tmp_path / "calibration"
    with pytest.raises(svcodec.InputError, match="No such file"):
        svcodec.Codec(calibration=path)
    path.write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(svcodec.ModelError, match=f"calibration {path} can't be read"):
        svcodec.Codec(calibration=path)


def test_errors_come_out_of_other_processes(noise: Samples) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        result = pool.submit(svcodec.encode, noise, tier="sketch", gate="reject")
        with pytest.raises(svcodec.RejectedError) as caught:
            result.result(PATIENCE)
        assert not caught.value.assessment.accepted


# A program with two threads codes, then other processes do; what they give has to come within a time.
PROGRAM = """
import multiprocessing, sys
import numpy as np
import torch
import svcodec

def work(codec, picture, tier):
    return svcodec.encode(picture, tier=tier) if codec is None else codec.encode(picture, tier=tier)

def assessed(codec, picture):
    return codec.assess(picture).score

if __name__ == "__main__":
    torch.set_num_threads(2)
    from svcodec.models import threads
    threads.usable_cpus = lambda: 2
    rows, columns = np.mgrid[:320, :288]  # large enough for two threads
    picture = np.stack([rows % 256, columns % 256, (rows + columns) % 256], -1).astype(np.uint8)
    codec = svcodec.Codec()
    expected = {tier: codec.encode(picture, tier=tier) for tier in ("sketch", "high")}
    score = codec.assess(picture).score
    torch.ones(1 << 20).add_(1)
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        for tier, data in expected.items():
            for own in (codec, None):
                assert pool.apply_async(work, (own, picture, tier)).get(timeout=100) == data
        assert abs(pool.apply_async(assessed, (codec, picture)).get(timeout=100) - score) < 0.01
    assert torch.get_num_threads() == 2
    assert codec.encode(picture, tier="sketch") == expected["sketch"]
"""


METHODS = multiprocessing.get_all_start_methods()


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=pytest.mark.slow if m == "forkserver" else ()) for m in METHODS]
)
def test_other_processes_code(method: str, tmp_path: Path) -> None:
    """Forked ones too, though the teams of threads that torch made are not there in them."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    result = subprocess.run([sys.executable, str(path), method], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_while_others_hold_locks(photo: Samples) -> None:
    """The new process finds them free, and settings as the program has them."""
    from svcodec.codec import model
    from svcodec.models.arithmetic import exact_arithmetic

    codec, held, leave = svcodec.Codec(), threading.Event(), threading.Event()
    data = codec.encode(photo)

    def hold() -> None:
        with model._testing, model_files._lock, exact_arithmetic():
            held.set()
            leave.wait()

    with ThreadPoolExecutor(1) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
        pool.submit(hold)
        held.wait()
        child = os.fork()
        if child == 0:
            import torch

            right = torch.backends.mkldnn.conv.fp32_precision == "none" and svcodec.encode(photo) == data
            os._exit(0 if right else 1)
        leave.set()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_many_threads_share_a_codec(photo: Samples) -> None:
    codec = svcodec.Codec()
    expected = {tier: codec.encode(photo, tier=tier) for tier in ("high",)}
    with ThreadPoolExecutor(8) as pool:
        for tier, data in expected.items():
            assert set(pool.map(lambda _, tier=tier: codec.encode(photo, tier=tier, verify=True), range(8))) == {data}
