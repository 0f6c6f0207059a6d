"""Sixteen bits: `lossless` brings every sample back, and nothing else takes them or cuts them."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal, getcontext
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made import in_codes
from PIL import Image

import svcodec
from svcodec.benchmarks.fuzz.mutations import scrambled
from svcodec.bitstream.container import pack, unpack
from svcodec.bitstream.values import Values
from svcodec.codec.sixteen import Split, fine, joined
from svcodec.codec.sixteen.coding import tables

Deep = npt.NDArray[np.uint16]

SECTION = 64  # bytes, at most, that a section of lower bits has beside these and its table
FILE = 40  # and a file beside its sections


def scene(height: int, width: int, noise: float = 40.0) -> Deep:
    """Smooth colours of sixteen bits under some noise."""
    rows, columns = np.mgrid[:height, :width]
    rng = np.random.default_rng(0)
    base = 30000 + 15000 * np.sin(rows / 11)[..., None] + 12000 * np.cos(columns[..., None] / 17 + np.arange(3))
    return (base + rng.normal(0, noise, base.shape)).clip(0, 65535).astype(np.uint16)


def low_bytes(pixels: Deep) -> int:
    """What the lower bits of a picture's ranks take, stored."""
    return -(-pixels.size * Values.of(pixels).shift // 8)


MAKERS = {
    "any": lambda base: base,
    "8 bits times 257": lambda base: (base >> 8) * np.uint16(257),
    "8 bits shifted up": lambda base: base >> 8 << 8,
    "10 bits": lambda base: base >> 6,
    "12 bits scaled up": lambda base: base >> 4 << 4 | base >> 12,
    "14 bits shifted up": lambda base: base >> 2 << 2,
    "a narrow range": lambda base: base % 300 + 20000,
    "two values": lambda base: np.where(base > 30000, 65535, 0).astype(np.uint16),
    "flat": lambda base: np.full_like(base, 4711),
    "smooth": lambda base: np.cumsum(base % 7, axis=1).astype(np.uint16),
}


@st.composite
def pictures(draw: st.DrawFn) -> Deep:
    """Small ones of all kinds, sizes from 1x1 and channels."""
    shape = (*draw(st.tuples(st.integers(1, 40), st.integers(1, 40))), *draw(st.sampled_from([(), (3,)])))
    seeded = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 1 << 16, shape, np.uint16)
    base = draw(st.just(seeded) | hnp.arrays(np.uint16, shape))
    return draw(st.sampled_from(list(MAKERS.values())))(base)


@settings(max_examples=150)
@given(pictures(), st.sampled_from([1, 5]))
def test_every_picture_comes_back_and_is_never_longer_than_stored(pixels: Deep, effort: int) -> None:
    split = Split(pixels)
    section = split.section(effort)
    assert split.deep
    assert section is not None
    assert split.coarse.dtype == np.uint8
    again = joined(section, split.coarse)
    assert again.dtype == np.uint16
    assert np.array_equal(again, pixels)
    assert len(section) <= low_bytes(pixels) + len(Values.of(pixels).table) + SECTION


@pytest.mark.parametrize("grey", [False, True])
def test_tiles_are_chained(monkeypatch: pytest.MonkeyPatch, grey: bool) -> None:
    monkeypatch.setattr(fine, "TILE", 32)
    pixels = scene(70, 45)[..., 1] if grey else scene(70, 45)
    split = Split(pixels)
    section = split.section(5)
    assert section is not None
    assert np.array_equal(joined(section, split.coarse), pixels)


@pytest.mark.parametrize("kind", ["8 bits times 257", "8 bits shifted up", "two values", "flat"])
def test_eight_bits_cost_nothing_more(kind: str) -> None:
    split = Split(MAKERS[kind](scene(200, 300)))
    section = split.section(5)
    assert section is not None
    assert len(section) < SECTION


def test_the_ranks_of_a_narrow_range_fill_the_coarse_picture() -> None:
    assert len(np.unique(Split(MAKERS["10 bits"](scene(200, 300))).coarse)) > 200
    assert len(np.unique(Split(MAKERS["a narrow range"](scene(200, 300))).coarse)) == 150


def test_what_is_smooth_takes_few_bits() -> None:
    """Far below the eight bits of a byte, which is all that the upper ones say."""
    rates = {}
    for noise in (0.0, 4.0, 40.0):
        pixels = scene(256, 256, noise)
        section = Split(pixels).section(5)
        assert section is not None
        rates[noise] = 8 * len(section) / pixels.size
    ideal = {noise: np.log2(noise * np.sqrt(2 * np.pi * np.e)) for noise in (4.0, 40.0)}
    assert rates[0.0] < 2.6
    assert rates[4.0] < ideal[4.0] + 0.9
    assert rates[40.0] < ideal[40.0]  # as the upper bits tell a part


