"""Several pictures on one stack: exact, cheaper together, refused where damaged; and at the shell."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from family_models import network_of, picture, written
from PIL import Image

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.bitstream.links import Link, read_links, write_links

SIZES = {"a.png": (16, 16), "b/c d.png": (8, 8), "grey.png": (11, 5), "é.png": (1, 1)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(network_of("downscale"), tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    made = {name: picture(*size) for name, size in SIZES.items()}
    made["grey.png"] = np.dstack([made["grey.png"][..., 0], np.arange(55, dtype=np.uint8).reshape(11, 5)])
    return made


@pytest.fixture(scope="module")
def chained(model: Path, pictures: dict[str, np.ndarray]) -> bytes:
    return svcodec.encode_chain(pictures, model=model)


def test_all_come_back(model: Path, pictures: dict[str, np.ndarray], chained: bytes) -> None:
    decoded = dict(svcodec.decode_chain(chained, model=model))
    assert [*decoded] == [*pictures]
    for name, image in decoded.items():
        assert np.array_equal(np.asarray(image), pictures[name])


def test_metadata_come_back_and_the_rest_is_named(model: Path) -> None:
    image = Image.fromarray(picture(8, 8))
    image.info.update(dpi=(300, 300), comment=b"one")
    with pytest.warns(svcodec.DroppedWarning, match="two: not kept: "):
        data = svcodec.encode_chain({"one": image, "two": with_gain_map()}, model=model)
    (_, first), (_, second) = svcodec.decode_chain(data, model=model)
    assert first.info["comment"] == b"one" and second.size == (8, 8)
    stripped = svcodec.encode_chain({"one": image}, model=model, strip="all")
    assert "comment" not in next(svcodec.decode_chain(stripped, model=model))[1].info


def with_gain_map() -> bytes:
    """A JPEG of two pictures, of which a file of one keeps the first."""
    file = io.BytesIO()
    image = Image.fromarray(picture(8, 8))
    image.save(file, "MPO", save_all=True, append_images=[image])
    return file.getvalue()


def test_only_one_borrows(model: Path, pictures: dict[str, np.ndarray], chained: bytes) -> None:
    info = svcodec.inspect(chained)
    alone = [svcodec.inspect(svcodec.encode(each, tier="lossless", model=model)) for each in pictures.values()]
    borrowed = [{segment.name: segment.bits for segment in each.segments}["borrowed"] for each in (info, *alone)]
    assert 0 < borrowed[0] < 1.5 * max(borrowed[1:]) < sum(borrowed[1:])
    assert info.sections["codes"] < sum(each.sections["codes"] for each in alone) - sum(borrowed[1:]) / 8 * 0.5
    assert info.pictures == len(pictures) and {each.pictures for each in alone} == {1}
    assert info.bits_per_pixel == 8 * len(chained) / sum(height * width for height, width in SIZES.values())
    assert info.mode == "exact (not in the paper)" and info.machine_bound


def test_other_ways_in_say_what_it_is(model: Path, chained: bytes) -> None:
    with pytest.raises(svcodec.InputError, match="a chain, of 4"):
        svcodec.decode(chained, model=model)
    with pytest.raises(svcodec.InputError, match="no levels"):
        svcodec.cut(chained, 2)
    with pytest.raises(svcodec.InputError, match="no chain"):
        svcodec.decode_chain(svcodec.encode(picture(8, 8), tier="lossless", model=model), model=model)


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../a", "a/../b", "a//b", ".", "a\\b", "C:a", "a\0b", "\udcff", "x" * 5000]
)
def test_names_stay_below_a_folder(model: Path, name: str) -> None:
    with pytest.raises(svcodec.InputError):
        svcodec.encode_chain({name: picture(8, 8)}, model=model)


def test_what_is_refused(model: Path) -> None:
    with pytest.raises(svcodec.InputError, match="one picture or more"):
        svcodec.encode_chain({}, model=model)
    with pytest.raises(svcodec.InputError, match="16 bits"):
        svcodec.encode_chain({"a": np.zeros((8, 8), np.uint16)}, model=model)
    with pytest.raises(svcodec.TooLargeError, match="a: "):
        svcodec.encode_chain({"a": picture(8, 8)}, model=model, max_pixels=63)
    with pytest.raises(svcodec.InputError, match="b: not a picture"):
        svcodec.encode_chain({"a": picture(8, 8), "b": b"zz"}, model=model)
    with pytest.raises(svcodec.ModelError, match="of photos"):
        svcodec.encode_chain({"a": picture(8, 8)}, model="photo-7")


def test_limits_hold_for_each(model: Path, chained: bytes) -> None:
    assert len(list(svcodec.decode_chain(chained, model=model, max_pixels=256))) == 4
    with pytest.raises(svcodec.TooLargeError):
        svcodec.decode_chain(chained, model=model, max_pixels=255)


def wrong_pixels(link: Link) -> Link:
    return replace(link, checksum=link.checksum ^ 1)


def of_another_kind(link: Link) -> Link:
    return replace(link, file=svcodec.encode(np.zeros((8, 8), np.uint8), tier="lossless"))


def of_another_size(link: Link) -> Link:
    return replace(link, file=pack(replace(unpack(link.file), width=7)))


@pytest.mark.parametrize("wrong", [wrong_pixels, of_another_kind, of_another_size])
@pytest.mark.parametrize("place", [0, 3])
def test_damaged_links(model: Path, chained: bytes, wrong: Callable[[Link], Link], place: int) -> None:
    stream = unpack(chained)
    assert stream.chain is not None
    links = read_links(stream.chain)
    links[place] = wrong(links[place])
    damaged = pack(replace(stream, chain=write_links(links)))
    with pytest.raises(svcodec.StreamError):
        list(svcodec.decode_chain(damaged, model=model))


def test_pictures_left_out_or_in_another_order(model: Path, chained: bytes) -> None:
    stream = unpack(chained)
    assert stream.chain is not None
    links = read_links(stream.chain)
    for others in (links[1:], links[:-1], links[::-1]):
        damaged = pack(replace(stream, chain=write_links(others)))
        with pytest.raises(svcodec.StreamError):
            list(svcodec.decode_chain(damaged, model=model))


@pytest.mark.parametrize(
    "section", [b"", b"\0", b"\1", b"\xff\xff\xff\xff\x0f", b"\1\1a\0\0\0\0\0more", b"\1\1/\0\0\0\0\0"]
)
def test_damaged_sections(model: Path, chained: bytes, section: bytes) -> None:
    with pytest.raises(svcodec.StreamError):
        list(svcodec.decode_chain(pack(replace(unpack(chained), chain=section)), model=model))


def test_damage_is_found(model: Path, pictures: dict[str, np.ndarray], chained: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        body = bytearray(chained[:-4])
        body[rng.integers(5, len(body))] ^= 1 << rng.integers(8)
        data = bytes(body) + zlib.crc32(body).to_bytes(4, "little")
        try:
            found = [image for _, image in svcodec.decode_chain(data, model=model)]
        except svcodec.SvcodecError:
            continue
        for image, original in zip(found, pictures.values(), strict=True):  # a name or an alpha channel was hit
            assert np.array_equal(
                np.asarray(image.convert("RGB")), np.asarray(Image.fromarray(original).convert("RGB"))
            )


def test_at_the_shell(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    folder, copies, file = tmp_path / "in", tmp_path / "out", tmp_path / "all.svc"
    for name in ("a.png", "below/b.png"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(picture(8, 9)).save(folder / name)
    assert "2 pictures" in svc("chain", folder, "-o", file, "--model", model).output
    assert "chain    of 2" in svc("info", file).output
    assert "2 of 2 pictures" in svc("unchain", file, "-o", copies, "--model", model).output
    for name in ("a.png", "below/b.png"):
        assert np.array_equal(np.asarray(Image.open(copies / name)), picture(8, 9))
    for command in (("chain", folder, "-o", file), ("unchain", file, "-o", copies)):
        refused = svc(*command, "--model", model)
        assert refused.exit_code == 1 and "is there already" in refused.output
    assert svc("unchain", file, "-o", copies, "--model", model, "--overwrite").exit_code == 0
    (folder / "no.png").write_bytes(b"no picture")
    refused = svc("chain", folder, "-o", tmp_path / "b.svc", "--model", model)
    assert refused.exit_code == 1 and "no.png" in refused.output and not (tmp_path / "b.svc").exists()
    refused = svc("unchain", folder / "a.png", "-o", tmp_path / "c")
    assert refused.exit_code == 1 and "a.png: " in refused.output


def test_standard_streams(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    source, file = tmp_path / "a.png", tmp_path / "a.svc"
    Image.fromarray(picture(8, 9)).save(source)
    assert svc("chain", "-", "-o", file, "--model", model, stdin=source.read_bytes()).exit_code == 0
    assert "chain    of 1" in svc("info", file).output
    for folder in ("-", ""):
        refused = svc("unchain", file, "-o", folder, "--model", model)
        assert refused.exit_code == 2 and "names a folder" in refused.output
    assert "1 of 1 pictures" in svc("unchain", "-", "-o", tmp_path, "--model", model, stdin=file.read_bytes()).output
    assert np.array_equal(np.asarray(Image.open(tmp_path / "-.png")), picture(8, 9))


def test_pictures_that_differ_in_their_suffix_alone(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    """None is written over another, not even where what is there may be replaced."""
    pictures = {"a.png": picture(8, 8), "a.jpg": picture(8, 9), "a.jpg.png": picture(8, 10)}
    (tmp_path / "all.svc").write_bytes(svcodec.encode_chain(dict([*pictures.items()][:2]), model=model))
    for more in ((), ("--overwrite",)):
        assert svc("unchain", tmp_path / "all.svc", "-o", tmp_path / "out", "--model", model, *more).exit_code == 0
        found = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out").iterdir()}
        assert found.keys() == {"a.png", "a.jpg.png"}
        assert np.array_equal(found["a.png"], pictures["a.png"])
        assert np.array_equal(found["a.jpg.png"], pictures["a.jpg"])
    (tmp_path / "all.svc").write_bytes(svcodec.encode_chain(pictures, model=model))
    assert svc("unchain", tmp_path / "all.svc", "-o", tmp_path / "other", "--model", model).exit_code == 0
    found = {path.name: np.asarray(Image.open(path)).shape for path in (tmp_path / "other").iterdir()}
    assert sorted(shape[1] for shape in found.values()) == [8, 9, 10]


def test_names_that_meet_in_a_folder(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    """Every picture has a file of its own, also where a folder is another one, and none is the chain's."""
    names = ["a.jpg", "a.png.jpg", "a.png", "x/a.png", "y/a.png"]
    pictures = {name: picture(8, 8 + i) for i, name in enumerate(names)}
    out = tmp_path / "out"
    (out / "x").mkdir(parents=True)
    (out / "y").symlink_to("x")
    (out / "a.png").write_bytes(svcodec.encode_chain(pictures, model=model))
    assert "5 of 5" in svc("unchain", out / "a.png", "-o", out, "--model", model, "--overwrite").stdout
    (out / "a.png").unlink()  # the chain
    found = [Image.open(path).size[0] for path in out.rglob("*.png") if path.parent.name != "y"]
    assert sorted(found) == [8, 9, 10, 11, 12]


