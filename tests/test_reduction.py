"""Pictures decoded at a half, a quarter or an eighth of their size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import svcodec
from svcodec.arrays import halved
from svcodec.codec import tiling
from svcodec.models.transforms import downscale

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]
TIMES = {2: 1, 4: 2, 8: 3}  # that sides are halved


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_halving_is_the_models_transform(height: int, width: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    tensor = torch.from_numpy(samples).permute(2, 0, 1)[None].float()
    assert np.array_equal(halved(samples, 1), downscale(tensor)[0].permute(1, 2, 0).to(torch.uint8).numpy())
    assert np.array_equal(halved(samples[..., 0], 2), halved(samples, 2)[..., 0])


def test_sixteen_bits_are_halved_without_overflow() -> None:
    assert halved(np.full((3, 5), 65535, np.uint16), 1).tolist() == [[65535] * 3] * 2


@pytest.mark.usefixtures("learned")
@pytest.mark.parametrize("grey", [False, True])
def test_lossless_gives_the_exact_levels(photo: Samples, monkeypatch: pytest.MonkeyPatch, grey: bool) -> None:
    """Of a picture in tiles too."""
    monkeypatch.setattr(tiling, "TILE", 32)
    pixels = photo[:75, :53, 1] if grey else photo[:75, :53]
    data = svcodec.encode(pixels, tier="lossless", effort=1)
    for reduce, times in TIMES.items():
        assert np.array_equal(svcodec.decode(data, reduce=reduce), halved(pixels, times))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_plain_and_deep_pictures_too(photo: Samples, dtype: type) -> None:
    rows, columns = np.mgrid[:21, :34]
    flat = np.stack([rows // 9, columns // 5, rows * 0], -1).astype(dtype) * (np.iinfo(dtype).max // 255)
    deep = flat if dtype is np.uint8 else flat + photo[:21, :34].astype(np.uint16) * 77
    data = svcodec.encode(deep, tier="lossless")
    for reduce, times in TIMES.items():
        given = svcodec.decode_array(data, reduce=reduce)
        assert given.dtype == dtype
        assert np.array_equal(given, halved(deep, times))


@pytest.mark.parametrize("tier", ["preview", "high"])
def test_an_eighth_is_exact_where_it_is_coded(photo: Samples, tier: str) -> None:
    data = svcodec.encode(photo[:-3], tier=tier)
    assert np.array_equal(svcodec.decode(data, reduce=8), halved(photo[:-3], 3))


# y_1 without z_1 is not what the mean of x, which is seen, comes to: nothing trains it
@pytest.mark.parametrize("tier", ["sketch", "preview", "standard", "high"])
@pytest.mark.parametrize("reduce", TIMES)
def test_lossy_tiers_give_nearly_the_level_of_what_they_decode_to(portrait_path: Path, tier: str, reduce: int) -> None:
    codec = svcodec.Codec()
    with Image.open(portrait_path) as image:
        data = codec.encode(image.crop((200, 80, 333, 181)), tier=tier, quality=50 if tier == "sketch" else None)
    small = np.asarray(codec.decode(data, reduce=reduce))
    expected = halved(np.asarray(codec.decode(data)), TIMES[reduce])
    assert small.shape == expected.shape
    assert np.abs(small.astype(int) - expected).mean() < (7 if reduce == 2 and tier in ("sketch", "preview") else 5)
    assert np.array_equal(small, svcodec.decode(data, reduce=reduce))


def test_all_else_goes_with_it(photo: Samples, alpha: Samples) -> None:
    whole = Image.fromarray(np.dstack([photo, alpha]))
    whole.info["icc_profile"] = b"a profile"
    for tier in ("standard", "lossless"):
        small = svcodec.decode(svcodec.encode(whole, tier=tier), reduce=4)
        assert small.mode == "RGBA"
        assert small.info["icc_profile"] == b"a profile"
        assert np.array_equal(np.asarray(small)[..., 3], halved(alpha, 2))


def test_a_seed_draws_there_too(photo: Samples) -> None:
    data = svcodec.encode(photo, tier="preview")
    drawn = [np.asarray(svcodec.decode(data, seed=seed, reduce=2)) for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("reduce", [0, 3, 16, True, 2.0, "8"])
def test_other_reductions_are_refused(photo: Samples, reduce: object) -> None:
    for tier in ("sketch", "lossless"):
        with pytest.raises(svcodec.InputError, match="reduce must be"):
            svcodec.decode(svcodec.encode(photo[:8, :8], tier=tier), reduce=reduce)


def test_smallest_pictures() -> None:
    data = svcodec.encode(np.full((1, 9, 3), 7, np.uint8), tier="sketch")
    assert [svcodec.decode(data, reduce=reduce).size for reduce in TIMES] == [(5, 1), (3, 1), (2, 1)]


def test_pillow_drafts(tmp_path: Path, photo: Samples) -> None:
    """As it does JPEGs: the least size that is no smaller than what is asked for."""
    path = tmp_path / "a.svc"
    Image.fromarray(photo).save(path, tier="high")
    width, height = photo.shape[1::-1]
    for wanted, divided in (((5, 3), 8), ((1, 1), 8), ((6, 3), 4), ((20, 5), 2), ((39, 24), 1), ((99, 99), 1)):
        with Image.open(path) as image:
            mode, box = image.draft("RGB", wanted) or ("", ())
            assert (mode, box) == ("RGB", (0, 0, width / divided, height / divided))
            assert image.size == (-(-width // divided), -(-height // divided))
            assert divided == 1 or image.draft("RGB", (1, 1)) is None  # once only
            assert np.array_equal(image, svcodec.decode(path, reduce=divided))
            assert image.draft("RGB", (1, 1)) is None
    with Image.open(path) as image:
        assert image.draft("RGB", None) is None
        image.thumbnail((24, 24))
        assert max(image.size) == 24
        expected = Image.fromarray(photo)
        expected.thumbnail((24, 24))
        assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).mean() < 8


@pytest.mark.parametrize(
    ("options", "divided"), [(("--thumbnail",), 8), (("--scale", "1/8"), 8), (("--scale", "1/2"), 2), ((), 1)]
)
def test_the_command_line(svc: Run, tmp_path: Path, photo: Samples, options: tuple[str, ...], divided: int) -> None:
    (tmp_path / "a.svc").write_bytes(svcodec.encode(photo, tier="high"))
    result = svc("decode", tmp_path / "a.svc", *options, "--json")
    assert result.exit_code == 0
    with Image.open(tmp_path / "a.png") as written:
        assert np.array_equal(written, svcodec.decode(tmp_path / "a.svc", reduce=divided))
        said = json.loads(result.stdout)
        assert (said["width"], said["height"]) == written.size


def test_a_machine_that_is_not_exact_is_told(photo: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though no seal is there that would tell."""
    codec = svcodec.Codec()
    data = codec.encode(photo, tier="standard")

    def fail() -> None:
        raise svcodec.ModelError("not exact")

    monkeypatch.setattr(codec.model, "test", fail)
    assert codec.decode(data).size == photo.shape[1::-1]
    with pytest.raises(svcodec.ModelError, match="not exact"):
        codec.decode(data, reduce=2)
