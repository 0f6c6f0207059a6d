"""Files of a size and pictures of a quality that are asked for."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

import svcodec
from svcodec.codec import lossy, measures
from svcodec.codec.targets import KINDS, Target
from svcodec.codec.tiers import spec_of

Samples = npt.NDArray[np.uint8]
Run = Callable[..., Result]
MOST = 7  # encodings


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each."""
    counted: list[int] = []
    encode = lossy.Encoder.encode
    monkeypatch.setattr(lossy.Encoder, "encode", lambda *args: [counted.append(1), encode(*args)][1])
    return counted


@pytest.fixture(scope="module")
def crop(portrait_path: Path) -> Samples:
    with Image.open(portrait_path) as image:
        return np.array(image.reduce(3).convert("RGB"))[:96, :128]


@pytest.mark.parametrize(("tier", "wanted"), [("standard", 700), ("standard", 2500), ("high", 1500), ("sketch", 300)])
def test_files_of_a_size(codec: svcodec.Codec, crop: Samples, encodings: list[int], tier: str, wanted: int) -> None:
    data = codec.encode(crop, tier=tier, bytes=wanted)
    assert len(data) <= wanted
    assert len(encodings) <= MOST
    quality = svcodec.inspect(data).quality
    better = codec.encode(crop, tier=tier, quality=quality + 1)
    assert len(better) > wanted or len(data) > 0.98 * wanted
    assert data == codec.encode(crop, tier=tier, quality=quality)


def test_bits_per_pixel_are_those_of_the_file(codec: svcodec.Codec, crop: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "M" * 3000
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "PNG", exif=exif)
    data = codec.encode(file, bpp=0.9)
    assert 0.85 < 8 * len(data) / (96 * 128) <= 0.9
    assert data == codec.encode(file, bytes=int(0.9 * 96 * 128 / 8))


@pytest.mark.parametrize("grey", [False, True])
def test_pictures_of_a_psnr(codec: svcodec.Codec, crop: Samples, encodings: list[int], grey: bool) -> None:
    pixels = crop[..., 1] if grey else crop
    data = codec.encode(pixels, psnr=33, tune="psnr")
    assert len(encodings) <= MOST
    found = measures.psnr(codec.decode_array(data), pixels)
    worse = codec.encode(pixels, quality=svcodec.inspect(data).quality - 1, tune="psnr")
    assert found >= 33
    assert found < 33.06 or measures.psnr(codec.decode_array(worse), pixels) < 33


def test_pictures_of_a_score(codec: svcodec.Codec, portrait_path: Path, encodings: list[int]) -> None:
    pytest.importorskip("ssimulacra2")
    with Image.open(portrait_path) as image:
        pixels = np.array(image.convert("RGB"))[:256, :256]
    data = codec.encode(pixels, ssimulacra2=50)
    assert measures.ssimulacra2(np.asarray(codec.decode(data)), pixels) >= 50
    assert len(encodings) <= MOST
    with pytest.raises(svcodec.InputError, match="256"):
        codec.encode(pixels[:200], ssimulacra2=50)


def test_without_the_package(codec: svcodec.Codec, crop: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssimulacra2", None)
    with pytest.raises(svcodec.MissingPackageError, match="pip install ssimulacra2"):
        codec.encode(crop, ssimulacra2=50)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"bytes": 60}, r"bytes 60 can't be reached: the file has \d+ bytes at quality 1, the least"),
        ({"bpp": 0.001}, r"bpp 0\.001 can't be reached: the file has 0\.\d+ bits per pixel at quality 1, the least"),
        ({"psnr": 90}, r"psnr 90 can't be reached: it is \d+\.\d+ at quality 100, the best"),
        ({"psnr": 30, "bytes": 1000}, "one of bytes, psnr is enough"),
        ({"psnr": 30, "quality": 50}, "one of psnr, quality is enough"),
        ({"bytes": 0}, "bytes must be a number from 1"),
        ({"bytes": True}, "bytes must be a number"),
        ({"bytes": 10**400}, "bytes must be a number"),
        ({"psnr": np.True_}, "psnr must be a number"),
        ({"bpp": float("nan")}, "bpp must be a number"),
        ({"psnr": 101}, "psnr must be a number from 0 to 100"),
        ({"psnr": "a"}, "psnr must be a number"),
        ({"bytes": 1000, "tier": "lossless"}, "tier lossless takes no quality, so there is none to reach bytes with"),
        ({"psnr": 30, "tier": "preview"}, "tier preview takes no quality"),
    ],
)
def test_what_can_not_be_reached(codec: svcodec.Codec, crop: Samples, options: dict[str, object], text: str) -> None:
    with pytest.raises(svcodec.InputError, match=text):
        codec.encode(crop[:32, :32], **options)


