"""The .svc file: what is packed is unpacked, and no damaged byte goes unnoticed."""

import struct
import zlib
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svcodec.bitstream.container import (
    Coding,
    Colour,
    Entry,
    Stream,
    Tier,
    Variable,
    Verdict,
    pack,
    section_sizes,
    unpack,
)
from svcodec.bitstream.forms import Form, Plain
from svcodec.bitstream.metadata import MAX_METADATA, Metadata, Text
from svcodec.errors import CorruptError, InputError, NotSvcError, StreamError, TruncatedError, UnsupportedError
from svcodec.tunes import Tune

pytestmark = pytest.mark.once

SAMPLE = Stream(
    tier=Tier.STANDARD,
    colour=Colour.RGB,
    quality=50,
    tune=Tune.SSIM,
    width=768,
    height=512,
    model_name="photo-1",
    model_hash=bytes(range(8)),
    codes=b"\x01\x02\x03\x04",
    account=(
        Entry(Variable.U, Coding.BITS_BACK, 31_000, 1_200),
        Entry(Variable.Z3, Coding.DIRECT, 16_000, 0),
        Entry(Variable.Z2, Coding.DIRECT, 42_000, 0),
        Entry(Variable.Z1, Coding.DIRECT, 67_000, 0),
    ),
)
GOLDEN = (
    "89 53 56 43 01 02 01 32 01 80 06 80 04 07 70 68 6f 74 6f 2d 31 00 01 02 03 04 05 06 07 01 04 01 "
    "02 03 04 02 14 80 98 f2 01 b0 09 13 80 7d 00 12 90 c8 02 00 11 b8 8b 04 00 00 95 8a 76 85"
)

SCORES = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
BLOBS = st.none() | st.binary(max_size=200)
METADATA = st.builds(
    Metadata,
    icc=BLOBS,
    exif=BLOBS,
    xmp=BLOBS,
    resolution=st.none() | st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1)),
    texts=st.lists(st.builds(Text, *[TEXTS] * 4), max_size=3).map(tuple),
    comment=BLOBS,
    photoshop=BLOBS,
    modified=st.none() | st.datetimes(datetime(1, 1, 1)).map(lambda time: time.replace(microsecond=0)),
)
ENTRIES = st.builds(
    Entry, st.sampled_from(Variable), st.sampled_from(Coding), st.integers(0, 2**35 - 1), st.integers(0, 2**35 - 1)
)
RATES = st.just((None, None)) | st.tuples(st.integers(1, 100), st.sampled_from(Tune))
STREAMS = st.builds(
    lambda rate, fine, **fields: Stream(
        quality=rate[0], tune=rate[1], fine=fine if fields["tier"] is Tier.LOSSLESS else None, **fields
    ),
    RATES,
    tier=st.sampled_from(Tier),
    colour=st.sampled_from(Colour),
    width=st.integers(1, 4096),
    height=st.integers(1, 65535),
    model_name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,30}", fullmatch=True),
    model_hash=st.binary(min_size=8, max_size=8),
    codes=st.binary(max_size=300),
    account=st.lists(ENTRIES, max_size=5).map(tuple),
    alpha=BLOBS,
    metadata=METADATA,
    verdict=st.none() | st.builds(Verdict, SCORES, SCORES),
    fine=BLOBS,
)

PLAIN = Stream(
    tier=Tier.LOSSLESS,
    colour=Colour.GREY,
    quality=None,
    tune=None,
    width=2,
    height=1,
    model_name="",
    model_hash=b"",
    codes=b"",
    plain=Plain(Form.STORED, zlib.crc32(b"\x07\xff"), b"\x07\xff"),
)
GOLDEN_PLAIN = "89 53 56 43 01 04 00 00 02 01 00 07 07 00 b5 6b 9a 23 07 ff 00 52 a6 62 a1"


