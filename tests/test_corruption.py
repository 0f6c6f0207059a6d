"""Damaged, foreign and hostile streams: always one of our exceptions, never a wrong picture."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from made import in_codes
from PIL import Image

import svcodec
from svcodec.benchmarks.fuzz.mutations import scrambled
from svcodec.bitstream.container import Stream, Tier, pack, unpack
from svcodec.tunes import Tune

COUNT = 2000


@pytest.fixture(scope="module")
def streams(codec: svcodec.Codec) -> dict[str, bytes]:
    image = np.add.outer(np.arange(24) * 5, np.arange(20) * 3)[..., None] + np.array([0, 30, 60])
    rng = np.random.default_rng(0)
    picture = (image + rng.integers(0, 9, image.shape)).clip(0, 255).astype(np.uint8)
    with in_codes():
        return {tier: codec.encode(picture, tier=tier) for tier in svcodec.TIERS}


def resealed(body: bytes) -> bytes:
    """The bytes with a right checksum: what only a deliberate change would have."""
    return body[:-4] + zlib.crc32(body[:-4]).to_bytes(4, "little")


def refuses(codec: svcodec.Codec, data: bytes, original: bytes) -> None:
    """Decoding must raise one of our exceptions, unless the very picture comes out."""
    try:
        decoded = codec.decode(data, max_pixels=None)
    except svcodec.SvcodecError:
        return
    assert decoded.tobytes() == codec.decode(original).tobytes()


def test_mutated_streams(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    """The checksum finds every change of the file."""
    rng = Random(1)
    originals = list(streams.values())
    for i in range(COUNT):
        data = scrambled(rng, originals[i % len(originals)])
        if data not in originals:
            with pytest.raises(svcodec.StreamError):
                codec.decode(data)


def test_mutated_streams_with_a_right_checksum(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    """Past the checksum, the stack's seal finds what is wrong, before much is allocated."""
    rng = Random(2)
    originals = list(streams.values())
    for i in range(COUNT // 10):
        original = originals[i % len(originals)]
        data = scrambled(rng, original)
        if len(data) > 4:
            refuses(codec, resealed(data), original)


@pytest.mark.parametrize("tier", svcodec.TIERS)
@pytest.mark.parametrize("size", [(65535, 4096), (4096, 65535), (16384, 16384), (25, 24), (20, 25), (1, 1)], ids=str)
def test_other_sizes(codec: svcodec.Codec, streams: dict[str, bytes], tier: str, size: tuple[int, int]) -> None:
    stream = replace(unpack(streams[tier]), width=size[0], height=size[1])
    with pytest.raises(svcodec.StreamError):
        codec.decode(pack(stream), max_pixels=None)


def test_more_pixels_than_allowed_are_refused_before_anything_is_decoded(
    codec: svcodec.Codec, streams: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svcodec.codec.streams.decode_alpha", None)
    monkeypatch.setattr("svcodec.codec.codec.lossy", None)
    codes = bytes(1 << 19) + b"\1\0\0\0"  # as many as a photo of that size has at least
    data = pack(replace(unpack(streams["sketch"]), width=16385, height=8192, codes=codes, alpha=png(20, 24)))
    for decode in (codec.decode, svcodec.decode):
        with pytest.raises(svcodec.TooLargeError, match=r"134,225,920 pixels .* 134,217,728: .* max_pixels=134225920"):
            decode(data)
        with pytest.raises(svcodec.TooLargeError, match="480 pixels"):
            decode(streams["sketch"], max_pixels=479)


def test_the_limit_on_pixels_can_be_met_or_lifted(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    for limit in (480, np.int32(480), None):
        assert codec.decode(streams["sketch"], max_pixels=limit).size == (20, 24)


@pytest.mark.parametrize("limit", [0, -1, True, 1e6, "9"])
def test_limits_on_pixels_are_whole_numbers(codec: svcodec.Codec, streams: dict[str, bytes], limit: object) -> None:
    with pytest.raises(svcodec.InputError, match="max_pixels must be a whole number of at least 1"):
        codec.decode(streams["sketch"], max_pixels=limit)


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_codes_of_another_tier(codec: svcodec.Codec, streams: dict[str, bytes], tier: str) -> None:
    stream = unpack(streams[tier])
    for other in svcodec.TIERS:
        if other != tier:
            swapped = replace(stream, codes=unpack(streams[other]).codes)
            with pytest.raises(svcodec.StreamError):
                codec.decode(pack(swapped))
            relabelled: Stream = replace(stream, tier=Tier[other.upper()])
            with pytest.raises(svcodec.StreamError):
                codec.decode(pack(relabelled))


def test_another_quality(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    with pytest.raises(svcodec.StreamError):
        codec.decode(pack(replace(unpack(streams["standard"]), quality=1)))


def test_another_tune(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    for tier in ("sketch", "standard", "high"):
        stream = unpack(streams[tier])
        assert stream.tune is Tune.SSIM
        with pytest.raises(svcodec.StreamError):
            codec.decode(pack(replace(stream, tune=Tune.PSNR)))


def test_another_model(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    stream = unpack(streams["standard"])
    with pytest.raises(svcodec.ModelError, match="other"):
        svcodec.decode(pack(replace(stream, model_name="other")))
    with pytest.raises(svcodec.ModelError, match="was made with"):
        codec.decode(pack(replace(stream, model_hash=bytes(8))))


def test_foreign_alpha(codec: svcodec.Codec, streams: dict[str, bytes]) -> None:
    for alpha in (b"", b"\x89PNG\r\n\x1a\n", png(3, 3), b"x" * 99):
        with pytest.raises(svcodec.CorruptError, match="alpha"):
            codec.decode(pack(replace(unpack(streams["standard"]), alpha=alpha)))


@pytest.mark.parametrize("data", [b"", b"\x89", b"\x89SVC", b"hello", bytes(1000), b"\xff\xd8\xff\xe0" + bytes(50)])
def test_foreign_data(codec: svcodec.Codec, data: bytes) -> None:
    with pytest.raises(svcodec.StreamError):
        codec.decode(data)
    with pytest.raises(svcodec.StreamError):
        svcodec.inspect(data)


def test_foreign_files(codec: svcodec.Codec) -> None:
    with pytest.raises(svcodec.NotSvcError, match="PNG"):
        codec.decode(png(8, 8))


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()
