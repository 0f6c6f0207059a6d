"""Files and images of sixteen bits: read and written exactly, or refused by name."""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import Result
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

import svcodec
from svcodec.codec.pictures import read_picture, to_array
from svcodec.codec.pictures.deep_reading import deep_samples
from svcodec.codec.pictures.deep_writing import MODES, with_samples

imagecodecs = pytest.importorskip("imagecodecs")

Deep = npt.NDArray[np.uint16]
Run = Callable[..., Result]
MakePng = Callable[..., bytes]
MODEL = struct.pack("<HHI", 0x2A, 1, 8)


@pytest.fixture(scope="module")
def deep() -> Deep:
    """uint16 (24, 40, 4)."""
    return np.random.default_rng(0).integers(0, 1 << 16, (24, 40, 4), np.uint16)


def shown(deep: Deep, channels: int) -> Deep:
    return np.ascontiguousarray(deep[..., :channels].squeeze(-1) if channels == 1 else deep[..., :channels])


def exif() -> bytes:
    made = Image.Exif()
    made[0x010F] = "maker"
    made[0x8769] = {0x9286: b"ASCII\0\0\0said"}
    made[0x8825] = {1: "N"}
    return made.tobytes()


def png_with(samples: Deep, **info: bytes) -> bytes:
    """A PNG of sixteen bits with metadata, by Pillow and imagecodecs."""
    encoded = imagecodecs.png_encode(samples)
    pixel = io.BytesIO()
    xmp = PngImagePlugin.PngInfo()
    if "xmp" in info:
        xmp.add_itxt("XML:com.adobe.xmp", info.pop("xmp").decode())
    Image.new("L", (1, 1)).save(pixel, "PNG", pnginfo=xmp, **info)
    metadata = pixel.getvalue()
    return encoded[:33] + metadata[33 : metadata.index(b"IDAT") - 4] + encoded[33:]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_files_are_read_exactly(deep: Deep, tmp_path: Path, channels: int) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(shown(deep, channels)))
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes()), Image.open(path)):
        assert np.array_equal(to_array(read_picture(source)), shown(deep, channels))


@pytest.mark.parametrize("compression", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_files_are_read_exactly(deep: Deep, channels: int, compression: str, order: str) -> None:
    photometric = "minisblack" if channels == 1 else "rgb"
    options = {"extrasample": "unassalpha"} if channels == 4 else {}
    data = imagecodecs.tiff_encode(
        shown(deep, channels).copy(), photometric=photometric, compression=compression, byteorder=order, **options
    )
    assert np.array_equal(to_array(read_picture(data)), shown(deep, channels))


def test_compressions_that_pillow_may_lack(deep: Deep) -> None:
    data = imagecodecs.tiff_encode(shown(deep, 3), photometric="rgb", compression="zstd")
    assert np.array_equal(to_array(read_picture(data)), shown(deep, 3))


def test_samples_stored_channel_by_channel(deep: Deep) -> None:
    planes = np.ascontiguousarray(np.moveaxis(deep[..., :3], -1, 0))
    data = imagecodecs.tiff_encode(planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(to_array(read_picture(data)), deep[..., :3])


def tiff(samples: Deep, **tags: object) -> bytes:
    """An uncompressed TIFF, by Pillow's writer of tags: `tiff(samples, tag262=0)`."""
    height, width = samples.shape[:2]
    channels = samples.size // (height * width)
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    usual = {256: width, 257: height, 258: (16,) * channels, 259: 1, 262: 1 if channels == 1 else 2, 273: 0}
    usual |= {277: channels, 278: height, 279: samples.nbytes}
    for tag, value in (usual | {int(name[3:]): value for name, value in tags.items()}).items():
        directory[tag] = value
    file = io.BytesIO()
    directory.save(file)
    return file.getvalue() + samples.astype("<u2").tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiffs_are_turned_as_pillow_turns_them(deep: Deep, orientation: int) -> None:
    coarse = (deep[..., :3] >> 8).astype(np.uint8)
    upright = Image.Exif()
    upright[0x0112] = orientation
    expected = Image.fromarray(coarse)
    expected.info["exif"] = upright.tobytes()
    expected = ImageOps.exif_transpose(expected)
    picture = read_picture(tiff(deep[..., :3], tag274=orientation))
    assert np.array_equal(picture.pixels >> 8, np.asarray(expected))
    grey = read_picture(tiff(deep[..., 1], tag274=orientation))
    assert np.array_equal(grey.pixels >> 8, np.asarray(expected)[..., 1])


def test_white_is_zero(deep: Deep) -> None:
    assert np.array_equal(read_picture(tiff(deep[..., 0], tag262=0)).pixels, 65535 - deep[..., 0])


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({"tag339": 2}, "signed samples of 16 bits"),
        ({"tag258": 32, "tag339": 3}, "more than 8 bits per sample"),
        ({"tag258": 32}, "unsigned samples of 32 bits"),
        ({"tag258": 12}, "unsigned samples of 12 bits"),
    ],
)
def test_other_samples_are_refused(deep: Deep, tags: dict[str, object], text: str) -> None:
    with pytest.raises(svcodec.InputError, match=text):
        read_picture(tiff(deep[..., 0], **tags))


