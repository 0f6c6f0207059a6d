"""Channels, faces, versions and profiles that only a file's headers tell of are kept, or named."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
import pytest
from made import both_ways, written
from PIL import Image, ImageCms

import svcodec
from svcodec.codec.pictures import read_picture

Samples = npt.NDArray[np.uint8]


@pytest.mark.parametrize("format", ["ICO", "ICNS"])
def test_smaller_versions_of_icons_are_named(format: str) -> None:
    icon = io.BytesIO()
    Image.new("RGBA", (64, 64), (200, 100, 50, 255)).save(icon, format)
    data = icon.getvalue()
    others = len(Image.open(io.BytesIO(data)).info["sizes"]) - 1
    assert others > 0
    assert read_picture(data).dropped == (f"{others} smaller versions of the picture",)


def tiff(samples: Samples, photometric: int, *extra: int, signed: bool = False) -> bytes:
    """An uncompressed TIFF of eight bits, (h, w, channels)."""
    height, width, channels = samples.shape
    entries = [
        *((256, 3, [width]), (257, 3, [height]), (258, 3, [8] * channels), (259, 3, [1]), (262, 3, [photometric])),
        *((273, 4, [0]), (277, 3, [channels]), (278, 3, [height]), (279, 4, [samples.nbytes])),
        *([(338, 3, list(extra))] if extra else []),
        *([(339, 3, [2] * channels)] if signed else []),
    ]
    start = 8 + 2 + 12 * len(entries) + 4
    room = {3: "H", 4: "I"}
    behind, table = b"", b""
    for tag, kind, values in entries:
        content = struct.pack(f"<{len(values)}{room[kind]}", *values)
        if tag == 273:
            content = b"DATA"
        if len(content) > 4:
            content, behind = struct.pack("<I", start + len(behind)), behind + content + bytes(len(content) % 2)
        table += struct.pack("<HHI", tag, kind, len(values)) + content.ljust(4, b"\0")
    table = table.replace(b"DATA", struct.pack("<I", start + len(behind)))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + behind + samples.tobytes()


@pytest.mark.parametrize(
    ("channels", "extra", "dropped"),
    [
        (3, (), ()),
        (4, (2,), ()),
        (4, (0,), ("a further channel",)),
        (4, (1,), ("colours as alpha multiplied them",)),
        (5, (0, 0), ("2 further channels",)),
    ],
)
def test_further_channels_of_a_tiff_are_named(
    photo: Samples, channels: int, extra: tuple[int, ...], dropped: tuple[str, ...]
) -> None:
    samples = np.dstack([photo, *[photo[..., :1]] * (channels - 3)])
    for picture in both_ways(tiff(samples, 2, *extra)):
        assert picture.dropped == dropped
        assert (picture.alpha is not None) == (extra in ((1,), (2,)))


def test_signed_samples_are_refused(photo: Samples) -> None:
    with pytest.raises(svcodec.InputError, match="signed"):
        read_picture(tiff(photo[..., :1], 1, signed=True))


def test_a_profile_in_a_bmp(photo: Samples) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = written(Image.fromarray(photo), "BMP")
    body = plain[54:]
    for kind, expected in ((b"DEBM", ()), (b"KNIL", ("linked ICC profile",)), (b"BGRs", ())):
        header = struct.pack("<I", 124) + plain[18:54] + bytes(16) + kind + bytes(48)
        header += struct.pack("<4I", 0, 124 + len(body), len(profile), 0)
        data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 138) + header + body + profile
        for picture in both_ways(data):
            assert (picture.metadata.icc == profile) == (kind == b"DEBM")
            assert picture.dropped == expected
            assert np.array_equal(picture.pixels, photo)


def psd(channels: int, samples: Samples) -> bytes:
    height, width = samples.shape[:2]
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, height, width, 8, 3)
    return head + bytes(12) + struct.pack(">H", 0) + np.moveaxis(samples, 2, 0).tobytes()


def test_further_channels_of_photoshop_are_named(photo: Samples) -> None:
    samples = np.dstack([photo, photo[..., :2]])
    assert read_picture(psd(3, samples[..., :3])).dropped == ()
    for picture in both_ways(psd(5, samples)):
        assert picture.alpha is None and picture.dropped == ("2 further channels, perhaps alpha",)


def test_textures_of_floats_are_refused_and_faces_named() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 100, 50)).save(stream, "DDS")
    cube = bytearray(stream.getvalue())
    cube[113] |= 2
    assert read_picture(bytes(cube)).dropped == ("5 further faces or pictures",)
    head = bytearray(cube[:128])
    head[80:84], head[84:88] = struct.pack("<I", 4), b"DX10"
    floats = bytes(head) + struct.pack("<5I", 95, 3, 0, 1, 0) + bytes(64)
    with pytest.raises(svcodec.InputError, match="more than 8 bits"):
        read_picture(floats)
