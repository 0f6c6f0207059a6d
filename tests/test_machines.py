"""Exactness: one picture, one stream, and one stream, one picture, whatever the machine, its threads and arithmetic."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import Tensor

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import model, model_files
from svcodec.codec.model import known_answer
from svcodec.models import machine
from svcodec.models.kernels import FLOAT64, Float, Kernel, Layer
from svcodec.models.photo import PhotoNetwork

Samples = npt.NDArray[np.uint8]

GOLDEN = Path(__file__).parent / "golden"
PIXELS: dict[str, str] = json.loads((GOLDEN / "pixels.json").read_text())

# Environment variables, and statements to run before coding.
SETTINGS = {
    "one thread": ({}, "torch.set_num_threads(1)"),
    "two threads": ({}, "torch.set_num_threads(2)"),
    "no vector instructions": ({"ATEN_CPU_CAPABILITY": "default"}, ""),
    "AVX2": ({"ATEN_CPU_CAPABILITY": "avx2"}, ""),
    "AVX-512": ({"ATEN_CPU_CAPABILITY": "avx512"}, ""),
    "oneDNN off": ({}, "torch.backends.mkldnn.enabled = False"),
    "oneDNN limited to SSE4.1": ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, ""),
    "oneDNN limited to AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, ""),
    "reduced precision allowed": ({}, "torch.set_float32_matmul_precision('medium')"),
    "float64 sums": ({"SVCODEC_KERNEL": "float64"}, ""),
    "three threads, no oneDNN, AVX2": (
        {"ATEN_CPU_CAPABILITY": "avx2"},
        "torch.set_num_threads(3); torch.backends.mkldnn.enabled = False",
    ),
}
# Under each of these, everything is coded by every kernel that is exact there, with one thread and with two.
PROCESSORS = {
    **{
        f"oneDNN limited to {isa}": ({"ONEDNN_MAX_CPU_ISA": isa}, "")
        for isa in ("SSE41", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
    },
    "oneDNN not limited": ({}, ""),
    "no vector instructions": ({"ATEN_CPU_CAPABILITY": "default"}, ""),
    "short products allowed": ({}, "torch.backends.fp32_precision = 'bf16'"),
}

# Prints what an ordinary convolution gives; of the codec, pixels of streams, and streams and pixels of a picture.
PROGRAM = """
import hashlib, json, os, pathlib, sys
import torch
{statements}
import numpy as np
import svcodec
from svcodec.codec import model_files
from svcodec.models import machine, threads
from svcodec.models.kernels import BFLOAT16, FLOAT32, FLOAT64, INT8
threads.PIXELS, threads.usable_cpus = 1, lambda: 64  # as many threads as are set, for small pictures too
streams, picture, every = pathlib.Path(sys.argv[1]), np.load(sys.argv[2]), sys.argv[3] == "every"

def sha(data):
    return hashlib.sha256(data).hexdigest()

def decoded(codec, data):
    try:
        return sha(codec.decode_array(data).tobytes())
    except svcodec.SvcodecError as error:
        return str(error)

def coded():
    model_files._loaded.clear()
    codec = svcodec.Codec()
    # no effort: the search for corrections, which only an encoder needs, rounds as the machine does
    efforts = {{tier: 1 if tier == "lossless" else None for tier in svcodec.TIERS}}
    coded = {{tier: codec.encode(picture, tier=tier, effort=effort) for tier, effort in efforts.items()}}
    return {{tier: [sha(data), decoded(codec, data)] for tier, data in coded.items()}}

torch.manual_seed(0)
ordinary = torch.nn.Conv2d(64, 64, 3)(torch.randn(1, 64, 32, 32)).detach().numpy().tobytes()
found = {{"ordinary": sha(ordinary), "golden": {{}}, "coded": {{}}}}
if every:
    exact = [kernel.name for kernel in (INT8, BFLOAT16, FLOAT32, FLOAT64) if machine.is_exact(kernel, "cpu")]
    for os.environ[machine.VARIABLE] in exact:
        for number in (1, 2):
            torch.set_num_threads(number)
            found["coded"][f"{{os.environ[machine.VARIABLE]}}, {{number}} threads"] = coded()
