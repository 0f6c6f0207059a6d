"""The .svc file: header, sections and checksum. docs/format.md has the layout byte by byte."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import astuple, dataclass
from enum import IntEnum

from ..errors import CorruptError, InputError, TruncatedError
from ..tunes import Tune
from .codes import PARTS, Codes
from .fields import Reader, varint
from .forms import Plain
from .metadata import NOTHING, Metadata
from .sections import END, Section, contents_of, name_of, read_sections
from .start import MAGIC, VERSION, check_start

MAX_SIDE = 65535
MAX_PIXELS = 1 << 28
MODEL_HASH_BYTES = 8
FINGERPRINT_BYTES = 8
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}")


class Tier(IntEnum):
    """What a stream reconstructs, from the least to the whole picture."""

    SKETCH = 0
    PREVIEW = 1
    STANDARD = 2
    HIGH = 3
    LOSSLESS = 4


class Colour(IntEnum):
    """The channels of the picture, alpha aside."""

    GREY = 0
    RGB = 1


class Coding(IntEnum):
    """How a variable is coded."""

    DIRECT = 0
    BITS_BACK = 1


class Variable(IntEnum):
    """A variable of the model: the gist u, the details z_k, and the levels y_k of which y_0 is the picture.

    And what a chain of bits-back began with, which no variable took.
    """

    U = 0
    Z1 = 17
    Z2 = 18
    Z3 = 19
    Z4 = 20
    Z5 = 21
    Z6 = 22
    Y0 = 32
    Y1 = 33
    Y2 = 34
    Y3 = 35
    Y4 = 36
    Y5 = 37
    Y6 = 38
    BORROWED = 64


DEEP = 2  # beside the colour: there are sixteen bits per sample
_VERDICT = struct.Struct("<ii")


@dataclass(frozen=True)
class Entry:
    """What one variable took: its net bits, and the bits saved against the other way of coding it."""

    variable: Variable
    coding: Coding
    bits: int
    saved: int


@dataclass(frozen=True)
class Verdict:
    """What the gate found: the picture's score and the least score of what it accepts, both in thousandths.

    Raises:
        InputError: a number takes more than 32 bits, sign included.
    """

    score: int
    threshold: int

    def __post_init__(self) -> None:
        if not all(-(1 << 31) <= value < 1 << 31 for value in (self.score, self.threshold)):
            raise InputError(f"scores of {self.score} and {self.threshold} can't be written to a file")


@dataclass(frozen=True)
class Stream:
    """The content of an .svc file.

    Attributes:
        tier: what is reconstructed.
        colour: the picture's channels.
        quality: 1..100, or None where the tier takes none.
        tune: what the picture is tuned for, there where there is a quality.
        width: pixels, 1..65535; width times height is at most 2^28.
        height: pixels, 1..65535.
        model_name: 1 to 255 characters a-z, 0-9, '.', '_', '-', of which the first is a letter or digit; empty in a
            plain picture, as are its model's hash, codes and account.
        model_hash: the first 8 bytes of the model's SHA-256.
        codes: the coded variables, of the paper's models from `Stack.to_bytes`, of others from `join_parts`.
        account: what each variable took.
        alpha: the coded alpha channel.
        metadata: colour profile, EXIF and whatever else describes the picture.
        verdict: what the gate found, where it was asked.
        plain: a lossless picture as it is written without a model.
        fine: of a lossless picture of sixteen bits, what adds the lower ones to the upper eight, empty where the file
            ended before it; None for eight bits.
        flats: of a picture with a quality the areas of one colour, which the codes only come near.
        machine: the fingerprint of the machine's arithmetic, 8 bytes, where the model is not computed exactly.
        chain: of a lossless picture of one of the paper's models, those that are on the same stack (`links`).
        levels: how many parts of each tile's stack are there, 1..3, where the others were cut off.
        early: the file ended early, perhaps in the codes; nothing of it is checked, and what follows them is not there.

    Raises:
        InputError: a field is out of its range.
    """

    tier: Tier
    colour: Colour
    quality: int | None
    tune: Tune | None
    width: int
    height: int
    model_name: str
    model_hash: bytes
    codes: bytes
    account: tuple[Entry, ...] = ()
    alpha: bytes | None = None
    metadata: Metadata = NOTHING
    verdict: Verdict | None = None
    plain: Plain | None = None
    fine: bytes | None = None
    flats: bytes | None = None
    machine: bytes | None = None
    chain: bytes | None = None
    levels: int | None = None
    early: bool = False

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InputError(f"quality {self.quality} is not between 1 and 100")
        if (self.quality is None) != (self.tune is None):
            raise InputError("quality and tune go together: a picture has both or neither")
        if not (1 <= self.width <= MAX_SIDE and 1 <= self.height <= MAX_SIDE):
            raise InputError(f"{self.width}x{self.height}: a side must have between 1 and {MAX_SIDE} pixels")
        if self.width * self.height > MAX_PIXELS:
            raise InputError(f"{self.width}x{self.height}: a picture can have at most {MAX_PIXELS} pixels")
        if self.fine is not None and self.tier is not Tier.LOSSLESS:
            raise InputError("only a lossless picture has sixteen bits")
        if self.flats is not None and self.quality is None:
            raise InputError("only a picture with a quality has areas of one colour beside its codes")
        if self.levels is not None and not 1 <= self.levels < PARTS:
            raise InputError(f"a picture that was cut has 1 to {PARTS - 1} levels, not {self.levels}")
        if self.levels is not None and (self.plain or self.fine is not None or self.machine):
            raise InputError("neither a plain picture nor one of sixteen bits or of the paper's models is cut")
        if self.machine is not None and len(self.machine) != FINGERPRINT_BYTES:
            raise InputError(f"a machine's fingerprint takes {FINGERPRINT_BYTES} bytes")
        if self.chain is not None and (self.machine is None or self.tier is not Tier.LOSSLESS):
            raise InputError("only lossless pictures of the paper's models are chained")
        if self.plain is not None:
            if self.tier is not Tier.LOSSLESS or self.quality is not None:
                raise InputError("a plain picture is lossless and has no quality")
            if self.model_name or self.model_hash or self.codes or self.account or self.machine:
                raise InputError("a plain picture has neither a model nor codes")
        elif not MODEL_NAME.fullmatch(self.model_name):
            raise InputError(f"{self.model_name!r} is no model name")
        elif len(self.model_hash) != MODEL_HASH_BYTES:
            raise InputError(f"a model's hash takes {MODEL_HASH_BYTES} bytes")

    def tiles_codes(self) -> Codes:
        """The codes as those of tiles, in parts."""
        return Codes(self.codes, self.levels or PARTS, self.early)


def pack(stream: Stream) -> bytes:
    """Return the bytes of the file.

    Raises:
        InputError: a number in the account is negative or a section is too large.
    """
    parts = [_header(stream), *(part for _, part in _sections(stream)), bytes([END])]
    body = b"".join(parts)
    return body + zlib.crc32(body).to_bytes(4, "little")


def section_sizes(data: bytes, partial: bool = False) -> dict[str, int]:
    """Return the bytes that header, sections (kind and length included) and end take, by name; they add up to the file.

    Args:
        data: of a file that `unpack` takes.
        partial: likewise; what follows the last section that is there counts as the end.
    """
    reader = Reader(data, len(MAGIC) + 1)
    _read_header(reader)
    start = reader.position
    sizes = {"header": start}
    try:
        for kind, _ in read_sections(reader, partial):
            sizes[name_of(kind)] = reader.position - start
            start = reader.position
    except TruncatedError:
        if not partial:
            raise
    return sizes | ({"end": len(data) - start} if start < len(data) else {})


def unpack(data: bytes, partial: bool = False) -> Stream:
    """Read the bytes of a file; ancillary sections of unknown kind are skipped.

    Args:
        data: of the file.
        partial: a file that ends early will do, if its codes have begun.

    Raises:
        NotSvcError: it is a file of another format.
        UnsupportedError: it needs a newer reader.
        TruncatedError: it ends early.
        CorruptError: its checksum or a field is wrong.
    """
    check_start(data)
    reader = Reader(data, len(MAGIC) + 1)
    tier, colour, quality, tune, width, height, model_name, model_hash = _read_header(reader)
    sections: list[tuple[int, bytes]] = []
    early = False
    try:
        for section in read_sections(reader, partial):
            sections.append(section)
        body = data[: reader.position]
        if int.from_bytes(reader.take(4), "little") != zlib.crc32(body):
            raise CorruptError("the checksum is wrong: the file is damaged")
        if reader.more():
            raise CorruptError("bytes follow the end of the picture")
    except TruncatedError:
        early = True
        if not (partial and sections):
            raise
    contents = contents_of(sections)
    deep = bool(colour & DEEP)
    if deep != (Section.FINE in contents) and not early:
        raise CorruptError("the file contradicts itself about the bits of its samples")
    try:
        return Stream(
            tier=Tier(tier),
            colour=Colour(colour & ~DEEP),
            quality=quality or None,
            tune=None if tune is None else Tune(tune),
            width=width,
            height=height,
            model_name=model_name.decode("ascii"),
            model_hash=model_hash,
            codes=contents.get(Section.CODES, b""),
            account=_read_account(contents.get(Section.ACCOUNT, b"")),
            alpha=contents.get(Section.ALPHA),
            metadata=Metadata.of(contents),
            verdict=None if (verdict := contents.get(Section.GATE)) is None else Verdict(*_VERDICT.unpack(verdict)),
            plain=None if (plain := contents.get(Section.PLAIN)) is None else Plain.of(plain),
            fine=contents.get(Section.FINE, b"" if deep else None),
            flats=contents.get(Section.FLATS),
            machine=contents.get(Section.MACHINE),
            chain=contents.get(Section.CHAIN),
            levels=None if (cut := contents.get(Section.CUT)) is None else _read_cut(cut),
            early=early,
        )
    except (InputError, TruncatedError, ValueError, struct.error) as error:  # enums and codecs raise ValueError
        raise CorruptError(f"a field of the file is wrong: {error}") from error


def _read_header(reader: Reader) -> tuple[int, int, int, int | None, int, int, bytes, bytes]:
    """Tier, colour, quality, tune, width, height, the model's name and its hash, as they are written."""
    tier, colour, quality = reader.take(3)
    tune = reader.take(1)[0] if quality else None
    width, height = reader.varint(), reader.varint()
    model_name = reader.take(reader.take(1)[0])
    model_hash = reader.take(MODEL_HASH_BYTES if model_name else 0)
    return tier, colour, quality, tune, width, height, model_name, model_hash