def curves() -> st.SearchStrategy[list[float]]:
    """What qualities 1 to 100 give: it grows, but for noise."""
    return st.tuples(
        st.floats(0.3, 4), st.floats(-2, 2), st.lists(st.floats(-0.3, 0.3), min_size=100, max_size=100)
    ).map(lambda made: [20 + made[0] * q / 10 + made[1] * (q / 100) ** 2 + made[2][q - 1] for q in range(1, 101)])


@given(curves(), st.floats(0, 1), st.integers(1, 100))
@example([20 + 0.0375 * q - 0.0001 * q**2 for q in range(1, 101)], 1.0, 1)  # only the last one will do
@settings(max_examples=200)
def test_every_search_ends_with_what_was_asked_for(curve: list[float], share: float, start: int) -> None:
    goal = min(curve) + share * (max(curve) - min(curve))
    pixels = np.zeros((2, 2), np.uint8)
    asked: list[int] = []

    def encode(quality: int) -> bytes:
        asked.append(quality)
        return bytes([quality])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measures, "psnr", lambda decoded, original: curve[int(decoded[0, 0]) - 1])
        decode: Callable[[bytes], Samples] = lambda data: np.full((2, 2), data[0], np.uint8)  # noqa: E731
        try:
            data = Target("psnr", goal).reached(encode, decode, pixels, start)
        except svcodec.InputError:  # noise hid the only one from it
            assert max(curve) - goal < 0.7
            return
    assert curve[data[0] - 1] >= goal
    assert len(set(asked)) == len(asked) <= 12


def test_targets_go_with_tiers_of_a_quality() -> None:
    for name in KINDS:
        assert Target.of({name: 50}, spec_of("sketch"), None) == Target(name, 50)
    assert Target.of(dict.fromkeys(KINDS), spec_of("lossless"), None) is None


def picture_of(crop: Samples, folder: Path) -> Path:
    path = folder / "a.png"
    Image.fromarray(crop[:64, :64]).save(path)
    return path


@pytest.mark.parametrize(("option", "value"), [("--bytes", "700"), ("--bpp", "1.2"), ("--psnr", "30")])
def test_on_the_command_line(svc: Run, crop: Samples, tmp_path: Path, option: str, value: str) -> None:
    source = picture_of(crop, tmp_path)
    assert svc("encode", source, "--gate", "off", option, value).exit_code == 0
    data = source.with_suffix(".svc").read_bytes()
    if option == "--psnr":
        assert measures.psnr(svcodec.decode_array(data), crop[:64, :64]) >= 30
    else:
        assert len(data) <= (700 if option == "--bytes" else 1.2 * 64 * 64 / 8)


def test_mistakes_on_the_command_line(svc: Run, crop: Samples, tmp_path: Path) -> None:
    source = picture_of(crop, tmp_path)
    both = svc("encode", source, "--bytes", "700", "--quality", "50")
    assert both.exit_code == 2 and "--quality and --bytes don't go together" in both.stderr
    unreachable = svc("encode", source, "--gate", "off", "--psnr", "95")
    assert unreachable.exit_code == 1 and "a.png: psnr 95 can't be reached" in unreachable.stderr
    assert not source.with_suffix(".svc").exists()
