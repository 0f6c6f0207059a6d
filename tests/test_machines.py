"""Exactness: one stream, one picture, whatever the machine, its threads and its arithmetic."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import svcodec

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
