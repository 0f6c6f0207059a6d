"""What PNG files carry is kept, or named: texts, profiles in texts, colours given by numbers."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pytest
from made import both_ways, chunk, packet, written
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

import svcodec
from svcodec.bitstream.metadata import Text
from svcodec.codec.pictures import read_picture
from svcodec.codec.pictures.jpeg import resources_of

Samples = npt.NDArray[np.uint8]
IPTC = b"\x1c\x02\x05\x00\x05Title"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"


def with_chunks(samples: Samples, *chunks: bytes, end: bool = False) -> bytes:
    data = written(Image.fromarray(samples), "PNG")
    place = len(data) - 12 if end else 33
    return data[:place] + b"".join(chunks) + data[place:]


def raw_profile(kind: str, content: bytes) -> bytes:
    text = f"\n{kind}\n{len(content):8d}\n{content.hex(chr(10), -36)}\n"
    return chunk(b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text.encode()))


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
    many = b"".join(chunk(b"tEXt", b"%d\0x" % number) for number in range(5000))
    with pytest.raises(svcodec.InputError, match="more than 4096 texts"):
        read_picture(with_chunks(photo, many))
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
    app1 = raw_profile("APP1", b"http://ns.adobe.com/xap/1.0/\0" + packet(""))
    assert read_picture(with_chunks(photo, app1)).metadata.xmp == packet("")
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


def test_pixels_that_are_no_squares(photo: Samples) -> None:
    oblong = with_chunks(photo, chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)))
    assert read_picture(oblong).dropped == ("shape of the pixels",)
    assert read_picture(with_chunks(photo, chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)))).dropped == ()


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


def test_texts_of_an_image_that_was_made_of_a_png(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x0112] = 6
    texts = (chunk(b"tEXt", b"prompt\0a photo"), chunk(b"iTXt", "Title\0\0\0de\0\0Grüße".encode()))
    data = with_chunks(photo, *texts, raw_profile("exif", exif.tobytes()))
    made = Image.open(io.BytesIO(data)).resize((20, 12))
    picture = read_picture(made)
    assert picture.metadata.texts == (Text("prompt", "a photo"), Text("Title", "Grüße", "de"))
    assert b"maker" in (picture.metadata.exif or b"")
    assert picture.dropped == ("EXIF orientation 6, as the picture may have been turned since it was opened",)
    turned = read_picture(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert turned.pixels.shape == (40, 24, 3)
    assert b"maker" in (turned.metadata.exif or b"") and turned.dropped == ()
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "TIFF", compression="tiff_lzw")
    assert read_picture(Image.open(file).copy()).metadata.texts == ()


def test_a_comment_given_in_info_is_one(photo: Samples) -> None:
    image = Image.fromarray(photo)
    image.info["comment"] = "hello"
    assert read_picture(image).metadata.comment == b"hello"
    assert read_picture(image).metadata.texts == ()


def test_texts_that_can_not_be_read_are_named(photo: Samples) -> None:
    """Streams that are broken or end early, and what is no UTF-8; nothing of them is taken for the whole."""
    stream = zlib.compress(b"text " * 100)
    broken = (
        chunk(b"zTXt", b"Author\0\0" + stream[:-8]),
        chunk(b"zTXt", b"Title\0\0" + b"no stream"),
        chunk(b"iTXt", b"Source\0\1\0\0\0" + stream[:10]),
        chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"caf\xe9"),
    )
    picture = read_picture(with_chunks(photo, *broken, chunk(b"zTXt", b"Software\0\0" + stream)))
    names = ("Author", "Title", "Source", "Comment")
    assert picture.dropped == tuple(f"text {name} that can't be read" for name in names)
    assert [text.keyword for text in picture.metadata.texts] == ["Software"]
    cut = chunk(
        b"iCCP", b"name\0\0" + zlib.compress(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())[:-9]
    )
    assert read_picture(with_chunks(photo, cut)).dropped == ("ICC profile that can't be read",)


def test_texts_of_several_languages_and_without_a_keyword(photo: Samples) -> None:
    title = [chunk(b"iTXt", f"Title\0\0\0{language}\0\0{language} title".encode()) for language in ("de", "fr")]
    for picture in both_ways(with_chunks(photo, *title, chunk(b"tEXt", b"\0nameless"))):
        assert picture.dropped == ("text without a keyword", "language of text Title")
    again = read_picture(with_chunks(photo, title[0], title[0]))
    assert (again.metadata.texts, again.dropped) == ((Text("Title", "de title\nde title", "de"),), ())