@pytest.mark.parametrize("extra", [0, 1])
def test_other_fourth_channels_are_refused(deep: Deep, extra: int) -> None:
    with pytest.raises(svcodec.InputError, match="channel that is no alpha"):
        read_picture(tiff(deep, tag338=extra))
    assert np.array_equal(to_array(read_picture(tiff(deep, tag338=2))), deep)


def test_cmyk_stays_refused(deep: Deep) -> None:
    with pytest.raises(svcodec.InputError, match="colour mode CMYK"):
        read_picture(tiff(deep, tag262=5))


def test_damaged_files_are_refused(deep: Deep) -> None:
    for data in (imagecodecs.png_encode(shown(deep, 3)), tiff(deep[..., :3]), imagecodecs.png_encode(shown(deep, 1))):
        for length in (len(data) // 2, len(data) - 40):
            with pytest.raises(svcodec.InputError):
                read_picture(data[:length])


def test_a_colour_made_transparent(make_png: MakePng) -> None:
    row = struct.pack(">6H", 300, 400, 500, 300, 400, 501)
    found = to_array(read_picture(make_png(2, 16, 2, row, (300, 400, 500))))
    assert found.tolist() == [[[300, 400, 500, 0], [300, 400, 501, 65535]]]
    grey = to_array(read_picture(make_png(2, 16, 0, struct.pack(">2H", 300, 301), (301,))))
    assert grey.tolist() == [[[300, 65535], [301, 0]]]


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_grey_images_are_read_exactly(deep: Deep, mode: str) -> None:
    dtype = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    image = Image.frombytes(mode, (40, 24), deep[..., 0].astype(dtype).tobytes())
    assert np.array_equal(read_picture(image).pixels, deep[..., 0])


@pytest.mark.parametrize("value", [-1, 65536])
def test_samples_beyond_sixteen_bits_are_refused(value: int) -> None:
    with pytest.raises(svcodec.InputError, match="beyond 16 bits"):
        read_picture(Image.new("I", (3, 3), value))


def test_an_image_that_pillow_has_cut_is_refused(deep: Deep, tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    path.write_bytes(tiff(deep[..., :3]))
    image = Image.open(path)
    assert np.array_equal(deep_samples(image, path.read_bytes()), deep[..., :3])
    image.load()
    with pytest.raises(svcodec.InputError, match="pass the file's path"):
        deep_samples(image, path.read_bytes())


def test_images_of_other_formats_and_floats_are_refused() -> None:
    for image in (Image.new("F", (3, 3)), Image.open(io.BytesIO(b"P5 1 1 4095\n" + bytes(2)))):
        with pytest.raises(svcodec.InputError, match="more than 8 bits per sample"):
            read_picture(image)


def test_arrays_and_tensors(deep: Deep) -> None:
    for array in (deep, deep.astype(">u2"), deep[::-1, ::2], torch.from_numpy(deep)):
        assert np.array_equal(to_array(read_picture(array)), np.asarray(array))
    assert np.array_equal(to_array(read_picture(torch.from_numpy(np.moveaxis(deep, -1, 0).copy()))), deep)
    assert read_picture(deep[..., :1]).pixels.shape == (24, 40)


def test_without_imagecodecs_only_grey_is_read(deep: Deep, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {channels: imagecodecs.png_encode(shown(deep, channels)) for channels in (1, 2, 3, 4)}
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert np.array_equal(read_picture(files[1]).pixels, deep[..., 0])
    for channels in (2, 3, 4):
        with pytest.raises(svcodec.InputError, match=r"svcodec\[deep\]"):
            read_picture(files[channels])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_command_line_keeps_all(svc: Run, deep: Deep, tmp_path: Path, channels: int, suffix: str) -> None:
    source, coded, copy = tmp_path / "deep.png", tmp_path / "deep.svc", tmp_path / f"copy{suffix}"
    profile, packet = b"profile" * 9, b"<x:xmpmeta/>"
    source.write_bytes(png_with(shown(deep, channels), icc_profile=profile, exif=exif(), xmp=packet))
    assert svc("encode", source, "--tier", "lossless", "--gate", "off").exit_code == 0
    done = svc("decode", coded, "-o", copy)
    assert done.exit_code == 0, done.stderr
    decode = imagecodecs.png_decode if suffix == ".png" else imagecodecs.tiff_decode
    assert np.array_equal(decode(copy.read_bytes()), shown(deep, channels))
    if (suffix, channels) == (".tif", 2):  # Pillow opens no such TIFF
        return
    with Image.open(copy) as image:
        found = image.getexif()
        assert image.info["icc_profile"] == profile
        assert image.info["xmp"] == packet
        assert found[0x010F] == "maker"
        assert found.get_ifd(0x8769)[0x9286] == b"ASCII\0\0\0said"
        assert found.get_ifd(0x8825)[1] == "N"
    picture = read_picture(copy)
    assert np.array_equal(to_array(picture), shown(deep, channels))
    assert (picture.metadata.icc, picture.metadata.xmp) == (profile, packet)
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert kept[0x010F] == "maker"
    assert kept.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".ppm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_other_formats_are_refused(svc: Run, deep: Deep, tmp_path: Path, channels: int, suffix: str) -> None:
    coded, copy = tmp_path / "deep.svc", tmp_path / f"copy{suffix}"
    coded.write_bytes(svcodec.encode(shown(deep, channels), tier="lossless"))
    result = svc("decode", coded, "-o", copy)
    assert result.exit_code == 1
    assert "16 bits per sample" in result.stderr
    assert not copy.exists()


def test_the_command_line_refuses_lossy_tiers_and_names_the_file(svc: Run, deep: Deep, tmp_path: Path) -> None:
    source = tmp_path / "deep.png"
    source.write_bytes(imagecodecs.png_encode(shown(deep, 3)))
    result = svc("encode", source, "--tier", "high", "--gate", "off")
    assert result.exit_code == 1
    assert "deep.png" in result.stderr
    assert "lossless" in result.stderr
    assert not (tmp_path / "deep.svc").exists()


def test_info_says_how_deep(svc: Run, deep: Deep, tmp_path: Path) -> None:
    path = tmp_path / "deep.svc"
    path.write_bytes(svcodec.encode(deep, tier="lossless"))
    shown_ = svc("info", path).stdout
    assert "40x24 RGB with alpha, 16 bits per sample\n" in shown_
    assert "fine" in shown_
    assert json.loads(svc("info", "--json", path).stdout)["bits_per_sample"] == 16


def test_pillow_saves_and_opens_grey(deep: Deep, tmp_path: Path) -> None:
    path = tmp_path / "grey.svc"
    Image.fromarray(deep[..., 0]).save(path, tier="lossless")
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), deep[..., 0])
        assert np.array_equal(read_picture(image).pixels, deep[..., 0])


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", MODES)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (24, 40)])
def test_what_is_written_is_read(deep: Deep, format: str, channels: int, size: tuple[int, int]) -> None:
    samples = np.ascontiguousarray(deep[: size[0], : size[1], :channels])
    pixel = io.BytesIO()
    Image.new(MODES[channels], (1, 1)).save(pixel, format)
    written = with_samples(pixel.getvalue(), format, samples)
    decode = imagecodecs.png_decode if format == "PNG" else imagecodecs.tiff_decode
    assert np.array_equal(decode(written).reshape(samples.shape), samples)