else:
    found["coded"]["fastest"] = coded()
    codec = svcodec.Codec()
    found["golden"] = {{path.stem: decoded(codec, path.read_bytes()) for path in sorted(streams.glob("*.svc"))}}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def picture(portrait_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of a photo, of 129 x 97 pixels, as NumPy saves it."""
    with Image.open(portrait_path) as photo:
        part = np.asarray(photo.convert("RGB"))[100:197, 180:309]
    path = tmp_path_factory.mktemp("picture") / "picture.npy"
    np.save(path, part)
    return path


@functools.cache
def outcome(setting: str, picture: Path, every: bool = False) -> dict[str, Any]:
    """What a process under a setting finds."""
    variables, statements = (PROCESSORS if every else SETTINGS)[setting]
    arguments = [str(GOLDEN), str(picture), "every" if every else "fastest"]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statements=statements), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def expected(picture: Path) -> dict[str, list[str]]:
    """Of each tier, SHA-256 of the picture's stream and of its pixels: by float64, which no algorithm can round."""
    (found,) = outcome("float64 sums", picture)["coded"].values()
    return found


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.svc")), ids=lambda path: path.relative_to(GOLDEN).as_posix())
def test_golden_stream(path: Path) -> None:
    """Those of releases too, each of which has a folder: they stay readable."""
    decoded = svcodec.decode_array(path)
    assert (
        hashlib.sha256(decoded.tobytes()).hexdigest()
        == json.loads(path.with_name("pixels.json").read_text())[path.stem]
    )


@pytest.mark.parametrize("setting", SETTINGS)
def test_golden_streams_and_every_tier_are_coded_the_same_under(
    setting: str, picture: Path, expected: dict[str, list[str]]
) -> None:
    found = outcome(setting, picture)
    assert found["golden"] == PIXELS
    assert found["coded"] == {"fastest": expected}
    assert expected.keys() == set(svcodec.TIERS)


def test_ordinary_floats_are_not_exact(picture: Path) -> None:
    """The settings above do change an ordinary network's results: the tests above can fail."""
    found = (outcome(setting, picture)["ordinary"] for setting in SETTINGS)
    first = next(found)
    assert any(other != first for other in found)


@pytest.mark.slow
@pytest.mark.parametrize("setting", PROCESSORS)
def test_every_kernel_codes_the_same_under(setting: str, picture: Path, expected: dict[str, list[str]]) -> None:
    found = outcome(setting, picture, every=True)["coded"]
    assert {"float32, 1 threads", "float64, 2 threads"} <= found.keys()
    assert {ways: coded for ways, coded in found.items() if coded != expected} == {}


class Treacherous(Float):
    """Is right about the layers that a machine is tried on, and rounds everywhere else."""

    def convolve(self, x: Tensor, layer: Layer) -> Tensor:
        right = super().convolve(x, layer)
        return right if x.shape[-2:] == machine.SIZE else right * (1 + 2.0**-20)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The known answers that models, loaded anew, give."""
    given: list[str] = []

    def answer(network: PhotoNetwork, device: torch.device) -> str:
        given.append(known_answer(network, device))
        return given[-1]

    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    monkeypatch.setattr(model, "known_answer", answer)
    return given


@pytest.fixture(scope="module")
def streams(picture: Path) -> dict[str, bytes]:
    """A picture's streams, by an honest machine."""
    return {tier: svcodec.encode(np.load(picture), tier=tier) for tier in svcodec.TIERS}


@pytest.fixture(scope="module")
def pictures(streams: dict[str, bytes]) -> dict[str, bytes]:
    """What they decode to."""
    return {tier: svcodec.decode(data).tobytes() for tier, data in streams.items()}


@pytest.fixture
def treacherous(
    streams: dict[str, bytes], pictures: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kernel]:
    """The only kernel of this machine."""
    kernel = Treacherous(torch.float32)
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    monkeypatch.setitem(machine.KERNELS, "cpu", (kernel,))
    machine.measured.cache_clear()
    yield kernel
    machine.measured.cache_clear()


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_a_machine_that_rounds_falls_back_to_float64(
    tier: str, answers: list[str], streams: dict[str, bytes], pictures: dict[str, bytes], treacherous: Kernel
) -> None:
    """The seal of the picture finds it out, before any known answer was asked for."""
    found = model_files.load_named(svcodec.inspect(streams[tier]).model)
    assert found.kernel is treacherous
    assert svcodec.decode(streams[tier]).tobytes() == pictures[tier]
    assert found.kernel is FLOAT64
    assert len(answers) == 2
    assert svcodec.decode(streams[tier]).tobytes() == pictures[tier]
    assert len(answers) == 2


def test_encoders_fall_back_before_they_begin(
    picture: Path, answers: list[str], streams: dict[str, bytes], treacherous: Kernel
) -> None:
    codec = svcodec.Codec()
    assert codec.model.kernel is FLOAT64
    assert len(answers) == 2
    assert codec.encode(np.load(picture)) == streams["standard"]


def test_a_machine_that_always_rounds_is_refused(
    answers: list[str], streams: dict[str, bytes], treacherous: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "FLOAT64", Treacherous(torch.float64))
    data = streams["standard"]
    for code in (lambda: svcodec.decode(data), lambda: svcodec.decode(data, seed=1), svcodec.Codec):
        with pytest.raises(svcodec.ModelError, match="not computed exactly on this machine"):
            code()


def test_what_tests_the_machine(answers: list[str], streams: dict[str, bytes]) -> None:
    """A stream with its seal needs no known answer; a draw, a damaged stream and an encoder do, and one is enough."""
    data = streams["sketch"]
    svcodec.decode(data)
    assert len(answers) == 0
    stream = unpack(data)
    damaged = pack(replace(stream, codes=bytes([stream.codes[0] ^ 1]) + stream.codes[1:]))
    for _ in range(2):
        with pytest.raises(svcodec.StreamError):
            svcodec.decode(damaged)
    assert len(answers) == 1
    svcodec.decode(data, seed=1)
    svcodec.Codec()
    assert len(answers) == 1
    for code in (lambda: svcodec.decode(data, seed=1), svcodec.Codec):
        model_files._loaded.clear()
        answers.clear()
        code()
        assert len(answers) == 1