def _header(stream: Stream) -> bytes:
    name = stream.model_name.encode("ascii")
    colour = stream.colour | (0 if stream.fine is None else DEEP)
    fields = bytes([VERSION, stream.tier, colour, stream.quality or 0])
    tune = b"" if stream.tune is None else bytes([stream.tune])
    size = varint(stream.width) + varint(stream.height)
    return MAGIC + fields + tune + size + bytes([len(name)]) + name + stream.model_hash


def _sections(stream: Stream) -> list[tuple[Section, bytes]]:
    contents: dict[Section, bytes | None] = {
        Section.CODES: None if stream.plain else stream.codes,
        Section.ACCOUNT: b"".join(map(_write_entry, stream.account)) or None,
        Section.ALPHA: stream.alpha,
        **stream.metadata.sections,
        Section.PLAIN: None if stream.plain is None else stream.plain.section,
        Section.FINE: stream.fine,
        Section.FLATS: stream.flats,
        Section.MACHINE: stream.machine,
        Section.CHAIN: stream.chain,
        Section.CUT: None if stream.levels is None else bytes([stream.levels]),
        Section.GATE: None if stream.verdict is None else _VERDICT.pack(*astuple(stream.verdict)),
    }
    return [
        (kind, bytes([kind]) + varint(len(content)) + content)
        for kind in sorted(contents)
        if (content := contents[kind]) is not None
    ]


def _read_cut(content: bytes) -> int:
    (levels,) = content
    return levels


def _write_entry(entry: Entry) -> bytes:
    return bytes([entry.coding << 7 | entry.variable]) + varint(entry.bits) + varint(entry.saved)


def _read_account(data: bytes) -> tuple[Entry, ...]:
    reader = Reader(data)
    entries = []
    while reader.more():
        key = reader.take(1)[0]
        entries.append(Entry(Variable(key & 0x7F), Coding(key >> 7), reader.varint(), reader.varint()))
        if len(entries) > len(Variable):  # before they take much more memory than their bytes
            raise ValueError("the account has more entries than there are variables")
    return tuple(entries)
