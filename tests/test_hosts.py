"""Programs that set torch and NumPy otherwise: they code as any other does, and find their settings as they were."""

from __future__ import annotations

import functools
import json
import runpy
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import svcodec

PROGRAM = Path(__file__).with_name("hosts.py")
program = runpy.run_path(str(PROGRAM))  # tests are no package
HOSTS, EFFORTS, precisions, sha = (program[name] for name in ("HOSTS", "EFFORTS", "precisions", "sha"))
WORST = ["mkldnn.conv bf16", "default torch.float64", "all at once"]
RARE = (
    "rnn",
    "tf32",
    "cuBLAS",
    "cuDNN",
    "CUDA",
    "TF32",
    "cuda.",
    "threads",
    "thread",
    "gradients",
    "mode on",
    "oneDNN",
)
OFTEN = [name for name in HOSTS if name == "cuda.matmul tf32" or not any(part in name for part in RARE)]


@pytest.fixture(scope="module")
def honest(portrait_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a part of a photo, of 129 x 97 pixels, and its streams by a program that sets nothing."""
    folder = tmp_path_factory.mktemp("honest")
    with Image.open(portrait_path) as photo:
        picture = np.asarray(photo.convert("RGB"))[100:197, 180:309]
    np.save(folder / "picture.npy", picture)
    for tier, effort in EFFORTS.items():
        (folder / f"{tier}.svc").write_bytes(svcodec.encode(picture, tier=tier, effort=effort))
    return folder


@functools.cache
def outcome(folder: Path, *what: str) -> dict[str, Any]:
    """What the programs find."""
    arguments = [sys.executable, str(PROGRAM), str(folder), *what]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def expected(honest: Path) -> dict[str, Any]:
    """What any program has to find."""
    streams = {tier: (honest / f"{tier}.svc").read_bytes() for tier in EFFORTS}
    picture = np.load(honest / "picture.npy")
    return {
        "coded": {tier: sha(data) for tier, data in streams.items()},
        "decoded": {tier: sha(svcodec.decode(data).tobytes()) for tier, data in streams.items()},
        "searched": sha(picture.tobytes()),
        "score": pytest.approx(svcodec.assess(picture).score, abs=0.01),
        "changed": [],
    }


@pytest.mark.parametrize("name", OFTEN)
def test_codes_in_any_program(name: str, honest: Path, expected: dict[str, Any]) -> None:
    found = outcome(honest, "late", "some", *OFTEN)[name]
    for what in ("coded", "decoded"):
        assert found[what] == {tier: expected[what][tier] for tier in ("high", "lossless")}
    assert found["changed"] == []


@pytest.mark.parametrize("name", WORST)
def test_codes_in_every_tier_in_the_worst_programs(name: str, honest: Path, expected: dict[str, Any]) -> None:
    assert outcome(honest, "late", "all", *WORST)[name] == expected


@pytest.mark.parametrize("name", WORST[1:2])
def test_loads_in_the_worst_programs(name: str, honest: Path, expected: dict[str, Any]) -> None:
    assert outcome(honest, "early", "all", *WORST[1:2])[name] == expected


@pytest.mark.slow
@pytest.mark.parametrize("when", ["late", "early"])
@pytest.mark.parametrize("name", HOSTS)
def test_does_all_in_any_program(name: str, when: str, honest: Path, expected: dict[str, Any]) -> None:
    assert outcome(honest, when, "all")[name] == expected


def test_a_program_that_sets_precisions_while_its_threads_code(honest: Path) -> None:
    """They all code as if they were alone; afterwards the program has what it set last."""
    codec, picture = svcodec.Codec(), np.load(honest / "picture.npy")
    expected = (honest / "standard.svc").read_bytes()
    with precisions(), ThreadPoolExecutor(4) as pool:
        for name in ("medium", "high", "highest", "medium"):
            coded = [pool.submit(codec.encode, picture) for _ in range(4)]
            torch.set_float32_matmul_precision(name)
            torch.backends.mkldnn.conv.fp32_precision = "bf16"
            assert {future.result() for future in coded} == {expected}
            assert torch.get_float32_matmul_precision() == name
            assert torch.backends.mkldnn.conv.fp32_precision == "bf16"


def test_a_program_that_never_stops_setting_precisions(honest: Path) -> None:
    """It gets the right stream, or an error."""
    codec, picture = svcodec.Codec(), np.load(honest / "picture.npy")
    expected, stop = (honest / "sketch.svc").read_bytes(), threading.Event()

    def restless() -> None:
        while not stop.wait(0.001):
            torch.backends.mkldnn.conv.fp32_precision = "bf16"

    with precisions(), ThreadPoolExecutor(1) as pool:
        other = pool.submit(restless)
        try:
            for _ in range(3):
                with suppress(svcodec.ModelError):
                    assert codec.encode(picture, tier="sketch") == expected
        finally:
            stop.set()
            other.result()
