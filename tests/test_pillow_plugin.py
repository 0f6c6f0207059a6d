"""Pillow opens and saves .svc like any other format."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.codec import pillow_plugin

Samples = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def stream(photo: Samples) -> bytes:
    return svcodec.encode(photo, tier="lossless")


def test_pillow_knows_the_format() -> None:
    pillow_plugin.register()
    pillow_plugin.register()
    assert Image.registered_extensions()[".svc"] == "SVC"
    assert Image.MIME["SVC"] == "image/svcodec"
    assert Image.ID.count("SVC") == 1


def test_opening_decodes_nothing(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svcodec.codec.decoding.decode", None)
    image = Image.open(io.BytesIO(stream))
    assert (image.format, image.size, image.mode) == ("SVC", (40, 24), "RGB")


def test_loading_decodes(stream: bytes, photo: Samples, tmp_path: Path) -> None:
    path = tmp_path / "photo.svc"
    path.write_bytes(stream)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), photo)
        assert np.array_equal(np.asarray(image.copy()), photo)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_modes(photo: Samples, alpha: Samples, mode: str) -> None:
    image = Image.fromarray(np.dstack([photo, alpha])).convert(mode)
    file = io.BytesIO()
    image.save(file, "SVC", tier="lossless")
    opened = Image.open(file)
    assert opened.mode == mode
    assert opened.tobytes() == image.tobytes()


def test_saving_takes_an_effort(photo: Samples, tmp_path: Path) -> None:
    for effort in (1, 9):
        path = tmp_path / f"{effort}.svc"
        Image.fromarray(photo).save(path, tier="lossless", effort=effort)
        assert path.read_bytes() == svcodec.encode(photo, tier="lossless", effort=effort)


def test_saving_takes_tier_quality_and_tune(photo: Samples, tmp_path: Path) -> None:
    path = tmp_path / "photo.svc"
    Image.fromarray(photo).save(path, tier="sketch", quality=30, tune="psnr")
    info = svcodec.inspect(path.read_bytes())
    assert (info.tier, info.quality, info.tune) == ("sketch", 30, "psnr")


def test_the_orientation_is_seen_before_loading(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source, stream = io.BytesIO(), io.BytesIO()
    Image.fromarray(photo).save(source, "PNG", exif=exif)
    Image.open(source).save(stream, "SVC", tier="sketch")
    assert Image.open(stream).size == (40, 24)
    assert ImageOps.exif_transpose(Image.open(stream)).size == (24, 40)


def test_malformed_files_are_unidentified(stream: bytes) -> None:
    flipped = bytearray(stream)
    flipped[len(stream) // 2] ^= 1
    for data in (stream[:4], stream[:20], stream[:-1], bytes(flipped)):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(data))


def test_what_is_found_while_decoding_is_a_stream_error(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(data: bytes, reduce: int) -> Image.Image:
        raise svcodec.CorruptError("the segment ends too early")

    monkeypatch.setattr("svcodec.codec.decoding.decode", fail)
    image = Image.open(io.BytesIO(stream))
    with pytest.raises(svcodec.StreamError, match="too early"):
        image.load()


def test_a_larger_picture_than_decode_takes_is_not_loaded(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # Pillow's own limit, which opening would meet first
    image = Image.open(io.BytesIO(pack(replace(unpack(stream), width=16385, height=8192))))
    assert image.size == (16385, 8192)
    with pytest.raises(svcodec.TooLargeError, match="134,217,728"):
        image.load()


def test_saving_what_cannot_be_coded_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(svcodec.InputError, match="CMYK"):
        Image.new("CMYK", (8, 8)).save(tmp_path / "photo.svc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("bits", "scale"), [(1, 255), (2, 85), (4, 17)])
def test_a_transparent_grey_stays_so_once_it_is_loaded(bits: int, scale: int, tmp_path: Path) -> None:
    """Pillow loads an image before it saves it."""
    head = struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0)
    line = bytes([0, 1 << (8 - 2 * bits)])  # samples 0 and 1
    chunks = [(b"IHDR", head), (b"tRNS", struct.pack(">H", 1)), (b"IDAT", zlib.compress(line)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    opened = Image.open(io.BytesIO(data))
    opened.load()
    for source in (data, opened):
        found = svcodec.decode_array(svcodec.encode(source, tier="lossless"))
        assert found.tolist() == [[[0, 255], [scale, 0]]]
    Image.open(io.BytesIO(data)).save(tmp_path / "a.svc", tier="lossless")
    assert np.array_equal(svcodec.decode_array(tmp_path / "a.svc"), found)
