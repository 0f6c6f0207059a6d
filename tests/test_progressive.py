"""Files that are cut, or that end early: coarser pictures, on request."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from PIL import Image

import svcodec
from svcodec.arrays import halved
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import measures, tiling

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]
LOSSY = ("sketch", "preview", "standard", "high")


@pytest.fixture(params=[1024, 128], ids=["one tile", "tiles"])
def side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, learned: None) -> int:
    monkeypatch.setattr(tiling, "TILE", request.param)
    return request.param


@pytest.fixture(scope="module")
def scene(portrait_path: Path) -> Samples:
    with Image.open(portrait_path) as image:
        return np.array(image.reduce(3).convert("RGB"))[:91, :130]


@pytest.mark.usefixtures("side")
@pytest.mark.parametrize("tier", LOSSY)
def test_lossy_files_are_cut(codec: svcodec.Codec, scene: Samples, tier: str) -> None:
    alpha = scene[..., 0]
    data = codec.encode(np.dstack([scene, alpha]), tier=tier)
    whole = codec.decode_array(data)
    sizes, errors = [len(data)], [measures.psnr(whole[..., :3], scene)]
    for levels in (3, 2, 1):
        smaller = svcodec.cut(data, levels)
        assert smaller == svcodec.cut(svcodec.cut(data, 3), levels)
        found = codec.decode_array(smaller)
        assert found.shape == whole.shape and np.array_equal(found[..., 3], alpha)
        assert np.array_equal(codec.decode_array(smaller, region=(60, 20, 30, 70)), found[20:90, 60:90])
        assert np.array_equal(codec.decode_array(smaller, reduce=8), codec.decode_array(data, reduce=8))
        assert svcodec.inspect(smaller).levels == levels
        sizes.append(len(smaller))
        errors.append(measures.psnr(found[..., :3], scene))
    coded = {"sketch": 2, "preview": 0}.get(tier, 3)  # levels of details at most
    assert sizes[3 - coded :] == sorted(sizes[3 - coded :], reverse=True)
    assert errors[3 - coded :] == sorted(errors[3 - coded :], reverse=True)
    if coded == 3:
        assert len(set(sizes)) == 4 and len(set(errors)) == 4


@pytest.mark.usefixtures("side")
@pytest.mark.parametrize("grey", [False, True])
def test_lossless_files_are_cut_to_exact_halvings(codec: svcodec.Codec, scene: Samples, grey: bool) -> None:
    pixels = scene[..., 1] if grey else np.dstack([scene, scene[..., 2]])
    data = codec.encode(pixels, tier="lossless", effort=2)
    for levels, times in ((3, 1), (2, 2), (1, 3)):
        smaller = svcodec.cut(data, levels)
        level = halved(pixels, times)
        assert len(smaller) < len(data)
        assert np.array_equal(codec.decode_array(smaller), level)
        assert np.array_equal(codec.decode_array(smaller, reduce=8), halved(pixels, 3))
        region = codec.decode_array(smaller, region=(8, 16, 40, 24))
        assert np.array_equal(region, level[16 >> times : 40 >> times, 8 >> times : 48 >> times])
        with Image.open(io.BytesIO(smaller)) as image:
            assert image.size == (level.shape[1], level.shape[0])
            assert np.array_equal(np.asarray(image), level)


def test_bits_back_leaves_the_coarse_parts_alone(codec: svcodec.Codec, scene: Samples, side: int) -> None:
    data = codec.encode(scene, tier="lossless", effort=8)
    assert np.array_equal(codec.decode_array(svcodec.cut(data, 1)), halved(scene, 3))


def test_what_can_not_be_cut(codec: svcodec.Codec) -> None:
    flat = svcodec.encode(np.zeros((20, 20), np.uint8), tier="lossless")
    noise = np.random.default_rng(0).integers(0, 65536, (30, 30), np.uint16)
    deep = svcodec.encode(noise, tier="lossless")
    standard = codec.encode(np.add.outer(np.arange(20), np.arange(20)).astype(np.uint8))
    for data, levels, text in (
        (flat, 2, "written without a model"),
        (deep, 2, "without a model|16 bits"),
        (standard, 4, "levels must be a whole number from 1 to 3"),
        (standard, 0, "levels must be"),
        (svcodec.cut(standard, 1), 2, "the file has 1 levels"),
    ):
        with pytest.raises(svcodec.InputError, match=text):
            svcodec.cut(data, levels)


def test_wrong_numbers_of_levels_are_refused(codec: svcodec.Codec, scene: Samples) -> None:
    stream = unpack(codec.encode(scene[:30, :30], tier="sketch"))
    content = pack(replace(stream, levels=2))
    place = content.rindex(bytes([10, 1, 2]))
    for levels in (0, 4, 255):
        changed = content[: place + 2] + bytes([levels]) + content[place + 3 : -4]
        with pytest.raises(svcodec.CorruptError, match=r"a field of the file is wrong"):
            svcodec.decode(changed + _checksum(changed))


def _checksum(body: bytes) -> bytes:
    import zlib

    return zlib.crc32(body).to_bytes(4, "little")


@pytest.mark.parametrize("tier", LOSSY)
def test_beginnings_are_pictures_on_request(codec: svcodec.Codec, scene: Samples, side: int, tier: str) -> None:
    data = codec.encode(scene, tier=tier)
    whole = codec.decode_array(data)
    codes = unpack(data).codes
    start = data.index(codes)
    worst, refused = np.inf, 0
    for length in np.linspace(start, len(data) - 1, 12).astype(int):
        part = data[:length]
        with pytest.raises(svcodec.TruncatedError):
            codec.decode(part)
        try:
            with pytest.warns(svcodec.DroppedWarning, match="ends early"):
                found = codec.decode_array(part, partial=True)
        except svcodec.TruncatedError:
            refused += 1
            assert worst == np.inf  # whatever is longer gives a picture too
            continue
        worst = measures.psnr(found, scene)
        assert found.shape == whole.shape
    assert np.array_equal(found, whole)  # all codes were there
    assert 0 < refused < 12
    assert np.array_equal(codec.decode_array(data, partial=True), whole)


def test_what_is_there_of_a_tile_is_used(codec: svcodec.Codec, scene: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILE", 128)
    data = codec.encode(scene, tier="high")
    levels = [codec.decode_array(svcodec.cut(data, levels)) for levels in (1, 2, 3)] + [codec.decode_array(data)]
    codes = unpack(data).codes
    with pytest.warns(svcodec.DroppedWarning):
        found = codec.decode_array(data[: data.index(codes) + len(codes) * 2 // 3], partial=True)
    tiles = [place.inside for place in tiling.tiles_of((91, 130), exact=False)]
    reached = [len(levels)]
    for tile in tiles:  # one whose finest details are all 0 looks as without them
        alike = [i for i, level in enumerate(levels) if np.array_equal(level[tile], found[tile])]
        reached.append(max(i for i in alike if i <= reached[-1]))
    assert len(set(reached[1:])) == 2


@pytest.mark.usefixtures("side")
def test_beginnings_of_lossless_files_are_exact_halvings(codec: svcodec.Codec, scene: Samples) -> None:
    data = codec.encode(scene, tier="lossless", effort=2)
    sizes = []
    for length in np.linspace(data.index(unpack(data).codes), len(data) - 1, 40).astype(int):
        part = data[:length]
        with pytest.raises(svcodec.TruncatedError, match="ends early"):
            codec.decode(part)
        try:
            levels = svcodec.inspect(part, partial=True).levels or 4
        except svcodec.TruncatedError:
            assert not sizes  # whatever is longer gives a picture too
            with pytest.raises(svcodec.TruncatedError):
                codec.decode(part, partial=True)
            continue
        with pytest.warns(svcodec.DroppedWarning, match="ends early"):
            assert np.array_equal(codec.decode_array(part, partial=True), halved(scene, 4 - levels))
        sizes.append(levels)
    assert sizes == sorted(sizes) and set(sizes) == {1, 2, 3, 4}


@pytest.mark.parametrize("kind", ["plain", "deep"])
def test_files_of_which_no_beginning_is_a_picture(kind: str) -> None:
    rows, columns = np.mgrid[:90, :90]
    pixels = np.zeros((90, 90), np.uint8) if kind == "plain" else (rows * columns * 7 + rows).astype(np.uint16)
    data = svcodec.encode(pixels, tier="lossless")
    for length in (len(data) - 1, len(data) * 3 // 4):
        with pytest.raises(svcodec.TruncatedError, match="ends early"):
            svcodec.decode_array(data[:length], partial=True)


@pytest.mark.parametrize("tier", ["standard", "lossless"])
def test_as_many_levels_are_kept_as_fit(codec: svcodec.Codec, scene: Samples, tier: str) -> None:
    data = codec.encode(scene, tier=tier)
    files = [svcodec.cut(data, levels) for levels in (1, 2, 3)] + [data]
    for less, file in zip([None, *files], files, strict=False):
        assert svcodec.cut(data, bytes=len(file)) == file
        if less is None:
            with pytest.raises(svcodec.InputError, match=f"has {len(file)} bytes, not {len(file) - 1}"):
                svcodec.cut(data, bytes=len(file) - 1)
        else:
            assert svcodec.cut(data, bytes=len(file) - 1) == less
    for arguments in ({}, {"levels": 1, "bytes": 1}):
        with pytest.raises(svcodec.InputError, match="by levels or by bytes"):
            svcodec.cut(data, **arguments)


def test_damage_is_no_early_end(codec: svcodec.Codec, scene: Samples) -> None:
    data = bytearray(codec.encode(scene))
    data[-30] ^= 1
    with pytest.raises(svcodec.CorruptError):
        codec.decode(bytes(data), partial=True)


def test_on_the_command_line(svc: Run, codec: svcodec.Codec, scene: Samples, tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "a.svc", tmp_path / "out"
    source.parent.mkdir()
    source.write_bytes(codec.encode(scene, tier="high"))
    result = svc("transcode", source.parent, "-o", f"{target}/", "--levels", 2, "--json")
    assert result.exit_code == 0, result.stderr
    assert (target / "a.svc").read_bytes() == svcodec.cut(source, 2)
    assert json.loads(result.stdout.splitlines()[0])["width"] == 130
    assert "levels   2 of 4" in svc("info", target / "a.svc").stdout
    assert svc("transcode", source, "--levels", 2).exit_code == 2  # it needs an output
    assert svc("transcode", source, "-o", source, "--levels", 2).exit_code == 1  # that is no input
    most = len(svcodec.cut(source, 3))
    assert svc("transcode", source, "-o", tmp_path / "b.svc", "--bytes", most).exit_code == 0
    assert (tmp_path / "b.svc").read_bytes() == svcodec.cut(source, 3)
    for options in ((), ("--levels", 2, "--bytes", 9)):
        assert svc("transcode", source, "-o", tmp_path / "c.svc", *options).exit_code == 2
    assert svcodec.inspect(source).levels is None


def test_partial_on_the_command_line(svc: Run, codec: svcodec.Codec, scene: Samples, tmp_path: Path) -> None:
    source = tmp_path / "a.svc"
    data = codec.encode(scene)
    source.write_bytes(data[: len(data) * 3 // 4])
    assert svc("decode", source).exit_code == 1
    result = svc("decode", source, "--partial")
    assert result.exit_code == 0 and "a.svc: " in result.stderr and "ends early" in result.stderr
    with Image.open(source.with_suffix(".png")) as image:
        assert image.size == (130, 91)
