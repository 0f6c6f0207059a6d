"""Decoded pictures go into other files with all that these hold, the rest is named; and what `strip` leaves."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image, ImageCms

import svcodec
from svcodec import cli
from svcodec.bitstream.metadata import Metadata, Text
from svcodec.codec.pictures import Picture, read_picture, to_image
from svcodec.codec.pictures.strip import stripped

Samples = npt.NDArray[np.uint8]
IPTC = b"\x1c\x02\x05\x00\x05Title"
BLOCKS = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,8N">'
    b"<exif:GPSLongitude>11,35E</exif:GPSLongitude><exif:Flash>0</exif:Flash></rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.fixture(scope="module")
def exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x0112] = 6
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 8.0, 15.5), 29: "2024:01:02"}
    exif[ExifTags.IFD.Exif] = {0x9003: "2024:01:02 03:04:05"}
    return exif.tobytes()[6:]


@pytest.fixture(scope="module")
def full(photo: Samples, exif: bytes) -> Picture:
    """A picture that carries all there is."""
    texts = (Text("Title", "Grüße"), Text("Description", "日本", "ja"))
    time = datetime(2024, 2, 29, 12)
    resolution = (3_000_000, 1_500_000)
    return Picture(photo, None, Metadata(b"profile", exif, XMP, resolution, texts, b"hello", BLOCKS, time))


def again(picture: Picture, format: str, lost: str = "", **options: Any) -> tuple[Image.Image, Metadata]:
    """The picture by a file of another format: as Pillow opens it, and what it carries."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = svcodec.write_picture(to_image(picture), format, **options)
    assert [str(warning.message) for warning in caught] == ([lost] if lost else [])
    image = Image.open(io.BytesIO(data))
    image.load()
    return image, read_picture(data).metadata


def test_all_of_it_comes_back_from_a_png(full: Picture) -> None:
    image, metadata = again(full, "PNG")
    assert metadata == replace(full.metadata, resolution=metadata.resolution, comment=None, texts=metadata.texts)
    assert np.allclose(metadata.resolution or 0, full.metadata.resolution or 1, atol=300)
    assert metadata.texts == (*full.metadata.texts, Text("Comment", "hello"))
    assert np.array_equal(np.asarray(image), full.pixels)
    assert image.getexif()[0x0112] == 6


def test_jpegs_hold_most_of_it(full: Picture) -> None:
    _, metadata = again(full, "JPEG", "not kept in JPEG: texts (Title, Description), modification time")
    assert metadata == replace(full.metadata, texts=(), modified=None)


def test_webp_and_others(full: Picture) -> None:
    lost = "resolution, texts (Title, Description), comment, IPTC and other blocks of Photoshop, modification time"
    _, metadata = again(full, "WEBP", f"not kept in WEBP: {lost}", lossless=True)
    assert metadata == Metadata(full.metadata.icc, full.metadata.exif, full.metadata.xmp)
    again(full, "PPM", f"not kept in PPM: ICC profile, EXIF, XMP, {lost}")


def test_tiffs(full: Picture) -> None:
    lost = "texts (Title, Description), comment, modification time"
    image, metadata = again(full, "TIFF", f"not kept in TIFF: {lost}")
    assert (metadata.icc, metadata.xmp, metadata.photoshop) == (b"profile", XMP, BLOCKS)
    assert metadata.resolution == full.metadata.resolution
    kept = Image.Exif()
    kept.load(metadata.exif or b"")
    assert kept[0x010F] == "maker"
    assert kept.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2024:01:02 03:04:05"
    assert kept.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert image.size == (24, 40)  # which Pillow turns


def test_texts_of_tiffs_are_written_by_their_bytes(photo: Samples) -> None:
    name = "Grüße".encode()
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "TIFF", description=name)
    _, metadata = again(read_picture(file), "TIFF")
    assert name in (metadata.exif or b"")


def test_long_xmp_in_a_jpeg(photo: Samples) -> None:
    words = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(10_000)).encode()
    xmp = XMP.replace(b"<exif:Flash>0</exif:Flash>", b"<exif:Flash>0</exif:Flash><exif:W>" + words + b"</exif:W>")
    assert len(xmp) > 100_000
    image, metadata = again(Picture(photo, None, Metadata(xmp=xmp)), "JPEG")
    assert len(image.info["xmp"]) < 65_000
    assert words in (metadata.xmp or b"") and b"HasExtendedXMP" not in (metadata.xmp or b"")


def test_long_photoshop_blocks_in_a_jpeg(photo: Samples) -> None:
    blocks = b"8BIM\x04\x04\0\0" + struct.pack(">I", 100_000) + bytes(100_000)
    _, metadata = again(Picture(photo, None, Metadata(photoshop=blocks)), "JPEG")
    assert metadata.photoshop == blocks


