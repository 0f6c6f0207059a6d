"""Streams made on purpose: what they claim is bounded by what they hold, and nothing passes that its seal denies."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from made import chunk, in_codes
from PIL import Image

import svcodec
from svcodec.benchmarks.fuzz.drafts import Draft, sealed
from svcodec.bitstream.container import Section, unpack
from svcodec.bitstream.fields import varint
from svcodec.bitstream.metadata import MAX_METADATA
from svcodec.bitstream.stack import Stack
from svcodec.codec import corrections
from svcodec.codec.corrections import LIMIT, Correction, pop_correction, push_correction
from svcodec.codec.inspection import inspect
from svcodec.codec.pictures import decode_alpha

GOLDEN = Path(__file__).parent / "golden"
PICTURE = np.add.outer(np.arange(40) * 5, np.arange(24) * 3).astype(np.uint8)


def draft(name: str = "sketch") -> Draft:
    return Draft.of((GOLDEN / f"{name}.svc").read_bytes())


def with_section(kind: Section, content: bytes, name: str = "sketch") -> bytes:
    changed = draft(name)
    changed.put(kind, content)
    return sealed(changed.body())


def peak_of(data: bytes, error: type[Exception], match: str) -> int:
    """Bytes at the peak while a stream is refused."""
    tracemalloc.start()
    with pytest.raises(error, match=match):
        unpack(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("kind", [Section.ICC, Section.EXIF, Section.XMP])
def test_metadata_bombs_are_refused(kind: Section) -> None:
    bomb = zlib.compress(bytes(1 << 28), 9)
    assert peak_of(with_section(kind, bomb), svcodec.CorruptError, "too large") < 3 * MAX_METADATA


def test_an_account_of_many_entries_takes_no_more_memory_than_its_bytes() -> None:
    entries = with_section(Section.ACCOUNT, b"\0\0\0" * 1_000_000)
    assert peak_of(entries, svcodec.CorruptError, "more entries than there are variables") < 4 * len(entries)


def test_many_sections_take_no_more_memory_than_their_bytes() -> None:
    many = draft()
    many.sections = [(1, b"")] * 1_000_000
    data = sealed(many.body())
    assert peak_of(data, svcodec.CorruptError, "more sections than there are kinds") < 4 * len(data)


@pytest.mark.parametrize(
    "content",
    [b"\0", b"\0\0", b"\x01\0\0", b"\0" + b"\xff" * 5 + b"\0", b"\0\x80\0\0", b"\x7f" + varint(5) + varint(5)],
    ids=["no numbers", "one number", "no variable", "endless", "padded", "unknown"],
)
def test_wrong_accounts_are_refused(content: bytes) -> None:
    with pytest.raises(svcodec.CorruptError):
        inspect(with_section(Section.ACCOUNT, content))


def test_the_largest_numbers_of_an_account_are_read() -> None:
    most = (1 << 35) - 1
    assert inspect(with_section(Section.ACCOUNT, b"\0" + varint(most) + varint(most))).segments[0].bits == most


def png(width: int, height: int, rows: bytes, extra: tuple[bytes, bytes] | None = None, depth: int = 8) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))]
    chunks += [extra] if extra else []
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*of) for of in chunks)


def test_alpha_is_pixels_only(recwarn: pytest.WarningsRecorder) -> None:
    rows = b"\0\1\2\3" * 5
    assert decode_alpha(png(3, 5, rows), 3, 5).tolist() == [[1, 2, 3]] * 5
    bomb = b"key\0\0" + zlib.compress(bytes(1 << 26))
    for extra in ((b"zTXt", bomb), (b"iCCP", bomb), (b"acTL", struct.pack(">II", 1 << 31, 0)), (b"tRNS", bytes(2))):
        with pytest.raises(svcodec.CorruptError, match="not made of a head, pixels and an end"):
            decode_alpha(png(3, 5, rows, extra), 3, 5)
    assert not recwarn.list


@pytest.mark.parametrize(
    "alpha",
    [
        png(65535, 65535, b""),
        png(3, 5, b"\0\1\2\3" * 4),
        png(3, 5, b"\0" * 1000, depth=16),
        png(5, 3, b"\0" * 99),
        png(3, 5, b"\0\1\2\3" * 5)[:-1],
        png(3, 5, b"\0\1\2\3" * 5) + b"\0",
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", (1 << 32) - 1) + b"IDAT",
    ],
    ids=["large", "short", "deep", "turned", "cut", "followed", "endless"],
)
def test_alpha_of_another_size_or_cut_short_is_refused(alpha: bytes) -> None:
    with pytest.raises(svcodec.CorruptError, match="alpha"):
        decode_alpha(alpha, 3, 5)


def test_alpha_bombs_stop_at_the_size_of_the_picture() -> None:
    deflate = zlib.compressobj(9)
    parts = [deflate.compress(bytes(1 << 26)) + deflate.flush(zlib.Z_SYNC_FLUSH) for _ in range(3)]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 3, 5, 8, 0, 0, 0, 0)),
        *((b"IDAT", part) for part in parts),
        (b"IEND", b""),
    ]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*of) for of in chunks)
    tracemalloc.start()
    with pytest.raises(svcodec.CorruptError, match="too many"):
        decode_alpha(bomb, 3, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(bomb)


def webp(claimed: tuple[int, int]) -> bytes:
    """A tile of WebP that says it is of that width and height."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP", lossless=True)
    content = file.getvalue()[20:]
    head = struct.pack("<BI", 0x2F, (claimed[1] - 1) << 14 | claimed[0] - 1)
    return varint(len(content)) + head + content[5:]


