"""Good streams of tiny pictures: every tier, colour, tune and section, plain, cut, in tiles, by the paper's models."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from unittest import mock

import numpy as np

from ...arrays import Pixels
from ...bitstream.container import Colour, Stream, Tier, Verdict, pack, unpack
from ...bitstream.forms import Form, Plain
from ...bitstream.metadata import Metadata, Text
from ...bitstream.stack import checksum
from ...codec import choice, plain
from ...codec.codec import Codec
from ...codec.cutting import cut
from ...codec.family.chaining import encode_chain
from ...codec.pictures import encode_alpha
from ...codec.tiers import SPECS
from ...codec.tiling import TILE

SIZES = ((24, 20), (9, 16), (1, 1), (33, 7))  # height and width
FAMILY = "selfvae-3-3"  # a model of the first paper
RATES = ((60, "ssim"), (1, "psnr"), (100, "ssim"), (30, "psnr"))  # quality and tune, size by size


def picture(height: int, width: int, grey: bool) -> Pixels:
    """A smooth picture with some noise, uint8 (height, width, 3), or (height, width) for grey."""
    image = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[..., None] + np.array([0, 30, 60])
    noise = np.random.default_rng(0).integers(0, 9, image.shape)
    pixels = (image + noise).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels[..., 1]) if grey else pixels


def originals(codec: Codec) -> Iterator[bytes]:
    """All of them."""
    for spec in SPECS.values():
        for i, ((height, width), (quality, tune)) in enumerate(zip(SIZES, RATES, strict=True)):
            pixels = picture(height, width, grey=i % 2 == 1)
            if spec.exact:
                with mock.patch.object(choice, "encode", choice.learned):  # not plain, though that would be shorter
                    yield codec.encode(pixels, tier=spec.name, effort=8 if i else 5)
            elif spec.quality is None:
                yield codec.encode(pixels, tier=spec.name)
            else:
                yield codec.encode(pixels, tier=spec.name, quality=quality, tune=tune)
    banded = picture(24, 20, grey=False)
    banded[:16] = (250, 251, 255)  # one colour above, where the codes only come near
    with mock.patch.object(choice, "as_drawing", return_value=None):
        yield codec.encode(banded, tier="high", quality=90)
    for tier in ("standard", "lossless"):
        with mock.patch.object(choice, "encode", choice.learned):
            tiles = codec.encode(picture(2, TILE + 6, grey=False), tier=tier)
        yield from (tiles, cut(tiles, 3), cut(tiles, 1))
    family = Codec(FAMILY)
    for tier in ("high", "lossless"):
        yield family.encode(picture(9, 16, grey=False), tier=tier)
    yield encode_chain({"a.png": picture(24, 20, grey=False), "b/c.png": picture(9, 16, grey=True)}, model=FAMILY)
    alpha = encode_alpha(picture(24, 20, grey=True))
    bare = unpack(codec.encode(picture(24, 20, grey=False), tier="standard"))
    metadata = Metadata(
        icc=b"profile" * 9,
        exif=b"MM\0*" + bytes(40),
        xmp=b"<x/>" * 20,
        resolution=(3_000_000, 720_000),
        texts=(Text("Title", "one"), Text("Author", "two", "en", "by")),
        comment=b"made up",
        photoshop=b"8BIM\x04\x04" + bytes(6),
        modified=datetime(2026, 1, 2, 3, 4, 5),
    )
    yield pack(replace(bare, alpha=alpha, verdict=Verdict(-1500, -2000), metadata=metadata))
    for grey in (False, True):
        deep = picture(24, 20, grey).astype(np.uint16) * 256
        yield codec.encode(deep + np.arange(20, dtype=np.uint16).reshape(1, 20, *[1] * (not grey)) * 7, tier="lossless")
        for form in Form:
            yield pack(_plain(picture(24, 20, grey), form, alpha if grey else None))


def _plain(pixels: Pixels, form: Form, alpha: bytes | None) -> Stream:
    samples = pixels.tobytes()
    contents = {
        Form.STORED: samples,
        Form.DEFLATED: zlib.compress(samples),
        Form.WEBP: plain.webp(pixels, *choice.QUICK),
    }
    return Stream(
        tier=Tier.LOSSLESS,
        colour=Colour.GREY if pixels.ndim == 2 else Colour.RGB,
        quality=None,
        tune=None,
        width=pixels.shape[1],
        height=pixels.shape[0],
        model_name="",
        model_hash=b"",
        codes=b"",
        alpha=alpha,
        plain=Plain(form, checksum(pixels), contents[form]),
    )