def checked(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def with_section(kind: int, content: bytes) -> bytes:
    return checked(pack(SAMPLE)[:-5] + bytes([kind, len(content)]) + content + b"\0")


@settings(max_examples=200)
@given(STREAMS)
def test_round_trip(stream: Stream) -> None:
    data = pack(stream)
    assert unpack(data) == stream
    assert sum(section_sizes(data).values()) == len(data)


def test_golden_bytes() -> None:
    assert pack(SAMPLE).hex(" ") == GOLDEN
    assert pack(PLAIN).hex(" ") == GOLDEN_PLAIN


@settings(max_examples=50)
@given(st.sampled_from(Form), st.integers(0, 2**32 - 1), st.binary(max_size=200), BLOBS, BLOBS)
def test_plain_pictures_come_back(
    form: Form, checksum: int, content: bytes, alpha: bytes | None, icc: bytes | None
) -> None:
    stream = replace(PLAIN, plain=Plain(form, checksum, content), alpha=alpha, metadata=Metadata(icc=icc))
    data = pack(stream)
    assert unpack(data) == stream
    assert sum(section_sizes(data).values()) == len(data)


@pytest.mark.parametrize("section", [b"", b"\x00\x01\x02\x03", b"\x03\x00\x00\x00\x00more"])
def test_plain_sections_that_are_none(section: bytes) -> None:
    header = section_sizes(pack(PLAIN))["header"]
    with pytest.raises(CorruptError, match="a field"):
        unpack(checked(pack(PLAIN)[:header] + bytes([7, len(section)]) + section + b"\0"))


def test_a_picture_is_plain_or_coded() -> None:
    with pytest.raises(CorruptError, match="two ways"):
        unpack(with_section(7, bytes(5)))
    for change in ({"tier": Tier.HIGH}, {"quality": 3, "tune": Tune.PSNR}, {"codes": b"code"}, {"model_name": "m"}):
        with pytest.raises(InputError, match="a plain picture"):
            replace(PLAIN, **change)
    with pytest.raises(InputError, match="no model name"):
        replace(PLAIN, plain=None)


def test_overhead_is_small() -> None:
    assert len(pack(SAMPLE)) - len(SAMPLE.codes) <= 60


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_noticed(bit: int) -> None:
    data = pack(replace(SAMPLE, metadata=Metadata(icc=b"profile", xmp=b"packet", resolution=(720000, 720000))))
    for place in range(len(data)):
        with pytest.raises(StreamError):
            unpack(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])


def test_every_truncation_is_noticed() -> None:
    data = pack(replace(SAMPLE, metadata=Metadata(exif=b"camera")))
    for length in range(4, len(data)):
        with pytest.raises(TruncatedError):
            unpack(data[:length])
    for length in range(4):
        with pytest.raises(NotSvcError):
            unpack(data[:length])


@settings(max_examples=200)
@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_give_a_stream_error(tail: bytes, honest: bool) -> None:
    body = b"\x89SVC\x01" + tail
    with pytest.raises(StreamError):
        unpack(checked(body) if honest else body)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "empty"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff\xe0", "JPEG"), (b"hello", "other")],
)
def test_foreign_files_are_named(data: bytes, words: str) -> None:
    with pytest.raises(NotSvcError, match=words):
        unpack(data)


def test_a_newer_version_is_unsupported() -> None:
    data = pack(SAMPLE)
    with pytest.raises(UnsupportedError):
        unpack(checked(data[:4] + b"\x02" + data[5:-4]))


def test_bytes_after_the_end() -> None:
    with pytest.raises(CorruptError):
        unpack(pack(SAMPLE) + b"\0")


def test_unknown_sections() -> None:
    for kind in (200, 255):
        assert unpack(with_section(kind, b"news")) == SAMPLE
    for kind in (13, 127):
        with pytest.raises(UnsupportedError):
            unpack(with_section(kind, b"news"))


def test_sizes_are_those_of_the_file() -> None:
    known = section_sizes(pack(SAMPLE))
    assert section_sizes(with_section(200, b"news")) == known | {"kind 200": 6}
    quick, best = (zlib.compress(b"one another one and another" * 20, level) for level in (1, 9))
    assert len(quick) > len(best)
    assert section_sizes(with_section(4, quick)) == known | {"icc": 2 + len(quick)}


def test_sizes_of_a_file_that_ends_early_are_those_of_what_is_there() -> None:
    data, whole = pack(SAMPLE), section_sizes(pack(SAMPLE))
    header, codes = whole["header"], whole["codes"]
    assert section_sizes(data[: header + codes - 1], partial=True) == {"header": header, "codes": codes - 1}
    assert section_sizes(data[: header + codes], partial=True) == {"header": header, "codes": codes}
    assert section_sizes(data[: header + codes + 5], partial=True) == {"header": header, "codes": codes, "end": 5}
    with pytest.raises(TruncatedError):
        section_sizes(data[:-7])


@pytest.mark.parametrize("kind", [1, 2])
def test_sections_are_in_order_and_unique(kind: int) -> None:
    with pytest.raises(CorruptError):
        unpack(with_section(kind, b""))


