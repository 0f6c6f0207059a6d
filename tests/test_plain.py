"""Plain pictures: never longer than WebP or the samples, whatever the picture, and refused where damaged."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

import svcodec
from svcodec import cli
from svcodec.benchmarks.fuzz.mutations import scrambled
from svcodec.bitstream.container import pack, unpack
from svcodec.bitstream.forms import Form, Plain
from svcodec.codec import choice, plain

CONTAINER = 40  # bytes, at most, that a file adds to its content


def screenshot() -> np.ndarray:
    """Words and boxes."""
    image = Image.new("RGB", (320, 240), (245, 245, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 320, 20), fill=(40, 60, 120))
    for row in range(12):
        draw.text((8, 26 + 16 * row), f"line {row * 7919}: a few words of text", fill=(row * 9, 20, 20))
        draw.rectangle((250, 26 + 16 * row, 250 + 5 * row, 36 + 16 * row), fill=(200, 10 * row, 90))
    return np.asarray(image)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


PICTURES = {
    "flat": np.full((300, 400, 3), (10, 200, 30), np.uint8),
    "flat grey": np.full((301, 399), 77, np.uint8),
    "noise": noise(90, 110, 3),
    "noise in grey": noise(91, 111),
    "noise, large": noise(520, 520, 3),
    "screenshot": screenshot(),
    "screenshot in grey": screenshot()[..., 1],
    "screenshot with alpha": np.dstack([screenshot(), noise(240, 320)]),
    "gradient": np.add.outer(np.arange(256), np.arange(255)).astype(np.uint8)[..., None].repeat(3, 2) // 2,
    "one pixel": noise(1, 1, 3),
    "one grey pixel": noise(1, 1),
    "a row": noise(1, 37, 3),
    "a column": noise(37, 1),
    "wider than WebP": np.zeros((3, 16390, 3), np.uint8),
    "higher than WebP": noise(16385, 2) // 128,
}


def webp(pixels: np.ndarray) -> int:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, method=6)
    return len(buffer.getvalue())


@pytest.mark.parametrize("effort", [1, 5])
@pytest.mark.parametrize("name", PICTURES)
def test_no_file_is_longer_than_others(codec: svcodec.Codec, name: str, effort: int) -> None:
    pixels = PICTURES[name]
    data = codec.encode(pixels, tier="lossless", effort=effort)
    assert np.array_equal(np.asarray(svcodec.decode(data)), pixels)
    alpha = unpack(data).alpha or b""
    assert len(data) - len(alpha) <= CONTAINER + pixels[..., :3].size if pixels.ndim == 3 else pixels.size
    if "WebP" not in name and effort > 3:
        assert len(data) - len(alpha) <= CONTAINER + webp(pixels[..., :3] if pixels.ndim == 3 else pixels)


def test_photos_are_learned(codec: svcodec.Codec, portrait_path: object) -> None:
    with Image.open(str(portrait_path)) as photo:
        pixels = np.asarray(photo.convert("RGB"))[100:292, 100:292]
    found = svcodec.inspect(codec.encode(pixels, tier="lossless"))
    assert found.plain is None
    assert found.model == codec.model.name


def test_nothing_is_learned_where_plain_obviously_wins(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "learned", None)
    for name in ("flat", "noise, large", "wider than WebP"):
        found = svcodec.inspect(codec.encode(PICTURES[name], tier="lossless"))
        assert found.plain == ("stored" if name.startswith("noise") else "webp")
        assert (found.model, found.model_hash, found.segments) == (None, None, ())
        assert set(found.sections) == {"header", "plain", "end"}


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("form", Form)
def test_every_form_comes_back(form: Form, grey: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "WEBP_SIDE", 50)  # several tiles
    pixels = screenshot()[:101, :120, 1] if grey else screenshot()[:101, :120]
    written = form_of(pixels, form)
    assert np.array_equal(plain.decode(written, (101, 120), grey), pixels)
    for size in ((101, 119), (100, 120), (1, 1), (65535, 4096)):
        with pytest.raises(svcodec.CorruptError):
            plain.decode(written, size, grey)
    with pytest.raises(svcodec.CorruptError):
        plain.decode(written, (101, 120), not grey)


def form_of(pixels: np.ndarray, form: Form) -> Plain:
    """A picture in one form."""
    samples = pixels.tobytes()
    content = {
        Form.STORED: lambda: samples,
        Form.DEFLATED: lambda: zlib.compress(samples),
        Form.WEBP: lambda: plain.webp(pixels, 0, 0),
    }[form]()
    return Plain(form, zlib.crc32(samples), content)


@pytest.mark.parametrize("form", Form)
def test_damaged_plain_pictures_are_refused(form: Form) -> None:
    pixels = screenshot()[:40, :60]
    good = form_of(pixels, form)
    rng = Random(1)
    for _ in range(300):
        damaged = scrambled(rng, good.content)
        try:
            decoded = plain.decode(replace(good, content=damaged), (40, 60), grey=False)
        except svcodec.CorruptError:
            continue
        assert np.array_equal(decoded, pixels)
    with pytest.raises(svcodec.CorruptError, match="checksum differs"):
        plain.decode(replace(good, checksum=good.checksum ^ 1), (40, 60), grey=False)


def test_plain_pictures_take_no_model_and_the_same_arguments(codec: svcodec.Codec) -> None:
    data = codec.encode(PICTURES["flat"], tier="lossless")
    assert codec.decode(data, seed=1).tobytes() == svcodec.decode(data, model="nonesuch").tobytes()
    with pytest.raises(svcodec.InputError, match="seed"):
        codec.decode(data, seed=-1)
    with pytest.raises(svcodec.TooLargeError):
        svcodec.decode(data, max_pixels=100)
    with pytest.raises(svcodec.CorruptError):
        codec.decode(pack(replace(unpack(data), width=399)))


def test_plain_pictures_need_no_torch(codec: svcodec.Codec) -> None:
    data = codec.encode(PICTURES["flat"], tier="lossless")
    code = "import sys, svcodec; svcodec.decode(sys.stdin.buffer.read()); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], input=data, check=True)


def test_info_of_a_plain_picture(tmp_path: Path) -> None:
    source = tmp_path / "plain.svc"
    source.write_bytes(svcodec.encode(PICTURES["flat"], tier="lossless"))
    shown = CliRunner().invoke(cli.main, ["info", str(source)]).stdout
    assert "model    none: plain, webp" in shown
    assert "segment" not in shown
    found = json.loads(CliRunner().invoke(cli.main, ["info", "--json", str(source)]).stdout)
    assert (found["plain"], found["model"], found["model_hash"], found["segments"]) == ("webp", None, None, [])