def test_long_profiles_in_a_png(photo: Samples) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    padded = srgb + np.random.default_rng(0).bytes(1_200_000)
    image, _ = again(Picture(photo, None, Metadata(icc=padded)), "PNG")
    assert image.info["icc_profile"] == srgb  # a profile says how long it is
    assert again(Picture(photo, None, Metadata(icc=padded)), "JPEG")[1].icc == padded
    long = len(padded).to_bytes(4, "big") + padded[4:]
    lost = "not kept in PNG: ICC profile of 1,200,588 bytes, as Pillow opens no PNG with more than 1,048,576"
    with pytest.warns(svcodec.DroppedWarning, match="ICC profile of 1,200,"):
        data = svcodec.write_picture(to_image(Picture(photo, None, Metadata(icc=long))), "PNG")
    assert "icc_profile" not in Image.open(io.BytesIO(data)).info, lost


def test_grey_profiles_go_into_no_file_with_colours(photo: Samples) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.fromarray(photo[..., 0]).save(file, "JPEG", icc_profile=srgb)
    grey = read_picture(file)
    for format, space in {"PNG": b"GRAY", "JPEG": b"GRAY", "WEBP": b"RGB "}.items():
        _, metadata = again(grey, format)
        image = Image.open(io.BytesIO(svcodec.write_picture(to_image(grey), format)))
        assert image.info["icc_profile"][16:20] == space
        assert metadata.icc is not None


def test_what_can_not_be_written(photo: Samples, alpha: Samples) -> None:
    with pytest.raises(svcodec.InputError, match="alpha channel"):
        svcodec.write_picture(to_image(Picture(photo, alpha)), "JPEG")
    with pytest.raises(svcodec.InputError, match="XYZ"):
        svcodec.write_picture(to_image(Picture(photo)), "xyz")


def test_strip_gps(full: Picture, exif: bytes) -> None:
    kept = stripped(full, "gps").metadata
    block = Image.Exif()
    block.load(kept.exif or b"")
    assert ExifTags.IFD.GPSInfo not in block
    assert (block[0x010F], block[0x0112]) == ("maker", 6)
    assert block.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2024:01:02 03:04:05"
    assert b"2024:01:02\0" in exif and b"2024:01:02\0" not in (kept.exif or b"")
    assert b"GPSL" not in (kept.xmp or b"") and b"<exif:Flash>0</exif:Flash>" in (kept.xmp or b"")
    assert kept.texts == full.metadata.texts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_strip_gps_in_any_encoding(photo: Samples, encoding: str) -> None:
    xmp = XMP.decode().encode(encoding)
    kept = (stripped(Picture(photo, None, Metadata(xmp=xmp)), "gps").metadata.xmp or b"").decode(encoding)
    assert "GPSL" not in kept and "<exif:Flash>0</exif:Flash>" in kept


def test_strip_gps_of_photoshop_and_texts(photo: Samples) -> None:
    hidden = BLOCKS + b"8BIM\x04\x22\0\0" + struct.pack(">I", 4) + b"exif"
    metadata = Metadata(photoshop=hidden, texts=(Text("exif:GPSLatitude", "48"), Text("Title", "x")))
    kept = stripped(Picture(photo, None, metadata), "gps").metadata
    assert kept == Metadata(photoshop=BLOCKS + bytes(len(BLOCKS) % 2), texts=(Text("Title", "x"),))


def test_what_can_not_be_searched_for_a_position_goes(photo: Samples) -> None:
    metadata = Metadata(exif=b"II*\0\xff\xff\xff\xff", xmp=b"<a exif:GPSLatitude='4'>")
    picture = stripped(Picture(photo, None, metadata), "gps")
    assert picture.metadata == Metadata()
    assert picture.dropped == ("EXIF that can't be read", "XMP that can't be read")
    entities = b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'
    assert stripped(Picture(photo, None, Metadata(xmp=entities)), "gps").metadata == Metadata()


def test_strip_all(full: Picture) -> None:
    metadata = stripped(full, "all").metadata
    assert metadata == Metadata(icc=b"profile", exif=metadata.exif)
    block = Image.Exif()
    block.load(metadata.exif or b"")
    assert dict(block) == {0x0112: 6}
    assert stripped(Picture(full.pixels, None, Metadata(exif=b"II*\0", texts=full.metadata.texts)), "all").metadata == (
        Metadata()
    )


def test_stripped_by_name(full: Picture) -> None:
    image = to_image(full)
    coded = svcodec.encode(image, tier="sketch", strip="all")
    assert set(svcodec.inspect(coded).sections) == {"header", "codes", "account", "icc", "exif", "end"}
    with pytest.raises(svcodec.InputError, match="no strip 'some'"):
        svcodec.encode(image, tier="sketch", strip="some")