@pytest.mark.parametrize("sides", [(8, 8), (9, 9), (16383, 16383)], ids=str)
@pytest.mark.parametrize("claimed", [(8, 8), (9, 9), (16384, 16384)], ids=str)
def test_plain_pictures_are_of_their_size(sides: tuple[int, int], claimed: tuple[int, int]) -> None:
    black = zlib.crc32(bytes(192)).to_bytes(4, "little")
    changed = draft("plain")
    changed.sides = list(sides)
    changed.put(Section.PLAIN, b"\2" + black + webp(claimed))
    if sides == claimed == (8, 8):
        assert svcodec.decode(sealed(changed.body())).tobytes() == bytes(192)
        return
    with pytest.raises(svcodec.StreamError):
        svcodec.decode(sealed(changed.body()), max_pixels=None)


def test_deflated_bombs_stop_at_the_size_of_the_picture() -> None:
    changed = draft("plain")
    changed.sides = [8, 8]
    changed.put(Section.PLAIN, b"\1" + bytes(4) + zlib.compress(bytes(1 << 28), 9))
    data = sealed(changed.body())
    tracemalloc.start()
    with pytest.raises(svcodec.CorruptError, match="too large"):
        svcodec.decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(data)


def test_plain_pictures_may_be_larger_than_pillow_likes(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    for limit in (4, 100):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for name in ("plain", "plain-grey"):
            assert svcodec.decode((GOLDEN / f"{name}.svc").read_bytes()).size == (107, 75)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["gate", "photo-9", "nul", "a" * 255])
def test_only_models_are_opened(name: str) -> None:
    """No other file that a stream names."""
    changed = draft()
    changed.name = name.encode()
    with pytest.raises(svcodec.ModelError):
        svcodec.decode(sealed(changed.body()))


@pytest.mark.parametrize("name", ["../photo-7", "/etc/passwd", ".photo", "photo\\6", "Photo-7", "photo-7\n"])
def test_names_that_are_paths_are_refused(name: str) -> None:
    changed = draft()
    changed.name = name.encode()
    with pytest.raises(svcodec.CorruptError, match="no model name"):
        svcodec.decode(sealed(changed.body()))


@pytest.mark.parametrize("hash_", [bytes(8), b"\xff" * 8])
def test_the_right_name_with_another_hash_is_refused(hash_: bytes) -> None:
    changed = draft()
    changed.hash = hash_
    with pytest.raises(svcodec.ModelError, match="was made with"):
        svcodec.decode(sealed(changed.body()))


@pytest.mark.parametrize("name", ["sketch", "preview", "standard", "high", "lossless", "lossless-grey"])
@pytest.mark.parametrize("sides", [(1, 1), (65535, 1), (1, 65535), (2, 65535), (65535, 4096), (106, 75)], ids=str)
def test_other_sizes_are_refused(codec: svcodec.Codec, name: str, sides: tuple[int, int]) -> None:
    changed = draft(name)
    changed.sides = list(sides)
    with pytest.raises(svcodec.StreamError):
        codec.decode(sealed(changed.body()), max_pixels=None)


def test_corrections_beyond_what_an_encoder_writes_are_refused(codec: svcodec.Codec) -> None:
    """With them sums would be inexact, and a picture another one on another machine."""
    for extreme in (LIMIT, -LIMIT, LIMIT + 1, -LIMIT - 1, (1 << 20) - 1, -(1 << 20)):
        weights = np.zeros(8 + corrections.OWN * corrections.COMPONENTS, np.int32)
        weights[3] = extreme
        stack = Stack(codec.model.residuals)
        stack.seal(0)
        push_correction(stack, Correction.of_array(weights, 8))
        if abs(extreme) <= LIMIT:
            found = pop_correction(stack, 8)
            assert found is not None and np.array_equal(found.array, weights)
        else:
            with pytest.raises(svcodec.CorruptError, match="out of range"):
                pop_correction(stack, 8)


def forged(codec: svcodec.Codec, tier: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A stream whose seal promises other pixels."""
    with monkeypatch.context() as patched, in_codes():
        patched.setattr("svcodec.codec.lossy.checksum", lambda pixels: 1)
        patched.setattr("svcodec.codec.lossless.checksum", lambda pixels: 1)
        return codec.encode(PICTURE, tier=tier)


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_the_seal_is_checked_with_a_seed_too_where_nothing_is_sampled(
    codec: svcodec.Codec, tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = forged(codec, tier, monkeypatch)
    with pytest.raises(svcodec.CorruptError, match="checksum differs"):
        codec.decode(data)
    if tier in ("sketch", "preview"):
        assert codec.decode(data, seed=0).size == (24, 40)
        assert codec.decode(data, seed=0).tobytes() != codec.decode(data, seed=1).tobytes()
        return
    with pytest.raises(svcodec.CorruptError, match="checksum differs"):
        codec.decode(data, seed=0)


@pytest.mark.parametrize("tier", ["standard", "high", "lossless"])
def test_a_seed_changes_nothing_where_nothing_is_sampled(codec: svcodec.Codec, tier: str) -> None:
    data = codec.encode(PICTURE, tier=tier)
    assert codec.decode(data, seed=3).tobytes() == codec.decode(data).tobytes()
