"""`image.save("x.svc")` obeys as Pillow's own formats do, and `Image.open("x.svc")` is an image like others."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

import svcodec

Samples = npt.NDArray[np.uint8]
ORIENTATION, GPS = 0x0112, 0x8825


def saved(image: Image.Image, **options: Any) -> Image.Image:
    """The image once more, by a file."""
    file = io.BytesIO()
    image.save(file, "SVC", **{"tier": "sketch", **options})
    return Image.open(file)


@pytest.fixture
def exif() -> Image.Exif:
    """Turned, with a maker and a position."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "maker"
    exif[GPS] = {1: "N"}
    return exif


@pytest.fixture
def phone(photo: Samples, exif: Image.Exif) -> Image.Image:
    """A JPEG that carries this EXIF, a profile, XMP, a density and a comment, as Pillow opens it."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"/></x:xmpmeta>'
    file = io.BytesIO()
    options = {"icc_profile": b"profile", "xmp": xmp, "dpi": (300, 150), "comment": b"hello"}
    Image.fromarray(photo).save(file, "JPEG", exif=exif, **options)
    return Image.open(file)


def test_an_opened_picture_keeps_what_it_carries(phone: Image.Image) -> None:
    again = saved(phone)
    assert again.info["icc_profile"] == b"profile"
    assert again.info["exif"] == phone.info["exif"]
    assert again.info["xmp"] == phone.info["xmp"]
    assert again.info["dpi"] == (300, 150)
    assert again.info["comment"] == b"hello"
    assert saved(again).info == again.info
    assert saved(svcodec.decode(svcodec.encode(phone, tier="sketch"))).info == again.info


@pytest.mark.parametrize("nothing", [b"", None])
def test_empty_leaves_out(phone: Image.Image, nothing: bytes | None) -> None:
    again = saved(phone, exif=nothing, icc_profile=nothing, xmp=nothing, comment=nothing, dpi=None)
    assert again.info == {}
    assert not again.getexif()


def test_given_replaces(phone: Image.Image, photo: Samples) -> None:
    other = Image.Exif()
    other[0x010F] = "other"
    for image in (phone, Image.fromarray(photo)):
        for exif in (other, other.tobytes(), other.tobytes().removeprefix(b"Exif\0\0")):
            again = saved(image, exif=exif, icc_profile=b"new", xmp=b"<a/>", dpi=(72, 72), comment="new")
            assert again.getexif()[0x010F] == "other"
            assert ORIENTATION not in again.getexif()
            assert (again.info["icc_profile"], again.info["xmp"]) == (b"new", b"<a/>")
            assert (again.info["dpi"], again.info["comment"]) == ((72, 72), b"new")


def test_given_is_what_a_picture_of_its_own_carries(phone: Image.Image, photo: Samples) -> None:
    info = saved(phone).info
    assert saved(Image.fromarray(photo), **info).info == info


def test_exif_without_orientation_leaves_none_in_xmp(phone: Image.Image) -> None:
    assert phone.getexif()[ORIENTATION] == 6
    assert ORIENTATION not in saved(phone, exif=b"").getexif()


TURNS: list[Callable[[Image.Image], Image.Image]] = [
    lambda image: image.rotate(-90, expand=True),
    lambda image: image.transpose(Image.Transpose.ROTATE_270),
    lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_picture_is_not_turned_again(phone: Image.Image, turn: Callable[[Image.Image], Image.Image]) -> None:
    turned = turn(phone)
    with pytest.warns(svcodec.DroppedWarning, match="orientation 6"):
        again = saved(turned)
    assert again.size == turned.size
    assert again.getexif().get(ORIENTATION, 1) == 1
    assert again.getexif()[0x010F] == "maker"
    with pytest.warns(svcodec.DroppedWarning, match="orientation 6"):
        file = io.BytesIO(svcodec.encode(turn(phone), tier="sketch"))
    assert Image.open(file).getexif().get(ORIENTATION, 1) == 1


def test_an_orientation_that_is_meant_is_kept(phone: Image.Image) -> None:
    small = phone.resize((20, 12))
    assert saved(small, exif=phone.getexif()).getexif()[ORIENTATION] == 6
    small.getexif()[ORIENTATION] = 8
    assert saved(small).getexif()[ORIENTATION] == 8


def test_exif_transpose(phone: Image.Image) -> None:
    turned = ImageOps.exif_transpose(phone)
    assert turned is not None
    again = saved(turned)
    assert again.size == (24, 40)
    assert ORIENTATION not in again.getexif()
    ImageOps.exif_transpose(phone, in_place=True)
    assert saved(phone).size == (24, 40)
    assert ORIENTATION not in saved(phone).getexif()


def test_edits_of_exif_count(phone: Image.Image) -> None:
    phone.getexif()[ORIENTATION] = 1
    phone.getexif()[0x0131] = "editor"
    again = saved(phone)
    assert (again.getexif()[ORIENTATION], again.getexif()[0x0131]) == (1, "editor")
    again.getexif()[0x0131] = "another"
    assert saved(again).getexif()[0x0131] == "another"


def test_what_is_taken_out_of_info_is_gone(phone: Image.Image) -> None:
    assert phone.getexif()[0x010F] == "maker"
    for key in ("exif", "xmp", "comment"):
        del phone.info[key]
    assert sorted(saved(phone).info) == ["dpi", "icc_profile"]


def test_exif_of_a_new_image_counts(photo: Samples) -> None:
    image = Image.fromarray(photo)
    image.getexif()[0x010F] = "maker"
    assert saved(image).getexif()[0x010F] == "maker"


@pytest.mark.parametrize(
    "options",
    [
        {"qualty": 60},
        {"progressive": True},
        {"exif": 5},
        {"dpi": "72"},
        {"dpi": ("a", "b")},
        {"dpi": (72, 72, 72)},
        {"dpi": -72},
        {"dpi": float("nan")},
        {"text": {"title": None}},
        {"photoshop": {0x0404: "IPTC"}},
        {"photoshop": {1 << 16: b"IPTC"}},
        {"text": "title"},
        {"xmp": 1},
    ],
)
def test_unknown_keywords_and_other_types_are_refused(photo: Samples, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(svcodec.InputError, match=next(iter(options))):
        Image.fromarray(photo).save(tmp_path / "x.svc", **options)
    assert not list(tmp_path.iterdir())


def test_one_picture_is_all(photo: Samples) -> None:
    image = Image.fromarray(photo)
    assert saved(image, save_all=True).size == (40, 24)
    with pytest.raises(svcodec.InputError, match="one picture"):
        saved(image, save_all=True, append_images=[image])
    frames = io.BytesIO()
    image.save(frames, "GIF", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    with pytest.raises(svcodec.InputError, match="2 pictures"):
        saved(Image.open(frames), save_all=True)


def test_all_that_encode_takes_may_be_given(photo: Samples) -> None:
    image = Image.fromarray(photo)
    options = {"quality": np.int64(30), "tune": "psnr", "gate": "off", "strip": "gps", "model": None, "device": "cpu"}
    assert saved(image, **options).size == (40, 24)
    with pytest.raises(svcodec.InputError, match="strip 'some'"):
        saved(image, strip="some")


def test_metadata_is_there_before_the_pixels(phone: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = saved(phone)
    monkeypatch.setattr("svcodec.codec.decoding.decode", None)
    assert opened.info["icc_profile"] == b"profile"
    assert opened.getexif()[ORIENTATION] == 6
    pytest.importorskip("defusedxml")
    assert opened.getxmp()["xmpmeta"]["r"]["Orientation"] == "6"


def test_what_was_changed_before_loading_stays(phone: Image.Image) -> None:
    opened = saved(phone)
    del opened.info["comment"]
    opened.load()
    assert "comment" not in opened.info


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("copied", [lambda image: pickle.loads(pickle.dumps(image)), copy.deepcopy])
def test_an_opened_file_can_be_pickled_and_copied(
    photo: Samples, loaded: bool, copied: Callable[[Image.Image], Image.Image]
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    opened = saved(Image.fromarray(photo), tier="lossless", exif=exif)
    if loaded:
        opened.load()
    again = copied(opened)
    assert np.array_equal(np.asarray(again), photo)
    assert again.getexif()[0x010F] == "maker"
    assert np.array_equal(np.asarray(opened), photo)


def test_opened_files_in_workers_of_a_data_loader(photo: Samples, tmp_path: Path) -> None:
    from torch.utils.data import DataLoader

    paths = [tmp_path / f"{index}.svc" for index in range(2)]
    for path in paths:
        Image.fromarray(photo).save(path, tier="lossless", effort=1)
    images: Any = [Image.open(path) for path in paths]
    loader = DataLoader(images, None, num_workers=1, multiprocessing_context="spawn", collate_fn=np.asarray)
    assert all(np.array_equal(samples, photo) for samples in loader)


def test_texts_and_directories_of_exif_survive_an_edit(photo: Samples) -> None:
    exif = Image.Exif()
    exif[0x010E] = "description"
    block = exif.tobytes().replace(b"description", "Grüße!!".encode().ljust(11))
    again = saved(Image.fromarray(photo), exif=block)
    again.getexif()[0x010F] = "Müller, 日本"
    again.getexif().get_ifd(GPS)[1] = "N"
    edited = saved(again)
    assert "Grüße!!".encode() in edited.info["exif"] and "Müller, 日本".encode() in edited.info["exif"]
    assert edited.getexif().get_ifd(GPS)[1] == "N"
    position = Image.Exif()
    position.get_ifd(GPS)[1] = "S"
    assert saved(Image.fromarray(photo), exif=position).getexif().get_ifd(GPS)[1] == "S"


def test_times_are_stored_in_utc(photo: Samples) -> None:
    local = datetime(2024, 1, 1, 1, 30, 0, 5, timezone(timedelta(hours=2)))
    assert saved(Image.fromarray(photo), modified=local).info == {"modified": datetime(2023, 12, 31, 23, 30)}
