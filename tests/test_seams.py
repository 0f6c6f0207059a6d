"""The benchmark of seams finds those that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from made import texture

import svcodec
from svcodec.benchmarks import seams

pytestmark = pytest.mark.once


def test_one_tile_has_no_seams(codec: svcodec.Codec) -> None:
    found = [seams.figures(codec, texture(280, 70, noise=4.0), side, tier="sketch") for side in (seams.WHOLE, 512)]
    assert seams.ratios(found[1:], found[:1]) == dict.fromkeys(seams.Figures._fields, 1.0)


def test_seams_are_found(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seams.figures(codec, texture(280, 70, noise=4.0), seams.WHOLE, tier="sketch")
    decode: Callable[..., Any] = svcodec.Codec.decode_array

    def brighter_below(self: svcodec.Codec, data: bytes) -> npt.NDArray[np.int64]:
        samples = decode(self, data).astype(np.int64)
        samples[seams.TILE :] += 12
        return samples

    monkeypatch.setattr(svcodec.Codec, "decode_array", brighter_below)
    ratios = seams.ratios([seams.figures(codec, texture(280, 70, noise=4.0), seams.WHOLE, tier="sketch")], [whole])
    assert ratios["jump"] > 3
    assert ratios["step"] == pytest.approx(1)
    assert ratios["size"] == 1


@pytest.mark.parametrize(("tier", "quality"), [("standard", 60), ("high", 95)])
def test_tiles_do_not_show(codec: svcodec.Codec, tier: str, quality: int) -> None:
    pixels = texture(2 * seams.TILE + 70, 70, noise=4.0)
    found = [seams.figures(codec, pixels, side, tier=tier, quality=quality) for side in (seams.TILE, seams.WHOLE)]
    ratios = seams.ratios(found[:1], found[1:])
    assert ratios["near"] < 1.4
    assert ratios["jump"] < 1.4