def test_more_effort_is_no_longer() -> None:
    pixels = scene(256, 256)
    lengths = [len(Split(pixels).section(effort) or b"") for effort in (1, 5, 9)]
    assert lengths[2] <= lengths[1] <= lengths[0]


def test_a_picture_of_eight_bits_has_no_section() -> None:
    split = Split(np.zeros((3, 4, 3), np.uint8))
    assert (split.deep, split.section(5)) == (False, None)


def test_values_are_listed_where_that_pays() -> None:
    rng = np.random.default_rng(0)
    scaled = MAKERS["12 bits scaled up"](rng.integers(0, 1 << 16, (200, 300), np.uint16))
    assert len(Values.of(scaled).all) <= 4096
    assert len(Values.of(scaled).table) < 400
    anything = rng.integers(0, 1 << 16, (50, 60), np.uint16)
    assert len(Values.of(anything).all) > 60000  # 3000 values would take longer to list than they save


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"text",
        zlib.compress(b""),
        zlib.compress(b"\x01"),
        zlib.compress(b"\x00\x01"),
        zlib.compress(b"\x01\x00"),
        zlib.compress(b"\x01\x81\x80\x04"),  # 65537 values
        zlib.compress(b"\x01\x02" * 40000),
        zlib.compress(b"\x01\x02")[:-1],
        zlib.compress(b"\x01\x02") + b"\x00",
    ],
)
def test_tables_that_are_none_are_refused(table: bytes) -> None:
    with pytest.raises(svcodec.CorruptError, match="table of values"):
        Values.of_table(table)


def test_tables_are_the_same_on_every_machine() -> None:
    """No entry lies so near to a half that another machine's exponential could round it to another integer."""
    getcontext().prec = 40
    arrays = tables().arrays()
    margin = Decimal("0.00001")
    for j, entry in enumerate(arrays["cdf"].tolist()[1:-1], 1):
        exact = (1 << 24) / (1 + (12 - Decimal(j) / 256).exp())
        assert abs(exact - entry) < Decimal("0.5") - margin
    for i, entry in enumerate(arrays["inverse_scales"].tolist()):
        assert abs(Decimal(2) ** (29 - Decimal(i) / 8) - entry) < Decimal("0.5") - margin


@pytest.mark.parametrize("name", ["grey", "RGB", "grey and alpha", "RGBA"])
@pytest.mark.parametrize("learned", [False, True])
def test_all_shapes_come_back(codec: svcodec.Codec, name: str, learned: bool) -> None:
    rgb, alpha = scene(37, 51), scene(37, 51, 900.0)[..., 0]
    pixels = {
        "grey": rgb[..., 1],
        "RGB": rgb,
        "grey and alpha": np.dstack([rgb[..., 1], alpha]),
        "RGBA": np.dstack([rgb, alpha]),
    }[name]
    with in_codes() if learned else nullcontext():
        data = codec.encode(pixels, tier="lossless")
    info = svcodec.inspect(data)
    assert (info.bits_per_sample, info.has_alpha) == (16, "alpha" in name or name == "RGBA")
    assert sum(info.sections.values()) == len(data)
    for decoded in (codec.decode_array(data), svcodec.decode_array(data)):
        assert decoded.dtype == np.uint16
        assert np.array_equal(decoded, pixels)
    if name == "grey":
        image = svcodec.decode(data)
        assert image.mode == "I;16"
        assert np.array_equal(np.asarray(image), pixels)
        with Image.open(io.BytesIO(data)) as opened:
            assert (opened.mode, opened.size) == ("I;16", (51, 37))
            assert np.array_equal(np.asarray(opened), pixels)
        return
    for decode in (codec.decode, svcodec.decode, lambda data: Image.open(io.BytesIO(data)).load()):
        with pytest.raises(
            svcodec.InputError, match=r"16 bits per sample, for which Pillow has no mode: .*decode_array"
        ):
            decode(data)


def test_arrays_of_eight_bits(codec: svcodec.Codec) -> None:
    pixels = (scene(20, 30) >> 8).astype(np.uint8)
    for shown in (pixels, pixels[..., 1], pixels[..., :2], np.dstack([pixels, pixels[..., 0]])):
        data = codec.encode(shown, tier="lossless")
        assert svcodec.inspect(data).bits_per_sample == 8
        decoded = svcodec.decode_array(data)
        assert decoded.dtype == np.uint8
        assert np.array_equal(decoded, shown)
    data = codec.encode(pixels)
    assert np.array_equal(svcodec.decode_array(data), np.asarray(svcodec.decode(data)))


@pytest.mark.parametrize("tier", [tier for tier in svcodec.TIERS if tier != "lossless"])
def test_lossy_tiers_refuse_sixteen_bits(codec: svcodec.Codec, tier: str) -> None:
    for picture in (scene(20, 30), Image.fromarray(scene(20, 30)[..., 1])):
        with pytest.raises(svcodec.InputError, match=f"16 bits per sample, which {tier} can't keep: .*lossless"):
            codec.encode(picture, tier=tier)


