"""What may be coded comes through bit for bit; what may not is refused with a reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, PngImagePlugin, features

from svcodec.codec.pictures import Picture, decode_alpha, encode_alpha, read_picture, to_image
from svcodec.errors import CorruptError, InputError, TooLargeError

Samples = npt.NDArray[np.uint8]
MakePng = Callable[..., bytes]


def written(image: Image.Image, format: str, **options: Any) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream


def exif_with(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    return exif


def test_what_is_read_is_a_writable_copy(photo: Samples) -> None:
    for source in (photo, photo[::-1, ::2], Image.fromarray(photo)):
        pixels = read_picture(source).pixels
        assert pixels.flags.c_contiguous
        assert pixels.flags.writeable
        assert not np.shares_memory(pixels, photo)


@pytest.mark.parametrize("thing", [None, 3, [[1, 2]]])
def test_refused_things(thing: Any) -> None:
    with pytest.raises(InputError, match="expected a path"):
        read_picture(thing)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"])
def test_modes(photo: Samples, mode: str) -> None:
    image = Image.fromarray(photo).convert("RGBA" if mode == "PA" else "RGB").convert(mode)
    shown = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB"}.get(mode, mode)
    again = to_image(read_picture(image))
    assert again.mode == shown
    assert again.tobytes() == image.convert(shown).tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB", "RGBa", "La"])
def test_other_colour_spaces_are_refused(mode: str) -> None:
    with pytest.raises(InputError, match=f"{mode}.*convert"):
        read_picture(Image.new(mode, (4, 4)))


def test_transparent_palettes() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    picture = read_picture(written(image, "PNG", transparency=bytes([0, 128])))
    assert picture.pixels.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 128]]


@pytest.mark.parametrize(
    ("width", "depth", "row", "key", "grey", "alpha"),
    [
        (4, 1, b"\x50", 1, [0, 255, 0, 255], [255, 0, 255, 0]),
        (4, 2, b"\x1b", 2, [0, 85, 170, 255], [255, 255, 0, 255]),
        (4, 4, b"\x0a\xf1", 10, [0, 170, 255, 17], [255, 0, 255, 255]),
        (2, 8, b"\x03\x04", 4, [3, 4], [255, 0]),
    ],
)
def test_a_grey_made_transparent(
    make_png: MakePng, width: int, depth: int, row: bytes, key: int, grey: list[int], alpha: list[int]
) -> None:
    picture = read_picture(io.BytesIO(make_png(width, depth, 0, row, (key,))))
    assert picture.pixels.tolist() == [grey]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [alpha]


def test_a_colour_made_transparent(make_png: MakePng) -> None:
    picture = read_picture(io.BytesIO(make_png(2, 8, 2, bytes(range(6)), (3, 4, 5))))
    assert picture.pixels.tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0]]


@pytest.mark.parametrize(("depth", "row"), [(1, b"\x80"), (2, b"\xc0"), (4, b"\xf0")])
def test_shallow_greys_are_widened(make_png: MakePng, depth: int, row: bytes) -> None:
    assert read_picture(io.BytesIO(make_png(2, depth, 0, row))).pixels.tolist() == [[255, 0]]


def test_deep_ppm_is_refused() -> None:
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(io.BytesIO(b"P6 1 1 65535\n" + bytes(6)))
    assert read_picture(io.BytesIO(b"P6 1 1 255\n\x01\x02\x03")).pixels.tolist() == [[[1, 2, 3]]]


def test_deep_sgi_is_refused() -> None:
    image = Image.new("RGB", (4, 4))
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(written(image, "SGI", bpc=2))
    assert read_picture(written(image, "SGI")).pixels.shape == (4, 4, 3)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow reads no JPEG 2000")
def test_deep_jpeg_2000_is_refused(photo: Samples) -> None:
    stream = written(Image.fromarray(photo), "JPEG2000")
    assert np.array_equal(read_picture(stream).pixels, photo)
    data = bytearray(stream.getvalue())
    data[data.index(b"\xff\x4f\xff\x51") + 42] = 11  # the first component's depth, less one
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(io.BytesIO(data))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_deep_avif_is_refused(photo: Samples) -> None:
    stream = written(Image.fromarray(photo), "AVIF")
    assert read_picture(stream).pixels.shape == photo.shape
    data = bytearray(stream.getvalue())
    data[data.index(b"av1C") + 6] |= 0x40
    with pytest.raises(InputError):
        read_picture(io.BytesIO(data))


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_8_bit_files_are_read_exactly(photo: Samples, alpha: Samples, format: str) -> None:
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    for samples in (photo, np.dstack([photo, alpha])):
        picture = read_picture(written(Image.fromarray(samples), format, **options))
        assert np.array_equal(picture.pixels, photo)
        assert (picture.alpha is None) == (samples is photo)


def test_tiff_keeps_what_describes_the_photo(photo: Samples) -> None:
    picture = read_picture(written(Image.fromarray(photo), "TIFF", exif=exif_with(1)))
    exif = to_image(picture).getexif()
    assert exif[0x010F] == "maker"
    assert 0x0111 not in exif  # where the file's strips lie


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_are_refused(photo: Samples, format: str) -> None:
    frames = [Image.fromarray(photo), Image.fromarray(photo[::-1])]
    stream = written(frames[0], format, save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="2 pictures or frames"):
        read_picture(stream)


def test_of_several_pictures_in_a_jpeg_the_first_counts(photo: Samples) -> None:
    frames = [Image.fromarray(photo), Image.new("RGB", (3, 3))]
    stream = written(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert read_picture(stream).pixels.shape == photo.shape


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_metadata_survives(photo: Samples, format: str) -> None:
    metadata = {"icc_profile": b"profile", "exif": exif_with(6).tobytes()}
    if format != "PNG":
        metadata["xmp"] = b"<x:xmpmeta/>"
    image = Image.open(written(Image.fromarray(photo), format, **metadata))
    picture = read_picture(image)
    assert picture.pixels.shape == photo.shape  # as stored, not turned
    assert picture.metadata.exif is not None
    assert picture.metadata.exif[:2] in (b"II", b"MM")
    again = to_image(picture)
    assert again.info == metadata
    assert again.getexif()[0x0112] == 6
    saved = Image.open(written(again, format, **again.info))
    assert saved.getexif()[0x0112] == 6
    assert saved.info["icc_profile"] == b"profile"


def test_xmp_of_a_png_is_read(photo: Samples) -> None:
    from PIL import PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    assert read_picture(written(Image.fromarray(photo), "PNG", pnginfo=chunks)).metadata.xmp == b"<x:xmpmeta/>"


def test_colours_of_clear_pixels_survive(photo: Samples) -> None:
    clear = np.zeros(photo.shape[:2], np.uint8)
    again = to_image(read_picture(Image.fromarray(np.dstack([photo, clear]))))
    assert np.array_equal(np.asarray(again)[..., :3], photo)


@pytest.mark.parametrize("content", [b"", b"just text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_foreign_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"foreign: (not a picture|Truncated)"):
        read_picture(path)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_files_are_refused(photo: Samples, format: str) -> None:
    data = written(Image.fromarray(photo), format).getvalue()
    for length in (len(data) // 4, len(data) // 2, len(data) * 3 // 4):
        with pytest.raises(InputError):
            read_picture(io.BytesIO(data[:length]))


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png: No such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(InputError, match="directory"):
        read_picture(tmp_path)
    with pytest.raises(InputError, match="null"):
        read_picture("a\0b.png")


def test_files_and_their_content_are_read(photo: Samples, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    content = path.read_bytes()
    with path.open("rb") as file:
        for source in (path, str(path), file, io.BytesIO(content), content, bytearray(content), memoryview(content)):
            assert np.array_equal(read_picture(source).pixels, photo)


def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("text")
    with path.open() as file, pytest.raises(InputError, match=r"text\.png: .* open it with mode 'rb'"):
        read_picture(file)
    with path.open("rb") as file, pytest.raises(InputError, match=r"text\.png: not a picture"):
        read_picture(file)
    with pytest.raises(InputError, match=r"^not a picture"):
        read_picture(b"text")


def test_pictures_may_be_larger_than_pillow_likes(
    monkeypatch: pytest.MonkeyPatch, photo: Samples, recwarn: pytest.WarningsRecorder
) -> None:
    for limit in (100, 600):  # an error of Pillow's, and a warning
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for format in ("PNG", "JPEG", "BMP"):
            assert read_picture(written(Image.fromarray(photo), format)).pixels.shape == photo.shape
        assert limit == Image.MAX_IMAGE_PIXELS
    assert not recwarn.list


def test_what_only_pillow_refuses_is_said(monkeypatch: pytest.MonkeyPatch, photo: Samples) -> None:
    def refuse(image: Image.Image) -> None:
        raise Image.DecompressionBombError("exceeds limit")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", refuse)
    with pytest.raises(TooLargeError, match=r"raise PIL\.Image\.MAX_IMAGE_PIXELS: exceeds limit"):
        read_picture(written(Image.fromarray(photo), "PNG"))


def test_alpha(alpha: Samples) -> None:
    data = encode_alpha(alpha)
    assert np.array_equal(decode_alpha(data, 40, 24), alpha)
    assert decode_alpha(data, 40, 24).flags.writeable


def test_bad_alpha_is_corrupt(alpha: Samples, photo: Samples, make_png: MakePng) -> None:
    data = encode_alpha(alpha)
    streams = [b"", b"text", data[:40], data[: len(data) // 2], written(Image.fromarray(photo), "PNG").getvalue()]
    streams += [written(Image.fromarray(alpha), "BMP").getvalue(), encode_alpha(alpha.T), make_png(1, 16, 0, bytes(2))]
    for stream in streams:
        with pytest.raises(CorruptError, match="alpha"):
            decode_alpha(stream, 40, 24)


def test_alpha_may_be_larger_than_pillow_likes(monkeypatch: pytest.MonkeyPatch, alpha: Samples) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert np.array_equal(decode_alpha(encode_alpha(alpha), 40, 24), alpha)


def test_pictures_without_metadata_have_empty_info(photo: Samples) -> None:
    assert to_image(Picture(photo)).info == {}
