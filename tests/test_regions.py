"""Parts of pictures: the same pixels as in the whole, and no more tiles than it takes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from made import texture
from PIL import Image

import svcodec
from svcodec.arrays import halved
from svcodec.codec import descent, lossless, plain, tiling

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]
REGIONS = ((0, 0, 1, 1), (70, 10, 41, 90), (3, 129, 127, 66), (63, 63, 2, 2), (0, 0, 150, 203))


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of a few hundred pixels has several."""
    monkeypatch.setattr(tiling, "TILE", 128)
    monkeypatch.setattr(plain, "WEBP_SIDE", 64)


def cut(samples: Samples, region: tuple[int, ...], reduce: int = 1) -> Samples:
    left, top, width, height = region
    rows = slice(top // reduce, -(-(top + height) // reduce))
    return samples[rows, left // reduce : -(-(left + width) // reduce)]


@pytest.mark.usefixtures("small_tiles", "learned")
@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_regions_are_crops_of_the_whole(codec: svcodec.Codec, tier: str) -> None:
    options = {"effort": 1} if tier == "lossless" else {}
    pixels = np.dstack([texture(203, 150), texture(203, 150)[..., 0]])
    for picture, reduces in ((pixels, (1, 4)), (pixels[..., 1], (8,))):
        data = codec.encode(picture, tier=tier, **options)
        for reduce in reduces:
            whole = codec.decode_array(data, reduce=reduce)
            for region in REGIONS[:4]:
                found = codec.decode_array(data, reduce=reduce, region=region)
                assert np.array_equal(found, cut(whole, region, reduce)), (region, reduce)


@pytest.mark.usefixtures("small_tiles")
def test_draws_are_those_of_the_whole(codec: svcodec.Codec) -> None:
    data = codec.encode(texture(203, 150), tier="preview")
    whole = codec.decode_array(data, seed=3)
    assert np.array_equal(codec.decode_array(data, seed=3, region=REGIONS[1]), cut(whole, REGIONS[1]))


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("kind", ["plain", "noise", "deep"])
def test_plain_and_deep_pictures_too(kind: str) -> None:
    flat = (np.mgrid[:203, :150].sum(0) // 30 * 20 % 256).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (203, 150, 3), np.uint8)
    deep = noise.astype(np.uint16) * 200 + flat[..., None]
    picture = {"plain": flat, "noise": noise, "deep": deep}[kind]
    data = svcodec.encode(picture, tier="lossless", effort=1)
    for region in REGIONS:
        assert np.array_equal(svcodec.decode_array(data, region=region), cut(picture, region))
        smaller = svcodec.decode_array(data, region=region, reduce=4)
        assert np.array_equal(smaller, cut(halved(picture, 2), region, 4))


@pytest.mark.usefixtures("small_tiles", "learned")
@pytest.mark.parametrize("tier", ["standard", "lossless"])
def test_only_the_tiles_needed_are_read(codec: svcodec.Codec, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = codec.encode(texture(203, 150), tier=tier, **({"effort": 1} if tier == "lossless" else {}))
    steps: list[int] = []
    coder, down = lossless.TileCoder.pop_level, descent.Descent.step
    monkeypatch.setattr(
        lossless.TileCoder, "pop_level", lambda self, k, *rest: [steps.append(k), coder(self, k, *rest)][1]
    )
    monkeypatch.setattr(descent.Descent, "step", lambda self, *rest: [steps.append(self.k - 1), down(self, *rest)][1])
    codec.decode_array(data, region=(70, 70, 20, 50))
    assert steps.count(0) == 1  # one tile down to its pixels
    assert len(steps) == (3 if tier == "lossless" else 9 * 4 + 1)  # and for `standard` y_1 around it


def test_metadata_go_with_a_region() -> None:
    file = io.BytesIO()
    Image.fromarray(texture(20, 30)).save(file, "PNG", dpi=(300, 300))
    part = svcodec.decode(svcodec.encode(file, tier="sketch"), region=(2, 3, 10, 5))
    assert part.size == (10, 5)
    assert part.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize(
    "region",
    [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 31, 5), (29, 0, 2, 5), (0, 16, 5, 5), (0, 0, 5), 7, "abcd", (0.5,) * 4],
)
def test_regions_that_are_none(region: object) -> None:
    for tier in ("sketch", "lossless"):
        data = svcodec.encode(np.zeros((20, 30), np.uint8), tier=tier)
        with pytest.raises(svcodec.InputError, match="region"):
            svcodec.decode(data, region=region)


def test_crop_on_the_command_line(svc: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "a.svc", tmp_path / "a.png"
    source.write_bytes(svcodec.encode(texture(40, 50), tier="lossless"))
    result = svc("decode", source, "-o", target, "--crop", "5,7,20,11", "--json")
    assert result.exit_code == 0, result.stderr
    assert np.array_equal(np.asarray(Image.open(target)), texture(40, 50)[7:18, 5:25])
    assert [json.loads(result.stdout)[key] for key in ("width", "height")] == [20, 11]
    for wrong in ("5,7,20", "a,b,c,d", "0,0,0,1", "-1,0,5,5"):
        assert svc("decode", source, "-o", target, "--overwrite", "--crop", wrong).exit_code == 2
    beyond = svc("decode", source, "-o", target, "--overwrite", "--crop", "45,0,6,1")
    assert beyond.exit_code == 1 and "reaches beyond" in beyond.stderr


def test_memory_is_asked_for_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a picture may fit where the whole does not."""
    data = svcodec.encode(np.zeros((4096, 1100), np.uint8), tier="lossless")
    monkeypatch.setattr("svcodec.codec.memory.available", lambda: float(70 << 20))
    with pytest.raises(svcodec.TooLargeError):
        svcodec.decode(data)
    assert svcodec.decode(data, region=(0, 0, 100, 100)).size == (100, 100)