def test_warnings_name_the_picture(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    for i in range(3):
        Image.fromarray(picture(8, 8)).save(tmp_path / f"{i}.png", exif=exif)
    assert svc("chain", tmp_path, "-o", tmp_path / "all.svc", "--model", model).exit_code == 0
    told = svc("unchain", tmp_path / "all.svc", "-o", tmp_path / "out", "--model", model, "--format", "bmp").stderr
    assert [line.partition(": not kept")[0] for line in told.splitlines()] == [f"svcodec: {i}.png" for i in range(3)]
    Image.new("P", (8, 8)).save(tmp_path / "icon.ico", sizes=[(8, 8), (4, 4)])
    told = svc("chain", tmp_path / "icon.ico", "-o", tmp_path / "b.svc", "--model", model).stderr
    assert told == "svcodec: icon.ico: not kept: 1 smaller versions of the picture\n"


def test_inputs_are_never_replaced(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.svc"
    Image.fromarray(picture(8, 8)).save(file, "PNG")
    before = file.read_bytes()
    for output, code, text in ((file, 1, "is an input"), (tmp_path / "b.png", 2, "has to end in .svc")):
        refused = svc("chain", file, "-o", output, "--model", model, "--overwrite")
        assert refused.exit_code == code and text in refused.stderr
    assert file.read_bytes() == before and not (tmp_path / "b.png").exists()


def test_bits_are_for_pixels_of_all_pictures(svc: Callable[..., Result], model: Path, tmp_path: Path) -> None:
    (tmp_path / "all.svc").write_bytes(svcodec.encode_chain({f"{i}": picture(8, 8) for i in range(4)}, model=model))
    rows = [line.split() for line in svc("info", tmp_path / "all.svc").stdout.splitlines()]
    per_pixel = {row[0]: float(row[-1]) for row in rows if row and row[0] in ("y0", "y1", "z1", "u", "borrowed")}
    whole = 8 * svcodec.inspect(tmp_path / "all.svc").sections["codes"] / (4 * 64)
    assert sum(per_pixel.values()) == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("pictures", [{Path("a.png"): picture(8, 8)}, [picture(8, 8)], {1: picture(8, 8)}, {}])
def test_pictures_come_by_their_names(model: Path, pictures: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svcodec.codec.family.chain.encode", None)  # it is not come to
    with pytest.raises(svcodec.InputError, match=r"in a chain is text|a dictionary"):
        svcodec.encode_chain(pictures, model=model)
