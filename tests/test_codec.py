"""The codec: every tier, mode and size, there and back."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made import texture
from PIL import Image

import svcodec
from svcodec.bitstream.container import Tier, unpack
from svcodec.codec.tiers import SPECS

SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 33), (17, 1), (7, 5), (16, 16), (37, 51), (64, 65)]
LOSSY = ("sketch", "preview", "standard", "high")


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, ((a.astype(float) - b.astype(float)) ** 2).mean())))


@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_lossless_gives_back_every_bit(codec: svcodec.Codec, size: tuple[int, int], channels: int | None) -> None:
    noisy = texture(*size, channels)
    for image in (noisy, np.zeros_like(noisy), 255 - noisy % 2):
        assert np.array_equal(np.asarray(codec.decode(codec.encode(image, tier="lossless"))), image)


sides = st.integers(1, 20)
shapes = st.tuples(sides, sides) | st.tuples(sides, sides, st.integers(2, 4))


@settings(max_examples=25)
@given(hnp.arrays(np.uint8, shapes))
def test_lossless_gives_back_any_array(image: np.ndarray) -> None:
    decoded = np.asarray(svcodec.decode(svcodec.encode(image, tier="lossless")))
    assert np.array_equal(decoded, image)


def test_tensors_are_coded_with_channels_first_or_last(codec: svcodec.Codec) -> None:
    image = texture(17, 9)
    data = codec.encode(image, tier="sketch")
    assert codec.encode(torch.from_numpy(image), tier="sketch") == data
    assert codec.encode(torch.from_numpy(image).permute(2, 0, 1), tier="sketch") == data


@pytest.mark.parametrize("tier", LOSSY)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_lossy_tiers_keep_size_and_mode(codec: svcodec.Codec, size: tuple[int, int], tier: str) -> None:
    for channels, mode in ((None, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")):
        image = texture(*size, channels)
        decoded = codec.decode(codec.encode(image, tier=tier))
        assert (decoded.size, decoded.mode) == (size[::-1], mode)
        if channels in (2, 4):
            assert np.array_equal(np.asarray(decoded)[..., -1], image[..., -1])


def test_tiers_are_ordered_by_size_and_fidelity(codec: svcodec.Codec, portrait_path: Path) -> None:
    with Image.open(portrait_path) as photo:
        image = np.asarray(photo.convert("RGB"))[100:356, 100:356]
    files = [codec.encode(image, tier=tier) for tier in svcodec.TIERS]
    assert [len(file) for file in files] == sorted(len(file) for file in files)
    fidelity = [psnr(np.asarray(codec.decode(file)), image) for file in files]
    assert fidelity[2] > fidelity[0]
    assert fidelity[3] > fidelity[2]
    assert fidelity[4] > 100


@pytest.mark.parametrize(
    ("tier", "qualities"),
    [("sketch", (1, 40, 100)), ("standard", (1, 40, 100)), ("high", (40, 70, 100))],  # y_3 costs more where u is coarse
)
def test_quality_buys_fidelity(codec: svcodec.Codec, tier: str, qualities: tuple[int, ...]) -> None:
    image = texture(96, 128)
    files = [codec.encode(image, tier=tier, quality=quality) for quality in qualities]
    assert len(files[0]) < len(files[1]) < len(files[2])
    if tier != "sketch":
        fidelity = [psnr(np.asarray(codec.decode(file)), image) for file in files]
        assert fidelity == sorted(fidelity)


@pytest.mark.parametrize("tier", ["sketch", "standard", "high"])
def test_pictures_are_tuned_for_the_eye_unless_told_otherwise(codec: svcodec.Codec, tier: str) -> None:
    image = texture(40, 56)
    files = {tune: codec.encode(image, tier=tier, tune=tune) for tune in (None, *svcodec.TUNES)}
    assert files[None] == files["ssim"] != files["psnr"]
    for tune in svcodec.TUNES:
        assert svcodec.inspect(files[tune]).tune == tune
        assert codec.decode(files[tune]).size == (56, 40)
    assert svcodec.encode(image, tier=tier, tune="psnr") == files["psnr"]


@pytest.mark.parametrize("tier", ["preview", "lossless"])
def test_exact_tiers_have_no_tune(codec: svcodec.Codec, tier: str) -> None:
    info = svcodec.inspect(codec.encode(texture(8, 8), tier=tier))
    assert (info.quality, info.tune) == (None, None)


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_encoding_twice_gives_the_same_bytes(codec: svcodec.Codec, tier: str) -> None:
    image = texture(40, 56)
    data = codec.encode(image, tier=tier)
    assert codec.encode(image, tier=tier) == data
    assert codec.decode(data).tobytes() == codec.decode(data).tobytes()


@pytest.mark.usefixtures("learned")
@pytest.mark.parametrize("channels", [None, 3])
def test_a_sketch_codes_more_levels_of_details_where_they_pay(codec: svcodec.Codec, channels: int | None) -> None:
    coded = []
    for quality in (1, 30, 100):
        info = svcodec.inspect(codec.encode(texture(96, 128, channels), tier="sketch", quality=quality))
        coded.append([segment.name for segment in info.segments])
    assert coded[-1] == ["u", "z2", "z3"]
    assert len(coded[0]) <= len(coded[1]) <= len(coded[2])
    flat = svcodec.inspect(codec.encode(np.full((96, 128, 3), 90, np.uint8), tier="sketch"))
    assert [segment.name for segment in flat.segments] == ["u"]


def test_a_sketch_of_all_levels_is_refused(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(SPECS, Tier.SKETCH, replace(SPECS[Tier.SKETCH], details=(3, 3)))
        data = codec.encode(texture(64, 64), tier="sketch")
    with pytest.raises(svcodec.CorruptError, match="tier sketch can't code 3 levels"):
        codec.decode(data)


@pytest.mark.parametrize("tier", ["sketch", "preview"])
def test_samples_differ_by_seed_and_repeat(codec: svcodec.Codec, tier: str) -> None:
    data = codec.encode(texture(64, 64), tier=tier)
    pictures = {seed: np.asarray(codec.decode(data, seed=seed)) for seed in (1, 2)}
    assert not np.array_equal(pictures[1], pictures[2])
    assert not np.array_equal(pictures[1], np.asarray(codec.decode(data)))
    assert np.array_equal(pictures[1], np.asarray(codec.decode(data, seed=1)))


@pytest.mark.parametrize("seed", [-1, True, np.True_, 1.0, "7"])
def test_seeds_are_whole_numbers_from_zero(codec: svcodec.Codec, seed: object) -> None:
    data = codec.encode(texture(8, 8), tier="sketch")
    with pytest.raises(svcodec.InputError, match="seed must be a whole number of at least 0"):
        codec.decode(data, seed=seed)


def test_numpy_integers_are_whole_numbers(codec: svcodec.Codec) -> None:
    data = codec.encode(texture(16, 16), tier="sketch", quality=40)
    assert codec.encode(texture(16, 16), tier="sketch", quality=np.uint8(40)) == data
    assert codec.decode(data, seed=np.int64(3)).tobytes() == codec.decode(data, seed=3).tobytes()


@pytest.mark.parametrize("tier", ["standard", "high", "lossless"])
def test_what_is_all_coded_has_nothing_to_sample(codec: svcodec.Codec, tier: str) -> None:
    data = codec.encode(texture(24, 24), tier=tier)
    assert codec.decode(data, seed=3).tobytes() == codec.decode(data).tobytes()


def test_the_account_is_what_the_codes_take(codec: svcodec.Codec) -> None:
    for tier in svcodec.TIERS:
        stream = unpack(codec.encode(texture(96, 96), tier=tier))
        total = sum(entry.bits for entry in stream.account)
        assert abs(total - 8 * len(stream.codes)) <= 176  # the seal, the last word and the numbers of words


def test_metadata_survives(codec: svcodec.Codec) -> None:
    source = Image.fromarray(texture(16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: kept, not applied
    buffer = io.BytesIO()
    source.save(buffer, "PNG", icc_profile=b"a profile", exif=exif)
    buffer.seek(0)
    decoded = codec.decode(codec.encode(buffer, tier="sketch"))
    assert decoded.info["icc_profile"] == b"a profile"
    assert decoded.getexif()[0x0112] == 6
    assert decoded.size == source.size


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tier": "best"}, "unknown tier 'best'"),
        ({"quality": 0}, "1 to 100"),
        ({"quality": 101}, "1 to 100"),
        ({"quality": 50.5}, "whole number"),
        ({"quality": True}, "whole number"),
        ({"quality": np.True_}, "whole number"),
        ({"quality": np.int64(101)}, "1 to 100"),
        ({"tier": "lossless", "quality": 50}, "takes no quality"),
        ({"tier": "preview", "quality": 50}, "takes no quality"),
        ({"tune": "eye"}, "unknown tune 'eye'; the tunes are psnr, ssim"),
        ({"tune": "SSIM"}, "unknown tune"),
        ({"tune": 1}, "unknown tune 1"),
        ({"tier": "lossless", "tune": "psnr"}, "lossless takes no tune"),
        ({"tier": "preview", "tune": "ssim"}, "preview takes no tune"),
    ],
)
def test_bad_arguments_are_refused(codec: svcodec.Codec, arguments: dict, text: str) -> None:
    with pytest.raises(svcodec.InputError, match=text):
        codec.encode(texture(8, 8), **arguments)


def test_a_calibration_of_own_scores_moves_the_threshold(codec: svcodec.Codec) -> None:
    image = texture(140, 150)
    calibration = codec.calibrate([-2.0, -1.0, 1e3], false_alarms=0.5, photos="made up")
    assert (calibration.threshold, calibration.photos, calibration.pictures) == (-1.0, "made up", 3)
    for threshold, accepted in ((-1e5, True), (1e5, False)):
        own = svcodec.Codec(calibration=replace(calibration, threshold=threshold))
        assert own.assess(image).accepted is accepted
    with pytest.raises(svcodec.InputError, match="3 pictures can't tell"):
        codec.calibrate([-2.0, -1.0, 1e3])


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(svcodec.ModelError, match="no model 'nonesuch'"):
        svcodec.Codec("nonesuch")
    for path in (tmp_path / "nonesuch.safetensors", str(tmp_path / "nonesuch.safetensors")):
        with pytest.raises(svcodec.ModelError, match=r"nonesuch\.safetensors: No such file"):
            svcodec.Codec(path)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a model")
    with pytest.raises(svcodec.ModelError, match="can't be loaded"):
        svcodec.Codec(broken)
    with pytest.raises(svcodec.ModelError):
        svcodec.Codec(device="no-such-device")
