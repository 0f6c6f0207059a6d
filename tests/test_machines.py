"""Exactness: one stream, one picture, whatever the machine, its threads and its arithmetic."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import model, model_files
from svcodec.codec.model import known_answer
from svcodec.models import exact
from svcodec.models.exact import exact_conv2d
from svcodec.models.selfvae import SelfVAE

GOLDEN = Path(__file__).parent / "golden"
PIXELS: dict[str, str] = json.loads((GOLDEN / "pixels.json").read_text())

# Environment variables, and statements to run before decoding.
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
    "float64 sums": ({}, "from svcodec.models.exact import ExactConv2d; ExactConv2d.wide = True"),
    "three threads, no oneDNN, AVX2": (
        {"ATEN_CPU_CAPABILITY": "avx2"},
        "torch.set_num_threads(3); torch.backends.mkldnn.enabled = False",
    ),
}

DECODE = """
import hashlib, json, pathlib, sys
import torch
{statements}
import svcodec
from svcodec.models import threads
threads.PIXELS, threads.usable_cpus = 1, lambda: 64  # as many threads as are set, for small pictures too
codec = svcodec.Codec()
print(json.dumps({{
    path.stem: hashlib.sha256(codec.decode(path.read_bytes()).tobytes()).hexdigest()
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.svc"))
}}))
"""


@pytest.mark.parametrize("name", PIXELS)
def test_golden_stream(name: str) -> None:
    decoded = svcodec.decode((GOLDEN / f"{name}.svc").read_bytes())
    assert hashlib.sha256(decoded.tobytes()).hexdigest() == PIXELS[name]


@pytest.mark.parametrize("setting", SETTINGS)
def test_golden_streams_under(setting: str) -> None:
    variables, statements = SETTINGS[setting]
    result = subprocess.run(
        [sys.executable, "-c", DECODE.format(statements=statements), str(GOLDEN)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == PIXELS


def test_ordinary_floats_are_not_exact() -> None:
    """The settings above do change an ordinary network's results: the test above can fail."""
    program = """
import hashlib, torch
{statements}
torch.manual_seed(0)
x, layer = torch.randn(1, 64, 32, 32), torch.nn.Conv2d(64, 64, 3)
print(hashlib.sha256(layer(x).detach().numpy().tobytes()).hexdigest())
"""
    hashes = set()
    for variables, statements in SETTINGS.values():
        hashes.add(
            subprocess.run(
                [sys.executable, "-c", program.format(statements=statements if "svcodec" not in statements else "")],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(hashes) > 1


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The known answers that models, loaded anew, give."""
    given: list[str] = []

    def answer(network: SelfVAE, device: torch.device) -> str:
        given.append(known_answer(network, device))
        return given[-1]

    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    monkeypatch.setattr(model, "known_answer", answer)
    return given


def rounding(monkeypatch: pytest.MonkeyPatch, wide_too: bool) -> None:
    """Let convolutions round as an inexact machine's would."""

    def inexact(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, wide: bool = False) -> torch.Tensor:
        result = exact_conv2d(x, weight, bias, wide)
        return result if wide and not wide_too else result * (1 + 2.0**-20)

    monkeypatch.setattr(exact, "exact_conv2d", inexact)


@pytest.mark.parametrize("name", ["standard", "lossless"])
def test_a_machine_that_rounds_falls_back_to_float64(
    name: str, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seal of the picture finds it out, before any known answer was asked for."""
    rounding(monkeypatch, wide_too=False)
    decoded = svcodec.decode((GOLDEN / f"{name}.svc").read_bytes())
    assert hashlib.sha256(decoded.tobytes()).hexdigest() == PIXELS[name]
    assert len(answers) == 2


def test_a_machine_that_always_rounds_is_refused(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rounding(monkeypatch, wide_too=True)
    data = (GOLDEN / "standard.svc").read_bytes()
    for code in (lambda: svcodec.decode(data), lambda: svcodec.decode(data, seed=1), svcodec.Codec):
        with pytest.raises(svcodec.ModelError, match="not computed exactly on this machine"):
            code()


def test_what_tests_the_machine(answers: list[str]) -> None:
    """A stream with its seal needs no known answer; a draw, a damaged stream and an encoder do, and one is enough."""
    data = bytearray((GOLDEN / "sketch.svc").read_bytes())
    svcodec.decode(bytes(data))
    assert len(answers) == 0
    stream = unpack(bytes(data))
    damaged = pack(replace(stream, codes=bytes([stream.codes[0] ^ 1]) + stream.codes[1:]))
    for _ in range(2):
        with pytest.raises(svcodec.StreamError):
            svcodec.decode(damaged)
    assert len(answers) == 1
    svcodec.decode(bytes(data), seed=1)
    svcodec.Codec()
    assert len(answers) == 1
    for code in (lambda: svcodec.decode(bytes(data), seed=1), svcodec.Codec):
        model_files._loaded.clear()
        answers.clear()
        code()
        assert len(answers) == 1
