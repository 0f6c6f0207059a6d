"""Samples of more than 8 bits are refused by every road on which Pillow would cut them, and raw photos by name."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from PIL import Image, features

import svcodec
from svcodec import cli
from svcodec.codec import heif
from svcodec.codec.pictures import read_picture
from svcodec.codec.pictures.depth import content_of, depth_of
from svcodec.errors import InputError

Samples = npt.NDArray[np.uint8]
MakePng = Callable[..., bytes]

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_deep_png_saved_by_pillow(make_png: MakePng, tmp_path: Path, colour_type: int, channels: int) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(make_png(3, 16, colour_type, bytes(6 * channels)))
    for file in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(InputError, match="8 bits"):
            Image.open(file).save(tmp_path / "x.svc", tier="lossless")
    loaded = Image.open(path)
    loaded.load()
    for source in (loaded, Image.open(path), path, path.read_bytes()):
        with pytest.raises(InputError, match="8 bits"):
            svcodec.encode(source, tier="lossless")
    assert [file.name for file in tmp_path.iterdir()] == ["deep.png"]


def test_a_file_that_is_another_by_now_says_nothing(make_png: MakePng, tmp_path: Path, photo: Samples) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path)
    opened = Image.open(path)
    opened.load()
    path.write_bytes(make_png(3, 16, 2, bytes(18)))
    assert content_of(opened) is None
    assert read_picture(opened).pixels.shape == photo.shape
    path.unlink()
    assert depth_of(opened, content_of(opened)) == 8


def test_depths(make_png: MakePng, photo: Samples) -> None:
    def depth(data: bytes) -> int:
        return depth_of(Image.open(io.BytesIO(data)), data)

    assert [depth(make_png(2, bits, 0, b"\0" * 4)) for bits in (1, 8, 16)] == [8, 8, 16]
    assert depth(b"P6 1 1 1023\n" + bytes(6)) == 10
    file = io.BytesIO()
    Image.new("I;16", (2, 2)).save(file, "TIFF")
    assert depth(file.getvalue()) == 16
    assert depth_of(Image.fromarray(photo), None) == 8


@pytest.fixture
def deep_heic(photo: Samples) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    deep = photo.astype(np.uint16) * 257
    file = io.BytesIO()
    pillow_heif.encode("RGB;16", (40, 24), deep.tobytes(), file, quality=-1)
    return file.getvalue()


def test_deep_heic(deep_heic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deep.heic"
    path.write_bytes(deep_heic)
    loaded = Image.open(path)
    loaded.load()
    for source in (path, deep_heic, Image.open(path), loaded, Image.open(io.BytesIO(deep_heic))):
        with pytest.raises(InputError, match="8 bits"):
            read_picture(source)
    with pytest.raises(InputError, match="8 bits"):
        Image.open(path).save(tmp_path / "x.svc", tier="lossless")


def test_heic(photo: Samples, tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()  # which saves too
    path = tmp_path / "photo.heic"
    exif = Image.Exif()
    exif[0x010F] = "maker"
    Image.fromarray(photo).save(path, quality=-1, exif=exif)
    for source in (path, path.read_bytes(), Image.open(path)):
        picture = read_picture(source)
        assert np.abs(picture.pixels.astype(int) - photo).mean() < 3
        assert picture.metadata.exif is not None and b"maker" in picture.metadata.exif
        assert picture.dropped == ()
    run = CliRunner().invoke(cli.main, ["encode", str(tmp_path), "-o", str(tmp_path / "out"), "--tier", "sketch"])
    assert run.exit_code == 0, run.output
    assert Image.open(tmp_path / "out" / "photo.svc").size == (40, 24)


def test_heic_without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "is_installed", lambda: False)
    monkeypatch.setattr("svcodec.codec.pictures.reading.is_installed", lambda: False)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    heif.register()
    assert "HEIF" not in Image.OPEN
    with pytest.raises(InputError, match=r"svcodec\[heif\]"):
        read_picture(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100))


def moved_meta(data: bytes, by: int) -> bytes:
    """A HEIF file with a box before its metadata, and all places in the file moved."""
    position, before = 0, b""
    boxes = []
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        boxes.append(data[position : position + size])
        position += size
    before, rest = boxes[0], b"".join(boxes[1:])
    start = rest.index(b"iloc") + 4
    sizes, version = rest[start + 4 : start + 6], rest[start]
    assert version == 0 and sizes[0] == 0x44 and sizes[1] & 0xF0 == 0
    changed = bytearray(rest)
    place = start + 8
    for _ in range(int.from_bytes(rest[start + 6 : start + 8], "big")):
        extents = int.from_bytes(rest[place + 4 : place + 6], "big")
        place += 6
        for _ in range(extents):
            moved = int.from_bytes(rest[place : place + 4], "big") + by
            changed[place : place + 4] = moved.to_bytes(4, "big")
            place += 8
    return before + by.to_bytes(4, "big") + b"free" + bytes(by - 8) + bytes(changed)


@needs_avif
def test_deep_avif_however_far_its_boxes_lie(photo: Samples, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "AVIF")
    data = moved_meta(file.getvalue(), 70_000)
    assert read_picture(data).pixels.shape == photo.shape
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = moved_meta(imagecodecs.avif_encode(photo.astype(np.uint16) * 4, bitspersample=10), 70_000)
    path = tmp_path / "deep.avif"
    path.write_bytes(deep)
    loaded = Image.open(path)
    loaded.load()
    for source in (path, deep, Image.open(path), loaded):
        with pytest.raises(InputError, match="8 bits"):
            read_picture(source)


def directory(*entries: tuple[int, int, int, int]) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)


def raw_photo(*extra: tuple[int, int, int, int], subfile: int = 1) -> bytes:
    """A TIFF with a small picture of 16x12 first and the sensor's samples in a directory below it."""
    thumbnail, sensor = bytes(16 * 12 * 3), bytes(96 * 64 * 2)
    body = struct.pack("<HHH", 8, 8, 8) + bytes(2) + thumbnail + sensor
    below = 8 + len(body)
    tags = ((254, 4, 1, 0), (256, 4, 1, 96), (257, 4, 1, 64), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 32803))
    body += directory(
        *tags, (273, 4, 1, 16 + len(thumbnail)), (277, 3, 1, 1), (278, 4, 1, 64), (279, 4, 1, len(sensor))
    )
    first = 8 + len(body)
    own = [(254, 4, 1, subfile), (256, 4, 1, 16), (257, 4, 1, 12), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2)]
    own += [(273, 4, 1, 16), (277, 3, 1, 3), (278, 4, 1, 12), (279, 4, 1, len(thumbnail)), (330, 4, 1, below), *extra]
    return b"II*\0" + struct.pack("<I", first) + body + directory(*own)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (raw_photo(), "thumbnail"),
        (raw_photo((50706, 1, 4, 0x401), subfile=0), "DNG"),
        (b"II*\0\x08\0\0\0" + directory((256, 4, 1, 9), (262, 3, 1, 32803)), "raw photo"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), "CR2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40), "CR3"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(40), "RAF"),
        (b"IIU\0\x18\0\0\0" + bytes(40), "RW2"),
        (b"IIRO\x08\0\0\0" + bytes(40), "ORF"),
    ],
)
def test_raw_photos_are_refused_by_name(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "DSC_0001.NEF"
    path.write_bytes(data)
    for source in (path, data, io.BytesIO(data)):
        with pytest.raises(InputError, match=f"raw photo.*{name}|{name}"):
            read_picture(source)


def test_raw_photos_that_pillow_opens(tmp_path: Path) -> None:
    path = tmp_path / "DSC_0001.NEF"
    path.write_bytes(raw_photo())
    assert Image.open(path).size == (16, 12)
    loaded = Image.open(io.BytesIO(path.read_bytes()))
    loaded.load()
    for source in (Image.open(path), loaded):
        with pytest.raises(InputError, match="raw photo"):
            read_picture(source)
    with pytest.raises(InputError, match="raw photo"):
        Image.open(path).save(tmp_path / "x.svc")


def test_a_reduced_picture_that_is_all_of_its_file_is_one(photo: Samples) -> None:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "TIFF", tiffinfo={254: 1})
    assert np.array_equal(read_picture(file).pixels, photo)


def test_closed_and_verified_pictures(photo: Samples, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path)
    verified, closed, empty = Image.open(path), Image.open(path), Image.open(path)
    verified.verify()
    closed.close()
    empty.load()
    empty.close()
    for image in (verified, closed, empty):
        with pytest.raises(InputError, match=r"closed, or verified.*open it anew"):
            read_picture(image)
