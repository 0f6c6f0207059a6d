"""Seconds, memory and their parts, by pytest-benchmark: `pytest benchmarks/test_speed.py --benchmark-only`.

`extra_info` of each row says how long the entropy coder took of it, and the peak memory of a process that does it once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import svcodec
from svcodec.benchmarks.conditions import tiled_photo
from svcodec.benchmarks.programs import printed_by
from svcodec.bitstream.stack import Stack

SIZES = {"0.4 MP": (768, 512), "2 MP": (1920, 1080), "12 MP": (4000, 3000)}
CODING = ("push_symbols", "pop_symbols", "push_residuals", "pop_residuals", "push_uniform", "pop_uniform")
ONCE = """
import resource, sys
import numpy as np
import svcodec
picture, data = np.load(sys.argv[1]), sys.argv[2]
if data: svcodec.decode(open(data, "rb").read())
else: svcodec.encode(picture, tier=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@contextmanager
def entropy_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Adds up the seconds that the entropy coder takes."""
    seconds = [0.0]

    def timed(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                seconds[0] += time.perf_counter() - start

        return call

    with monkeypatch.context() as patch:
        for name in CODING:
            patch.setattr(Stack, name, timed(getattr(Stack, name)))
        yield seconds


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tier", svcodec.TIERS)
@pytest.mark.parametrize("work", ["encode", "decode"])
def test_speed(benchmark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, work: str, tier: str, size: str) -> None:
    codec, pixels = svcodec.Codec(), tiled_photo(*SIZES[size])
    data = codec.encode(pixels, tier=tier)
    do = (lambda: codec.encode(pixels, tier=tier)) if work == "encode" else (lambda: codec.decode(data))
    with entropy_clock(monkeypatch) as seconds:
        do()
    (tmp_path / "x.svc").write_bytes(data)
    np.save(tmp_path / "x.npy", pixels)
    peak = printed_by(ONCE, tmp_path / "x.npy", tmp_path / "x.svc" if work == "decode" else "", tier)
    benchmark.extra_info.update({"entropy coding, seconds": round(seconds[0], 3), "peak memory, MB": peak})
    benchmark.pedantic(do, rounds=1 if size == "12 MP" else 3)
