"""`verify=True`: what does not decode to what was meant is an error, not a stream."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import svcodec
from svcodec.bitstream.container import Stream, pack
from svcodec.codec import codec as codec_module

Samples = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def picture(photo: Samples, alpha: Samples) -> bytes:
    """A PNG with an alpha channel, EXIF and XMP."""
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x112] = 6
    image = Image.fromarray(np.dstack([photo, alpha]))
    image.save(stream, "PNG", exif=exif, icc_profile=b"profile" * 40)
    return stream.getvalue()


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_right_streams_pass(tier: str, picture: bytes, photo: Samples) -> None:
    codec = svcodec.Codec()
    for image in (picture, photo[..., 0], np.zeros((64, 64, 3), np.uint8)):
        assert codec.encode(image, tier=tier, verify=True) == codec.encode(image, tier=tier)
    assert svcodec.encode(photo[:1, :1], tier=tier, verify=True)


def other_alpha(stream: Stream) -> Stream:
    clear = io.BytesIO()
    Image.new("L", (stream.width, stream.height)).save(clear, "PNG")
    return replace(stream, alpha=clear.getvalue())


WRONG: dict[str, Callable[[Stream], Stream]] = {
    "codes": lambda stream: replace(stream, codes=bytes([stream.codes[0] ^ 1]) + stream.codes[1:]),
    "no alpha": lambda stream: replace(stream, alpha=None),
    "another alpha": other_alpha,
    "no EXIF": lambda stream: replace(stream, metadata=replace(stream.metadata, exif=None)),
    "another profile": lambda stream: replace(stream, metadata=replace(stream.metadata, icc=b"another")),
}


@pytest.mark.usefixtures("learned")
@pytest.mark.parametrize("tier", ["sketch", "lossless"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_ones_do_not(wrong: str, tier: str, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = svcodec.Codec()
    monkeypatch.setattr(codec_module, "pack", lambda stream: pack(WRONG[wrong](stream)))
    assert codec.encode(picture, tier=tier)
    with pytest.raises(svcodec.ModelError, match="decoded to verify it"):
        codec.encode(picture, tier=tier, verify=True)


def test_other_pixels_do_not_pass(photo: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is intact, but of another picture."""
    codec, encode = svcodec.Codec(), codec_module.choice.learned

    def of_another(model: Any, pixels: Samples, effort: int) -> Any:
        return encode(model, pixels ^ np.uint8(1), effort)

    monkeypatch.setattr(codec_module.choice, "encode", functools.wraps(encode)(of_another))
    with pytest.raises(svcodec.ModelError, match="does not give back what was meant"):
        codec.encode(photo, tier="lossless", verify=True)