def test_at_the_shell(full: Picture, tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    source.write_bytes(svcodec.write_picture(to_image(full), "PNG"))
    run = CliRunner().invoke(cli.main, ["encode", str(source), "--tier", "sketch", "--strip", "gps", "--gate", "off"])
    assert run.exit_code == 0, run.output
    assert not Image.open(tmp_path / "in.svc").getexif().get_ifd(ExifTags.IFD.GPSInfo)
    run = CliRunner().invoke(cli.main, ["decode", str(tmp_path / "in.svc"), "-o", str(tmp_path / "out.webp")])
    assert run.exit_code == 0, run.output
    assert f"svcodec: {tmp_path / 'in.svc'}: not kept in WEBP: resolution, texts (Title" in run.stderr
    assert Image.open(tmp_path / "out.webp").info["icc_profile"] == b"profile"


def test_exif_that_is_larger_than_it_looks(photo: Samples) -> None:
    entry = struct.pack(">HHII", 0x010E, 2, 60_000, 8)  # every value is the whole block
    block = b"MM\0*" + struct.pack(">IH", 8, 900) + entry * 900 + bytes(60_000)
    picture = Picture(photo, None, Metadata(exif=block))
    assert again(picture, "PNG")[1].exif == block
    assert again(picture, "TIFF", "not kept in TIFF: EXIF that can't be read")[1].exif is None


def test_a_comment_too_long_for_a_jpeg(photo: Samples) -> None:
    picture = Picture(photo, None, Metadata(comment=bytes(70_000)))
    again(picture, "JPEG", "not kept in JPEG: comment, which is too long")


@pytest.mark.parametrize("dpi", [100_000, 65_535.6, 0.4])
def test_a_resolution_that_no_jpeg_holds(photo: Samples, dpi: float) -> None:
    metadata = Metadata(resolution=(720_000, round(dpi * 10_000)))
    lost = "not kept in JPEG: resolution, which JPEG holds from 1 to 65,535 dots per inch"
    assert "dpi" not in again(Picture(photo, None, metadata), "JPEG", lost)[0].info


def test_decoded_pictures_say_where_they_are_from(stream: bytes) -> None:
    image = svcodec.decode(stream)
    assert (image.format, image.info) == ("SVC", {})
    assert image.copy().format is None


@pytest.mark.parametrize("keyword", ["題", "k" * 80, "a\0b", ""])
def test_keywords_that_png_does_not_hold(photo: Samples, keyword: str) -> None:
    metadata = Metadata(texts=(Text(keyword, "one"), Text("Title", "two")))
    with pytest.warns(svcodec.DroppedWarning, match="texts whose keywords PNG does not hold"):
        data = svcodec.write_picture(to_image(Picture(photo, None, metadata)), "PNG")
    assert Image.open(io.BytesIO(data)).text == {"Title": "two"}


def test_comments_are_text_however_they_are_encoded(photo: Samples) -> None:
    for comment, text in (("日本".encode(), "日本"), ("café".encode("latin-1"), "café")):
        data = svcodec.write_picture(to_image(Picture(photo, None, Metadata(comment=comment))), "PNG")
        assert Image.open(io.BytesIO(data)).text["Comment"] == text


def test_what_is_no_picture_and_no_format(photo: Samples) -> None:
    data = svcodec.encode(photo, tier="lossless")
    for call, text in (
        (lambda: svcodec.write_picture("x", "PNG"), "a Pillow image, not str"),
        (lambda: svcodec.write_picture(Image.fromarray(photo), None), "by its name, not as NoneType"),
        (lambda: svcodec.transcode(data, 5), "by its name, not as int"),
        (lambda: svcodec.transcode(data, "PNG", [1]), "a dictionary by their names"),
        (lambda: svcodec.transcode(data, "PNG", {5: 1}), "a dictionary by their names"),
    ):
        with pytest.raises(svcodec.InputError, match=text):
            call()


@pytest.mark.parametrize(
    "where", ['tiff:Orientation="6"/>', "><tiff:Orientation> 6 </tiff:Orientation></rdf:Description>"]
)
def test_an_orientation_that_xmp_alone_has(photo: Samples, where: str) -> None:
    """It is kept by `strip`, and named where the picture may have been turned since."""
    space = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    about = f'<rdf:RDF {space}><rdf:Description rdf:about="" {where}</rdf:RDF>'
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{about}</x:xmpmeta>'
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", xmp=xmp.encode())
    kept = svcodec.decode(svcodec.encode(file.getvalue(), strip="all", tier="lossless"))
    assert kept.getexif()[ExifTags.Base.Orientation] == 6 and "xmp" not in kept.info
    turned = read_picture(Image.open(file).copy())
    assert turned.dropped == ("XMP orientation 6, as the picture may have been turned since it was opened",)
    assert b"Orientation" not in (turned.metadata.xmp or b"")
