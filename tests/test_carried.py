"""What files carry beside the samples is kept, or named; each format has its own places for it."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from made import both_ways, packet, written
from PIL import ExifTags, Image, TiffImagePlugin, features

import svcodec
from svcodec.codec.pictures import read_picture
from svcodec.codec.pictures.jpeg import resources_of

Samples = npt.NDArray[np.uint8]
IPTC = b"\x1c\x02\x05\x00\x05Title"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(samples: Samples, *segments: bytes, **options: Any) -> bytes:
    data = written(Image.fromarray(samples), "JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:]


def test_nothing_is_nothing(photo: Samples) -> None:
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "PPM"):
        for picture in both_ways(written(Image.fromarray(photo), format)):
            assert picture.metadata.sections == {}, format
            assert picture.dropped == ()


@pytest.mark.parametrize(("format", "exact"), [("JPEG", True), ("PNG", False), ("TIFF", True), ("BMP", False)])
def test_resolution(photo: Samples, format: str, exact: bool) -> None:
    for picture in both_ways(written(Image.fromarray(photo), format, dpi=(300, 150))):
        assert picture.metadata.resolution is not None
        assert np.allclose(picture.metadata.resolution, (3_000_000, 1_500_000), atol=0 if exact else 300)


def test_a_resolution_beyond_what_is_kept_is_named(photo: Samples) -> None:
    for source in (written(Image.fromarray(photo), "PNG", dpi=(500_000, 72)), tiff(photo, t282=5e5, t283=72.0, t296=2)):
        for picture in both_ways(source):
            assert (picture.metadata.resolution, picture.dropped) == (None, ("resolution",))
    image = Image.open(io.BytesIO(source))
    assert read_picture(image, {"dpi": (72, 72)}).dropped == ()
    assert read_picture(tiff(photo, t282=0.0, t283=0.0, t296=2)).dropped == ()


def test_the_resolution_of_exif_is_exif(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = written(Image.fromarray(photo), "JPEG", exif=exif)
    assert "dpi" in Image.open(io.BytesIO(data)).info  # Pillow's guess
    assert read_picture(data).metadata.resolution is None


def test_a_profile_that_lacks_a_part_is_named(photo: Samples) -> None:
    part = segment(0xE2, b"ICC_PROFILE\0\x01\x02some")
    assert read_picture(with_segments(photo, part)).dropped == ("ICC profile that can't be read",)


def test_jpeg_comment_and_iptc(photo: Samples) -> None:
    photoshop = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC
    data = with_segments(photo, segment(0xED, b"Photoshop 3.0\0" + photoshop), comment=b"gr\xfc\xdfe")
    for picture in both_ways(data):
        assert picture.metadata.comment == b"gr\xfc\xdfe"
        assert picture.metadata.photoshop == photoshop
        assert picture.dropped == ()
    twice = with_segments(photo, segment(0xFE, b"one"), comment=b"two")
    assert read_picture(twice).metadata.comment == b"one\ntwo"
    decoded = svcodec.decode(svcodec.encode(data, tier="sketch"))
    assert decoded.info["photoshop"] == Image.open(io.BytesIO(data)).info["photoshop"]


def extended(content: bytes, name: bytes = b"A" * 32, parts: int = 2) -> list[bytes]:
    size = -(-len(content) // parts)
    head = b"http://ns.adobe.com/xmp/extension/\0" + name
    starts = range(0, len(content), size)
    return [segment(0xE1, head + struct.pack(">II", len(content), at) + content[at : at + size]) for at in starts]


NOTE = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{"A" * 32}"'
DUBLIN = '<dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">{}</dc:title>'


def test_extended_xmp_is_put_together(photo: Samples) -> None:
    main, more = packet(DUBLIN.format("main"), NOTE), packet(DUBLIN.format("more " * 10))
    parts = extended(more)
    for picture in both_ways(with_segments(photo, *reversed(parts), xmp=main)):
        whole = picture.metadata.xmp or b""
        assert b"main" in whole and b"more more" in whole
        assert b"HasExtendedXMP" not in whole
        assert picture.dropped == ()
    made = read_picture(Image.open(io.BytesIO(with_segments(photo, *parts, xmp=main))).copy())
    assert made.dropped == ("extended XMP that can't be read",)
    assert b"main" in (made.metadata.xmp or b"") and b"HasExtendedXMP" not in (made.metadata.xmp or b"")
    for lacking in (parts[:1], extended(more, b"B" * 32), extended(b"<no xml")):
        picture = read_picture(with_segments(photo, *lacking, xmp=main))
        assert picture.dropped == ("extended XMP that can't be read",)
        assert b"main" in (picture.metadata.xmp or b"")
        assert b"HasExtendedXMP" not in (picture.metadata.xmp or b"")


def test_gain_maps_are_named_and_xmp_does_not_speak_of_them(photo: Samples) -> None:
    container = (
        '<Container:Directory xmlns:Container="http://ns.google.com/photos/1.0/container/"><rdf:Seq/>'
        "</Container:Directory>"
    )
    xmp = packet(container + DUBLIN.format("title"), f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0"')
    for picture in both_ways(with_segments(photo, xmp=xmp)):
        assert picture.dropped == ("gain map",)
        kept = picture.metadata.xmp or b""
        assert b"hdrgm" not in kept and b"Directory" not in kept and b"title" in kept
    with pytest.warns(svcodec.DroppedWarning, match="gain map"):
        svcodec.encode(with_segments(photo, xmp=xmp), tier="sketch")
    plain = with_segments(photo, segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"))
    assert read_picture(plain).dropped == ("gain map",)


def test_motion_photos(photo: Samples) -> None:
    camera = (
        'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'
    )
    picture = read_picture(with_segments(photo, xmp=packet("", camera)))
    assert picture.dropped == ("video of a motion photo",)
    assert b"MotionPhoto" not in (picture.metadata.xmp or b"")
    video = read_picture(with_segments(photo, xmp=packet("", camera)) + bytes(range(200)))
    assert video.dropped == picture.dropped


@pytest.mark.parametrize(
    ("options", "more", "named"),
    [
        ({}, b"\0\0\0\x18ftypmp42" + bytes(range(200)), True),
        ({"progressive": True, "restart_marker_rows": 1}, bytes(range(200)), True),
        ({}, bytes(4096), False),
        ({}, b"\r\nshort", False),
    ],
)
def test_data_behind_a_picture_is_named(photo: Samples, options: dict[str, Any], more: bytes, named: bool) -> None:
    thumbnail = segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + written(Image.new("L", (4, 4)), "JPEG"))
    for data in (with_segments(photo, thumbnail, **options), written(Image.fromarray(photo), "PNG")):
        assert read_picture(data + more).dropped == (("data behind the picture",) if named else ())


def test_the_second_picture_of_an_mpo_is_named(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "MPO", save_all=True, append_images=[Image.fromarray(photo[::-1])])
    for source in (data, Image.open(io.BytesIO(data))):
        with pytest.warns(svcodec.DroppedWarning, match="second picture"):
            svcodec.encode(source, tier="sketch")


def test_jpeg_segments_that_are_not_kept_are_named(photo: Samples) -> None:
    data = with_segments(photo, segment(0xEB, b"JP\0\1jumb"), segment(0xEC, b"Ducky\0"))
    assert read_picture(data).dropped == ("JPEG APP11 (JP)",)


def tiff(samples: Samples, **tags: Any) -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        info[int(name[1:])] = value
    return written(Image.fromarray(samples), "TIFF", tiffinfo=info)


def test_bytes_of_tiff_texts_are_kept(photo: Samples) -> None:
    grüße = "Grüße 日本".encode()
    for picture in both_ways(tiff(photo, t270=grüße, t315="Müller".encode("latin-1"))):
        assert picture.metadata.exif is not None
        assert grüße in picture.metadata.exif
        assert "Müller".encode("latin-1") in picture.metadata.exif


def test_iptc_and_other_tags_of_tiffs(photo: Samples) -> None:
    blocks = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC
    assert read_picture(tiff(photo, t34377=blocks)).metadata.photoshop == blocks
    assert resources_of(read_picture(tiff(photo, t33723=IPTC)).metadata.photoshop or b"") == {0x0404: IPTC}
    assert read_picture(tiff(photo, t700=packet(""))).metadata.xmp == packet("")
    assert read_picture(tiff(photo, t42112=b"<GDALMetadata/>")).dropped == ("TIFF tags 42112",)


def test_a_turned_tiff_has_no_orientation_left(photo: Samples) -> None:
    xmp = packet("", 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"')
    picture = read_picture(tiff(photo, t274=6, t700=xmp, t271="maker"))
    assert picture.pixels.shape == (40, 24, 3)
    assert b"Orientation" not in (picture.metadata.xmp or b"")
    assert picture.metadata.exif is not None and b"maker" in picture.metadata.exif


def test_directories_below_exif_of_a_tiff(photo: Samples) -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {0x9003: "2024:01:02 03:04:05"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N"}
    block = read_picture(written(Image.fromarray(photo), "TIFF", exif=exif.tobytes())).metadata.exif
    again = Image.Exif()
    again.load(block or b"")
    assert again.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2024:01:02 03:04:05"
    assert again.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"


def test_gif_comment(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "GIF", comment=b"hello")
    assert read_picture(data).metadata.comment == b"hello"


def test_the_text_of_a_tga_is_a_comment(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "TGA", id_section=b"hello")
    for picture in (*both_ways(data), read_picture(Image.open(io.BytesIO(data)).copy())):
        assert picture.metadata.comment == b"hello"


def test_extensions_of_a_gif(photo: Samples) -> None:
    def extension(name: bytes, data: bytes) -> bytes:
        return b"!\xff\x0b" + name + data

    xmp, profile = packet(DUBLIN.format("Grüße")), bytes(range(256)) * 2
    parts = b"".join(bytes([len(part)]) + part for part in (profile[:255], profile[255:510], profile[510:]))
    more = extension(b"NETSCAPE2.0", b"\x03\x01\0\0\0") + extension(b"ICCRGBG1012", parts + b"\0")
    more += extension(b"XMP DataXMP", xmp + b"\x01" + bytes(range(255, -1, -1)) + b"\0")
    data = written(Image.fromarray(photo), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    for place in (start, len(data) - 1):
        for picture in both_ways(data[:place] + more + data[place:]):
            assert (picture.metadata.xmp, picture.metadata.icc, picture.dropped) == (xmp, profile, ())
    other = extension(b"MGKIPTC0000", b"\x03abc\0")
    assert read_picture(data[:start] + other + data[start:]).dropped == ("GIF extension MGKIPTC0000",)


def test_what_is_kept_is_not_warned_of(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = written(Image.fromarray(photo), "JPEG", exif=exif, icc_profile=b"p", comment=b"c", dpi=(96, 96))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coded = svcodec.encode(data, tier="sketch")
    assert set(svcodec.inspect(coded).sections) >= {"icc", "exif", "resolution", "comment"}


def test_pixels_that_are_no_squares(photo: Samples) -> None:
    data = bytearray(written(Image.fromarray(photo), "JPEG"))
    data[data.index(b"JFIF") + 8 : data.index(b"JFIF") + 12] = struct.pack(">HH", 1, 2)
    assert read_picture(bytes(data)).dropped == ("shape of the pixels",)
    for picture in both_ways(tiff(photo, t282=2.0, t283=1.0, t296=1)):
        assert (picture.metadata.resolution, picture.dropped) == (None, ("shape of the pixels",))
    square = tiff(photo, t282=72.0, t283=72.0, t296=1)
    nothing = square.replace(struct.pack("<II", 72, 1), bytes(8))  # 0 / 0, which older Pillow doesn't write
    assert nothing != square
    assert read_picture(square).dropped == read_picture(nothing).dropped == ()


@pytest.mark.parametrize(("scale", "named"), [(257, False), (256, False), (255, True), (1, True)])
def test_a_palette_of_16_bits(scale: int, named: bool) -> None:
    image = Image.new("P", (4, 4))
    image.putpalette(bytes(np.repeat(np.arange(256, dtype=np.uint8), 3)))
    colours = struct.pack("<256H", *(256 * value for value in range(256)))
    data = written(image, "TIFF").replace(colours, struct.pack("<256H", *(scale * value for value in range(256))))
    for picture in both_ways(data):
        assert picture.dropped == (("palette's colours of more than 8 bits",) if named else ())


def test_colours_of_heic(photo: Samples) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    names = ("color_primaries", "transfer_characteristics", "matrix_coefficients", "full_range_flag")
    for numbers, has_profile, dropped in (
        ((1, 13, 6, 1), False, ()),
        ((12, 13, 6, 1), True, ()),
        ((9, 16, 9, 1), False, ("colours of PQ (high dynamic range)",)),
    ):
        file = io.BytesIO()
        options = dict(zip(names, numbers, strict=True))
        pillow_heif.encode("RGB", (40, 24), photo.tobytes(), file, quality=-1, save_nclx_profile=True, **options)
        for picture in both_ways(file.getvalue()):
            assert (picture.metadata.icc is not None, picture.dropped) == (has_profile, dropped)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_colours_of_avif(photo: Samples) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for numbers, has_profile, dropped in (((1, 13), False, ()), ((12, 13), True, ())):
        data = imagecodecs.avif_encode(photo, primaries=numbers[0], transfer=numbers[1])
        for picture in both_ways(data):
            assert (picture.metadata.icc is not None, picture.dropped) == (has_profile, dropped)


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow reads no JPEG 2000")
def test_jpeg_2000(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "JPEG2000")
    exif = Image.Exif()
    exif[0x010F] = "maker"
    more = box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes()[6:])
    more += box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet(""))
    more += box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + IPTC) + box(b"xml ", b"<a/>")
    for picture in both_ways(data + more):
        metadata = picture.metadata
        assert (metadata.exif, metadata.xmp, metadata.icc) == (exif.tobytes()[6:], packet(""), None)
        assert resources_of(metadata.photoshop or b"") == {0x0404: IPTC}
        assert picture.dropped == ("JPEG 2000 box xml",)
    start = data.index(b"colr") - 4
    header = data.index(b"jp2h") - 4
    length = int.from_bytes(data[start : start + 4], "big")
    profile = box(b"colr", b"\2\0\0profile")
    size = int.from_bytes(data[header : header + 4], "big") - length + len(profile)
    changed = data[:header] + size.to_bytes(4, "big") + data[header + 4 : start] + profile + data[start + length :]
    assert read_picture(changed).metadata.icc == b"profile"


def test_photoshop_files() -> None:
    def resource(number: int, content: bytes) -> bytes:
        return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)

    exif = Image.Exif()
    exif[0x010F] = "maker"
    resources = resource(0x0404, IPTC) + resource(0x0422, exif.tobytes()[6:]) + resource(0x0424, packet(""))
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 3, 8, 3)
    parts = bytes(4) + len(resources).to_bytes(4, "big") + resources + bytes(4) + bytes(2) + bytes(range(18))
    metadata = read_picture(header + parts).metadata
    assert (metadata.exif, metadata.xmp) == (exif.tobytes()[6:], packet(""))
    assert resources_of(metadata.photoshop or b"") == {0x0404: IPTC}
