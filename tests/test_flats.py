"""Areas of one colour, kept exactly beside the codes: what they are, their section, and drawings in lossy tiers."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import in_codes

import svcodec
from svcodec.arrays import halved
from svcodec.benchmarks import drawings
from svcodec.benchmarks.metrics import flat_areas
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import flats, tiling
from svcodec.codec.flats import Flats

Samples = npt.NDArray[np.uint8]


@st.composite
def patched(draw: st.DrawFn) -> Samples:
    """A picture of few colours in squares that begin anywhere."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    channels = draw(st.sampled_from([(), (3,)]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    colours = rng.integers(0, 3, (6, 6, *channels), np.uint8) * 100
    pixels = np.repeat(np.repeat(colours, 16, 0), 16, 1)
    top, left = draw(st.integers(0, 15)), draw(st.integers(0, 15))
    return pixels[top : top + height, left : left + width]


@given(patched(), st.sampled_from([8, 32, 1024]))
def test_blocks_are_those_of_one_colour_with_all_around(pixels: Samples, tile: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flats, "TILE", tile)
        found = Flats.found(pixels)
    rows, columns = (-(-side // 8) for side in pixels.shape[:2])
    blocks = np.zeros((rows, columns), int) if found is None else found.blocks
    wide = np.pad(pixels.reshape(*pixels.shape[:2], -1), [(1, 9), (1, 9), (0, 0)], "edge")
    for row in range(rows):
        for column in range(columns):
            around = wide[8 * row : 8 * row + 10, 8 * column : 8 * column + 10]
            assert (blocks[row, column] > 0) == (around == around[1, 1]).all()
            if found is not None and blocks[row, column]:
                assert np.array_equal(found.colours[blocks[row, column] - 1], around[1, 1])


@given(patched(), st.integers(0, 3))
def test_painting_gives_just_these_colours(pixels: Samples, k: int) -> None:
    found = Flats.found(pixels)
    if found is None:
        return
    again = Flats.of(found.section, pixels.shape[:2], pixels.ndim == 2)
    level = halved(pixels, k)
    height, width = level.shape[:2]
    where = slice(height // 3, height), slice(width // 4, max(width // 4 + 1, width - 2))
    other = level[where] + np.uint8(7)
    painted = other.copy()
    again.paint(painted, where, k)
    changed = (painted != other).reshape(*painted.shape[:2], -1).any(-1)
    assert np.array_equal(painted[changed], level[where][changed])
    assert again.blocks.all() <= changed.all()


def test_of_many_colours_the_largest_are_kept() -> None:
    colours = np.stack([np.arange(300) % 256, np.arange(300) // 256, np.full(300, 7)], -1)
    pixels = np.repeat(np.repeat(colours.reshape(1, 300, 3).astype(np.uint8), 32, 0), 32, 1)
    pixels = np.concatenate([pixels, np.full((64, 9600, 3), 255, np.uint8)])
    found = Flats.found(pixels)
    assert found is not None and len(found.colours) == 255 and found.colours[0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" + bytes(12), b"\1abc" + bytes(11), b"\1abc" + bytes(13), b"\1abc" + b"\2" * 12, b"\2abc" + bytes(12)],
)
def test_other_sections_are_refused(content: bytes) -> None:
    assert Flats.of(zlib.compress(b"\1abc" + bytes(12)), (20, 31), grey=False)
    with pytest.raises(svcodec.CorruptError):
        Flats.of(zlib.compress(content), (20, 31), grey=False)


@pytest.mark.parametrize("section", [b"", b"no stream", zlib.compress(bytes(1 << 24)), zlib.compress(b"\1abc")[:-2]])
def test_what_is_not_deflated_is_refused(section: bytes) -> None:
    with pytest.raises(svcodec.CorruptError):
        Flats.of(section, (20, 31), grey=False)


@pytest.fixture(scope="module")
def on_white() -> Samples:
    """A thing before white, as shops show it, and a strip of another colour."""
    rows, columns = np.mgrid[:150, :200]
    thing = (np.hypot(rows - 80, columns - 95) < 50)[..., None]
    texture = np.random.default_rng(0).normal(0, 25, (150, 200, 3)) + (200, 40, 60) * np.cos(rows / 40)[..., None] ** 2
    pixels = np.where(thing, texture.clip(0, 255), 255).astype(np.uint8)
    pixels[:, 170:] = (30, 30, 33)
    return pixels


@pytest.mark.parametrize("options", [{}, {"quality": 90, "tune": "psnr"}, {"tier": "high"}], ids=str)
@pytest.mark.parametrize("side", [128, 1024])
@pytest.mark.parametrize("grey", [False, True])
def test_areas_are_exact(
    on_white: Samples, options: dict[str, object], side: int, grey: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "TILE", side)
    monkeypatch.setattr(flats, "TILE", side)
    pixels = on_white[..., 1] if grey else on_white
    with in_codes():
        data = svcodec.encode(pixels, **options)  # type: ignore[arg-type]
    decoded = svcodec.decode_array(data)
    there = flat_areas(on_white)
    assert there.mean() > 0.3 and np.array_equal(decoded[there], pixels[there])
    part = svcodec.decode_array(data, region=(37, 21, 140, 90))
    assert np.array_equal(part, decoded[21:111, 37:177])
    for reduce, k in ((2, 1), (8, 3)):
        level, small = svcodec.decode_array(data, reduce=reduce), halved(pixels, k)
        inside = np.ix_(range(1), range(small.shape[1] - 3, small.shape[1]))
        assert np.array_equal(level[inside], small[inside])
    cut = svcodec.decode_array(svcodec.cut(data, 2))
    assert np.array_equal(cut[there], pixels[there])


def test_below_the_default_quality_they_take_nothing(on_white: Samples) -> None:
    with in_codes():
        made = [svcodec.encode(on_white, quality=quality) for quality in (59, 60)]
        made += [svcodec.encode(on_white, tier=tier) for tier in ("sketch", "preview")]
    assert ["flats" in svcodec.inspect(data).sections for data in made] == [False, True, False, False]


def test_the_seal_is_that_of_all_pixels(on_white: Samples) -> None:
    with in_codes():
        stream = unpack(svcodec.encode(on_white))
    found = Flats.found(on_white)
    assert found is not None
    other = Flats(found.colours ^ np.uint8(1), found.blocks)
    with pytest.raises(svcodec.CorruptError):
        svcodec.decode(pack(replace(stream, flats=other.section)))


@pytest.mark.parametrize("drawing", [drawings.page, drawings.chart, drawings.screenshot, drawings.flat_colours])
def test_drawings_are_exact_for_few_more_bytes(drawing: Callable[[], Samples]) -> None:
    pixels = drawing()
    data = svcodec.encode(pixels, verify=True)
    with in_codes():
        learned = svcodec.encode(pixels)
    info = svcodec.inspect(data)
    assert (info.tier, info.quality, info.plain) == ("lossless", None, "webp")
    assert len(data) <= 1.25 * len(learned)
    assert np.array_equal(svcodec.decode_array(data), pixels)


@pytest.mark.parametrize(
    ("target", "exact"),
    [({"bytes": 12000}, True), ({"psnr": 60}, True), ({"ssimulacra2": 90}, True), ({"bytes": 9000}, False)],
)
def test_targets_of_drawings(target: dict[str, int], exact: bool) -> None:
    data = svcodec.encode(drawings.page(), **target)  # type: ignore[arg-type]
    assert (svcodec.inspect(data).tier == "lossless") == exact
    assert len(data) <= target.get("bytes", 12000)