def test_the_gate_sees_the_coarse_picture(codec: svcodec.Codec) -> None:
    pixels = scene(200, 200)
    assert codec.assess(pixels) == codec.assess(Split(pixels).coarse)
    with pytest.raises(svcodec.RejectedError):
        codec.encode(
            np.random.default_rng(0).integers(0, 1 << 16, (200, 200), np.uint16), tier="lossless", gate="reject"
        )


@pytest.mark.parametrize("kind", ["noise", "flat"])
def test_no_file_is_longer_than_stored(codec: svcodec.Codec, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 1 << 16, (90, 110, 3), np.uint16)
    pixels = MAKERS["flat"](noise) if kind == "flat" else noise
    data = codec.encode(pixels, tier="lossless")
    assert np.array_equal(svcodec.decode_array(data), pixels)
    assert len(data) <= (2 * pixels.size if kind == "noise" else 100) + SECTION + FILE


def test_plain_pictures_need_no_torch(codec: svcodec.Codec) -> None:
    data = codec.encode(MAKERS["smooth"](scene(20, 30)), tier="lossless")
    assert svcodec.inspect(data).plain
    code = "import sys, svcodec; svcodec.decode_array(sys.stdin.buffer.read()); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], input=data, check=True)


def test_damaged_lower_bits_are_refused() -> None:
    """Whatever the file's checksum says."""
    pixels = scene(24, 20)
    split = Split(pixels)
    section = split.section(5)
    assert section is not None
    rng = Random(0)
    for _ in range(150):
        damaged = scrambled(rng, section)
        try:
            decoded = joined(damaged, split.coarse)
        except svcodec.StreamError:
            continue
        assert np.array_equal(decoded, pixels)


def test_lower_bits_of_another_picture_are_refused(codec: svcodec.Codec) -> None:
    stream = unpack(codec.encode(scene(24, 20), tier="lossless"))
    other = unpack(codec.encode(scene(24, 20, 90.0), tier="lossless"))
    for wrong in (replace(stream, fine=other.fine), replace(stream, width=19), replace(stream, height=25)):
        with pytest.raises(svcodec.StreamError):
            svcodec.decode_array(pack(wrong))


def test_lower_bits_belong_to_lossless_and_alpha_to_their_depth(codec: svcodec.Codec) -> None:
    stream = unpack(codec.encode(np.dstack([scene(24, 20), scene(24, 20)[..., 0]]), tier="lossless"))
    lossy = unpack(codec.encode((scene(24, 20) >> 8).astype(np.uint8)))
    with pytest.raises(svcodec.InputError, match="only a lossless picture"):
        replace(lossy, fine=stream.fine)
    shallow = unpack(codec.encode(np.dstack([scene(24, 20)] * 2)[..., :4].astype(np.uint8), tier="lossless"))
    with pytest.raises(svcodec.CorruptError, match="alpha"):
        svcodec.decode_array(pack(replace(stream, alpha=shallow.alpha)))


def test_hostile_parameters_stay_in_range() -> None:
    """Weights and scales of any size make a prediction, not an overflow."""
    from svcodec.bitstream.stack import Stack
    from svcodec.codec.sixteen.coding import Coded, Parameters, pop_parameters, pop_samples, push_parameters
    from svcodec.codec.sixteen.surroundings import CONTEXTS, Surroundings, Tile

    coarse = np.random.default_rng(0).integers(0, 256, (20, 20, 1)).astype(np.uint8)
    true = (coarse.astype(np.int32) << 8) + 255
    seen = []

    def visit(around: Surroundings, place: object, latest: Parameters) -> tuple[Parameters, npt.NDArray, npt.NDArray]:
        stack = Stack(tables())
        stack.seal(0)
        weights = np.full(len(around.differences), (1 << 20) - 1, np.int32)
        weights[::2] *= -1
        push_parameters(stack, Parameters(weights, np.full(CONTEXTS, 1 << 18, np.int32)))
        parameters = pop_parameters(stack, len(weights))
        assert parameters.scales.min() >= 0
        assert parameters.scales.max() <= 113
        low = Parameters(parameters.weights, np.zeros(CONTEXTS, np.int32))
        centres = around.centres(low.weights)
        scales = low.scales[around.contexts(centres)]
        samples = true[place.rows, place.columns, place.channel].ravel()
        Coded(samples, 8, centres, scales).push(stack)
        assert np.array_equal(pop_samples(stack, around.first, 8, centres, scales), samples)
        seen.append(len(samples))
        return low, centres, samples

    Tile(coarse, 8).walk(visit, Parameters(np.zeros(0, np.int32), np.zeros(CONTEXTS, np.int32)))
    assert sum(seen) == true.size