def test_codes_are_required() -> None:
    header = section_sizes(pack(SAMPLE))["header"]
    with pytest.raises(CorruptError, match="no coded data"):
        unpack(checked(pack(SAMPLE)[:header] + b"\0"))


@pytest.mark.parametrize(("place", "value"), [(5, 5), (6, 2), (7, 101), (8, 2), (8, 255), (14, ord("A")), (14, 0xC3)])
def test_fields_out_of_range(place: int, value: int) -> None:
    body = bytearray(pack(SAMPLE)[:-4])
    body[place] = value
    with pytest.raises(CorruptError):
        unpack(checked(bytes(body)))


def test_the_tune_takes_a_byte_where_there_is_a_quality() -> None:
    for tune in Tune:
        data = pack(replace(SAMPLE, tune=tune))
        assert (data[7], data[8]) == (50, tune)
        assert unpack(data).tune is tune
    exact = pack(replace(SAMPLE, quality=None, tune=None))
    assert exact[7:-4] == b"\0" + pack(SAMPLE)[9:-4]
    assert unpack(exact).tune is None


@pytest.mark.parametrize("size", [b"\0\1", b"\xff\xff\3\xff\xff\3", b"\x80\x80\4\1", b"\x81\0\1", b"\xff" * 6])
def test_sizes_out_of_range(size: bytes) -> None:
    data = pack(SAMPLE)
    with pytest.raises(CorruptError):
        unpack(checked(data[:9] + size + data[13:-4]))


@pytest.mark.parametrize("account", [b"\1\0\0", b"\x7f\0\0", b"\0\0"])
def test_accounts_of_unknown_variables_or_without_an_end(account: bytes) -> None:
    data = pack(replace(SAMPLE, account=()))
    with pytest.raises(CorruptError):
        unpack(checked(data[:-5] + bytes([2, len(account)]) + account + b"\0"))


@pytest.mark.parametrize(
    "content",
    [b"no zlib", zlib.compress(b"x" * 99)[:-3], zlib.compress(b"x") + b"more", zlib.compress(bytes((1 << 24) + 1), 9)],
)
def test_metadata_that_does_not_decompress(content: bytes) -> None:
    length = bytes([len(content) & 127 | 128, len(content) >> 7 & 127 | 128, len(content) >> 14, *content])
    if len(content) < 128:
        length = bytes([len(content), *content])
    with pytest.raises(CorruptError):
        unpack(checked(pack(SAMPLE)[:-5] + b"\x04" + length + b"\0"))


@pytest.mark.parametrize(
    "change",
    [
        {"quality": 0},
        {"quality": None},
        {"tune": None},
        {"width": 0},
        {"height": 65536},
        {"width": 65535, "height": 65535},
        {"model_name": ""},
        {"model_name": "../photo"},
        {"model_name": "a" * 256},
        {"model_hash": b"short"},
    ],
)
def test_streams_that_can_not_be_written(change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(SAMPLE, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"icc": bytes(MAX_METADATA + 1)},
        {"photoshop": bytes(MAX_METADATA + 1)},
        {"texts": (Text("a", "b" * MAX_METADATA),)},
        {"texts": (Text("a", "b"),) * 4097},
        {"resolution": (0, 1)},
        {"resolution": (1, 1 << 32)},
    ],
)
def test_metadata_that_can_not_be_written(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Metadata(**change)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (129, b"\1\0\0\0"),
        (129, bytes(8)),
        (130, zlib.compress(b"\1a\1b\0")),
        (130, zlib.compress(b"\1\xff\0\0\0")),
        (130, zlib.compress(bytes(1 << 20), 9)),
        (131, b"no zlib"),
        (133, struct.pack("<H5B", 2024, 13, 1, 0, 0, 0)),
        (133, b"\xe8\x07\1\1"),
    ],
)
def test_metadata_that_is_none(kind: int, content: bytes) -> None:
    if len(content) < 128:
        with pytest.raises(CorruptError):
            unpack(with_section(kind, content))
    else:
        length = bytes([len(content) & 127 | 128, len(content) >> 7])
        with pytest.raises(CorruptError):
            unpack(checked(pack(SAMPLE)[:-5] + bytes([kind]) + length + content + b"\0"))


def test_a_negative_account_can_not_be_written() -> None:
    with pytest.raises(InputError):
        pack(replace(SAMPLE, account=(Entry(Variable.U, Coding.DIRECT, -1, 0),)))
