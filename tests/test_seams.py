"""The benchmark of seams finds those that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import svcodec
from svcodec.benchmarks import seams


@pytest.fixture(scope="module")
def codec() -> svcodec.Codec:
    return svcodec.Codec()


def photo(height: int = 280) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :70]
    base = 110 + 60 * np.sin(rows / 11)[..., None] + 50 * np.cos(columns[..., None] / 17 + np.arange(3))
    return (base + rng.normal(0, 4, base.shape)).clip(0, 255).astype(np.uint8)


def test_one_tile_has_no_seams(codec: svcodec.Codec) -> None:
    found = [seams.figures(codec, photo(), side, tier="sketch") for side in (seams.WHOLE, 512)]
    assert seams.ratios(found[1:], found[:1]) == dict.fromkeys(seams.Figures._fields, 1.0)


def test_seams_are_found(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seams.figures(codec, photo(), seams.WHOLE, tier="sketch")
    decode: Callable[..., Any] = svcodec.Codec.decode_array

    def brighter_below(self: svcodec.Codec, data: bytes) -> npt.NDArray[np.int64]:
        samples = decode(self, data).astype(np.int64)
        samples[seams.TILE :] += 12
        return samples

    monkeypatch.setattr(svcodec.Codec, "decode_array", brighter_below)
    ratios = seams.ratios([seams.figures(codec, photo(), seams.WHOLE, tier="sketch")], [whole])
    assert ratios["jump"] > 3
    assert ratios["step"] == pytest.approx(1)
    assert ratios["size"] == 1


@pytest.mark.parametrize(("tier", "quality"), [("standard", 60), ("high", 95)])
def test_tiles_do_not_show(codec: svcodec.Codec, tier: str, quality: int) -> None:
    pixels = photo(2 * seams.TILE + 70)
    found = [seams.figures(codec, pixels, side, tier=tier, quality=quality) for side in (seams.TILE, seams.WHOLE)]
    ratios = seams.ratios(found[:1], found[1:])
    assert ratios["near"] < 1.4
    assert ratios["jump"] < 1.4
