"""What `svcodec decode` writes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from PIL import Image, features

import svcodec

Run = Callable[..., Result]
Samples = npt.NDArray[np.uint8]
LOSSLESS = ("--tier", "lossless", "--gate", "off")
needs_avif = pytest.param("avif", marks=pytest.mark.skipif(not features.check("avif"), reason="needs AVIF"))
EXACT = ["png", "webp", "tiff", "bmp", "ppm"]
WITH_METADATA = ["png", "webp", "tiff", "jpg", needs_avif]


def pixels(source: Path | bytes) -> Samples:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return np.asarray(image)


@pytest.mark.parametrize("suffix", [*EXACT, "tif", "pnm", "PNG"])
def test_pixels_are_exact(svc: Run, svc_file: Path, photo: Samples, suffix: str) -> None:
    target = svc_file.with_suffix(f".{suffix}")
    assert svc("decode", svc_file, "-o", target).exit_code == 0
    assert np.array_equal(pixels(target), photo)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", needs_avif])
def test_pixels_are_nearly_exact(svc: Run, svc_file: Path, photo: Samples, suffix: str) -> None:
    target = svc_file.with_suffix(f".{suffix}")
    assert svc("decode", svc_file, "-o", target).exit_code == 0
    assert np.abs(pixels(target).astype(int) - photo).mean() < 2


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp", "pgm", "jpg", needs_avif])
def test_grey(svc: Run, tmp_path: Path, photo: Samples, suffix: str) -> None:
    grey, source = photo[..., 1], tmp_path / "a.svc"
    source.write_bytes(svcodec.encode(np.ascontiguousarray(grey), tier="lossless"))
    assert svc("decode", source, "-o", tmp_path / f"a.{suffix}").exit_code == 0
    with Image.open(tmp_path / f"a.{suffix}") as image:
        assert np.abs(np.asarray(image.convert("L")).astype(int) - grey).mean() < 2


@pytest.mark.parametrize("kind", [("RGBA", 4), ("LA", 2)], ids=str)
def test_alpha_needs_a_format_that_holds_it(
    svc: Run, tmp_path: Path, photo: Samples, alpha: Samples, kind: tuple[str, int]
) -> None:
    source, (mode, channels) = tmp_path / "a.svc", kind
    samples = np.dstack([photo[..., : channels - 1], alpha])
    source.write_bytes(svcodec.encode(samples, tier="lossless"))
    for suffix in ("jpg", "ppm", "bmp"):
        result = svc("decode", source, "-o", tmp_path / f"a.{suffix}")
        assert result.exit_code == 1
        assert "alpha channel" in result.stderr
        assert not (tmp_path / f"a.{suffix}").exists()
    for suffix in ("png", "webp", "tiff"):
        assert svc("decode", source, "-o", tmp_path / f"a.{suffix}").exit_code == 0
        with Image.open(tmp_path / f"a.{suffix}") as image:
            assert np.array_equal(np.asarray(image.convert(mode)), samples)


def test_the_format_that_is_asked_for(svc: Run, svc_file: Path, photo: Samples) -> None:
    folder = svc_file.parent
    assert svc("decode", svc_file, "--format", "tiff").exit_code == 0
    assert svc("decode", folder, "--format", "webp", "-o", folder / "out").exit_code == 0
    for path, kind in ((folder / "stored.tiff", "TIFF"), (folder / "out" / "stored.webp", "WEBP")):
        with Image.open(path) as image:
            assert image.format == kind
        assert np.array_equal(pixels(path), photo)
    piped = svc("decode", "-", "--format", "bmp", stdin=svc_file.read_bytes())
    assert piped.stdout_bytes.startswith(b"BM")
    assert svc("decode", svc_file, "--format", "gif").exit_code == 2


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_metadata_survives(svc: Run, tmp_path: Path, photo: Samples, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    source, target = tmp_path / "in.jpg", tmp_path / f"out.{suffix}"
    Image.fromarray(photo).save(source, icc_profile=b"profile", exif=exif, xmp=b"<x:xmpmeta/>")
    assert svc("encode", source, "-o", tmp_path / "a.svc", *LOSSLESS).exit_code == 0
    assert svc("decode", tmp_path / "a.svc", "-o", target).exit_code == 0
    with Image.open(target) as image:
        image.load()
        assert image.info["icc_profile"] == b"profile"
        assert bytes(image.info["xmp"]) == b"<x:xmpmeta/>"
        assert image.getexif()[0x010F] == "Maker"
        # Pillow turns a TIFF as its tag says when it is loaded
        assert (image.size, image.getexif().get(0x0112, 1)) == (((24, 40), 1) if suffix == "tiff" else ((40, 24), 6))


@pytest.mark.parametrize("suffix", ["ppm", "bmp"])
def test_metadata_that_is_left_out_is_named(svc: Run, tmp_path: Path, photo: Samples, suffix: str) -> None:
    image, source = Image.fromarray(photo), tmp_path / "a.svc"
    image.info |= {"icc_profile": b"profile", "xmp": b"<x:xmpmeta/>"}
    source.write_bytes(svcodec.encode(image, tier="lossless"))
    result = svc("decode", source, "--format", suffix)
    assert result.exit_code == 0
    assert "ICC profile, XMP" in result.stderr and result.stderr.count("\n") == 1


def test_exif_too_long_for_a_jpeg(svc: Run, tmp_path: Path, photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010E] = "long" * 20000
    image = Image.fromarray(photo)
    image.info["exif"] = exif.tobytes()
    source = tmp_path / "a.svc"
    source.write_bytes(svcodec.encode(image, tier="lossless"))
    result = svc("decode", source, "-o", tmp_path / "a.jpg")
    assert result.exit_code == 1
    assert "JPEG" in result.stderr
    for suffix in ("png", "webp", "tiff"):
        assert svc("decode", source, "-o", tmp_path / f"a.{suffix}").exit_code == 0


def test_a_pillow_without_a_format(svc: Run, svc_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF", raising=False)
    result = svc("decode", svc_file, "--format", "avif")
    assert result.exit_code == 1
    assert "can't be written as AVIF" in result.stderr
