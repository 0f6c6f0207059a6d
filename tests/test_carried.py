"""What files carry beside the samples is kept, or named; each format has its own places for it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin

import svcodec
from svcodec.bitstream.metadata import Text
from svcodec.codec.pictures import Picture, read_picture
from svcodec.codec.pictures.jpeg import resources_of

Samples = npt.NDArray[np.uint8]
IPTC = b"\x1c\x02\x05\x00\x05Title"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"


def written(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(samples: Samples, *chunks: bytes, end: bool = False) -> bytes:
    data = written(Image.fromarray(samples), "PNG")
    place = len(data) - 12 if end else 33
    return data[:place] + b"".join(chunks) + data[place:]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(samples: Samples, *segments: bytes, **options: Any) -> bytes:
    data = written(Image.fromarray(samples), "JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:]


def raw_profile(kind: str, content: bytes) -> bytes:
    text = f"\n{kind}\n{len(content):8d}\n{content.hex(chr(10), -36)}\n"
    return chunk(b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text.encode()))


def packet(inner: str, attributes: str = "") -> bytes:
    rdf = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" {attributes}>'
    )
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'.encode()


def both_ways(data: bytes) -> list[Picture]:
    """A file's picture by its bytes and by Pillow's image."""
    return [read_picture(data), read_picture(Image.open(io.BytesIO(data)))]


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


def test_the_resolution_of_exif_is_exif(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = written(Image.fromarray(photo), "JPEG", exif=exif)
    assert "dpi" in Image.open(io.BytesIO(data)).info  # Pillow's guess
    assert read_picture(data).metadata.resolution is None


def test_png_texts(photo: Samples) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "Grüße")
    chunks.add_text("Author", "long " * 100, zip=True)
    chunks.add_itxt("Description", "日本", "ja", "記述")
    data = written(Image.fromarray(photo), "PNG", pnginfo=chunks)
    late = with_chunks(photo, chunk(b"tEXt", b"Comment\0at the end"), end=True)
    for picture in both_ways(data):
        texts = (Text("Title", "Grüße"), Text("Author", "long " * 100), Text("Description", "日本", "ja", "記述"))
        assert picture.metadata.texts == texts
    for picture in both_ways(late):
        assert picture.metadata.texts == (Text("Comment", "at the end"),)
        assert picture.metadata.comment is None
    twice = with_chunks(photo, chunk(b"tEXt", b"Comment\0one"), chunk(b"tEXt", b"Comment\0two"))
    assert read_picture(twice).metadata.texts == (Text("Comment", "one\ntwo"),)


@pytest.mark.parametrize("kind", [b"comment", b"exif", b"dpi", b"icc_profile", b"text"])
def test_png_texts_with_names_of_other_things(photo: Samples, kind: bytes) -> None:
    for picture in both_ways(with_chunks(photo, chunk(b"tEXt", kind + b"\0words"))):
        assert picture.metadata.texts == (Text(kind.decode(), "words"),)
        assert picture.metadata.icc is picture.metadata.comment is picture.metadata.resolution is None


def test_png_texts_longer_than_pillow_reads(photo: Samples) -> None:
    long = b"x" * 3_000_000
    data = with_chunks(photo, chunk(b"zTXt", b"Workflow\0\0" + zlib.compress(long)))
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(data))
    assert read_picture(data).metadata.texts[0].text == long.decode()
    bomb = chunk(b"zTXt", b"Bomb\0\0" + zlib.compress(bytes(20_000_000)))
    with pytest.raises(svcodec.InputError, match="more than"):
        read_picture(with_chunks(photo, bomb))


def test_a_damaged_text_is_not_taken_for_a_text(photo: Samples) -> None:
    damaged = bytearray(chunk(b"tEXt", b"Title\0words"))
    damaged[15] ^= 1
    with pytest.raises(svcodec.InputError):
        read_picture(with_chunks(photo, bytes(damaged)))


def test_png_time(photo: Samples) -> None:
    data = with_chunks(photo, chunk(b"tIME", struct.pack(">H5B", 2024, 2, 29, 12, 30, 60)))
    for picture in both_ways(data):
        assert picture.metadata.modified == datetime(2024, 2, 29, 12, 30, 59)
    never = with_chunks(photo, chunk(b"tIME", bytes(7)))
    assert read_picture(never).dropped == ("modification time that is none",)


def test_png_exif_at_the_end(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = with_chunks(photo, chunk(b"eXIf", exif.tobytes()[6:]), end=True)
    for picture in both_ways(data):
        assert picture.metadata.exif == exif.tobytes()[6:]


def test_raw_profiles_of_imagemagick(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    profiles = [("exif", block), ("iptc", IPTC), ("xmp", packet("")), ("icm", b"profile")]
    data = with_chunks(photo, *(raw_profile(*profile) for profile in profiles))
    for picture in both_ways(data):
        metadata = picture.metadata
        assert (metadata.exif, metadata.xmp, metadata.icc) == (block[6:], packet(""), b"profile")
        assert metadata.photoshop is not None and resources_of(metadata.photoshop) == {0x0404: IPTC}
        assert metadata.texts == () and picture.dropped == ()
    coded = svcodec.encode(data, tier="sketch")
    assert svcodec.decode(coded).getexif()[0x0112] == 6
    broken = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  9\nzz\n")
    assert read_picture(with_chunks(photo, broken)).dropped == ("raw profile exif that can't be read",)


def test_png_chunks_that_are_not_kept_are_named(photo: Samples) -> None:
    data = with_chunks(photo, chunk(b"caBX", b"manifest"), chunk(b"bKGD", bytes(6)))
    with pytest.warns(svcodec.DroppedWarning, match="caBX, PNG chunk bKGD"):
        svcodec.encode(data, tier="sketch")


ADOBE = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
SRGB = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
GAMMA = struct.pack(">I", 45455)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"gAMA", GAMMA)],
        [chunk(b"gAMA", GAMMA), chunk(b"cHRM", SRGB)],
        [chunk(b"sRGB", b"\0"), chunk(b"gAMA", GAMMA), chunk(b"cHRM", SRGB)],
        [chunk(b"cICP", bytes([1, 13, 0, 1]))],
    ],
)
def test_srgb_needs_no_profile(photo: Samples, chunks: list[bytes]) -> None:
    for picture in both_ways(with_chunks(photo, *chunks)):
        assert picture.metadata.icc is None
        assert picture.dropped == ()


def in_srgb(profile: bytes, colour: tuple[int, int, int]) -> list[int]:
    """A colour of a profile in sRGB, by LittleCMS."""
    image = Image.new("RGB", (1, 1), colour)
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    shown = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert shown is not None
    return list(shown.getpixel((0, 0)))  # type: ignore[arg-type]


def test_gamma_and_chromaticities_become_a_profile(photo: Samples) -> None:
    for picture in both_ways(with_chunks(photo, chunk(b"gAMA", GAMMA), chunk(b"cHRM", ADOBE))):
        profile = picture.metadata.icc
        assert profile is not None
        # Adobe RGB (128, 100, 60) in sRGB
        assert np.allclose(in_srgb(profile, (128, 100, 60)), (140, 100, 55), atol=3)
        assert np.allclose(in_srgb(profile, (255, 255, 255)), 255, atol=1)
    linear = read_picture(with_chunks(photo, chunk(b"gAMA", struct.pack(">I", 100000)))).metadata.icc
    assert linear is not None
    assert np.allclose(in_srgb(linear, (55, 55, 55)), 128, atol=2)


def test_code_points_become_a_profile(photo: Samples) -> None:
    picture = read_picture(with_chunks(photo, chunk(b"cICP", bytes([12, 13, 0, 1]))))
    assert picture.metadata.icc is not None
    # Display P3 (200, 100, 50) in sRGB
    assert np.allclose(in_srgb(picture.metadata.icc, (200, 100, 50)), (215, 96, 35), atol=4)
    bright = read_picture(with_chunks(photo, chunk(b"cICP", bytes([9, 16, 0, 1]))))
    assert bright.dropped == ("colours of PQ (high dynamic range)",)


def test_greys_get_a_grey_profile(photo: Samples) -> None:
    grey = photo[..., 0]
    picture = read_picture(with_chunks(grey, chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"cHRM", ADOBE)))
    assert picture.metadata.icc is not None
    assert picture.metadata.icc[16:20] == b"GRAY"
    assert read_picture(with_chunks(grey, chunk(b"gAMA", GAMMA), chunk(b"cHRM", ADOBE))).metadata.icc is None


def test_a_profile_comes_before_gamma(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "PNG", icc_profile=b"profile")
    data = data[:33] + chunk(b"gAMA", struct.pack(">I", 100000)) + data[33:]
    assert read_picture(data).metadata.icc == b"profile"


def test_profiles_are_for_the_colours_that_a_picture_has(photo: Samples) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = read_picture(written(Image.fromarray(photo[..., 0]), "JPEG", icc_profile=srgb)).metadata.icc
    assert grey is not None and grey[16:20] == b"GRAY"
    colours = read_picture(written(Image.fromarray(photo), "JPEG", icc_profile=grey)).metadata.icc
    assert colours is not None and colours[16:20] == b"RGB "
    assert np.allclose(in_srgb(colours, (90, 90, 90)), 90, atol=1)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = read_picture(written(Image.fromarray(photo), "JPEG", icc_profile=lab))
    assert picture.metadata.icc is None
    assert picture.dropped == ("ICC profile for other colours than the picture has",)


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
    exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = "2024:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    block = read_picture(written(Image.fromarray(photo), "TIFF", exif=exif)).metadata.exif
    again = Image.Exif()
    again.load(block or b"")
    assert again.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2024:01:02 03:04:05"
    assert again.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"


def test_gif_comment(photo: Samples) -> None:
    data = written(Image.fromarray(photo), "GIF", comment=b"hello")
    assert read_picture(data).metadata.comment == b"hello"


def test_what_is_kept_is_not_warned_of(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = written(Image.fromarray(photo), "JPEG", exif=exif, icc_profile=b"p", comment=b"c", dpi=(96, 96))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coded = svcodec.encode(data, tier="sketch")
    assert set(svcodec.inspect(coded).sections) >= {"icc", "exif", "resolution", "comment"}


def test_pixels_that_are_no_squares(photo: Samples) -> None:
    oblong = with_chunks(photo, chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)))
    assert read_picture(oblong).dropped == ("shape of the pixels",)
    assert read_picture(with_chunks(photo, chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)))).dropped == ()
    data = bytearray(written(Image.fromarray(photo), "JPEG"))
    data[data.index(b"JFIF") + 8 : data.index(b"JFIF") + 12] = struct.pack(">HH", 1, 2)
    assert read_picture(bytes(data)).dropped == ("shape of the pixels",)
