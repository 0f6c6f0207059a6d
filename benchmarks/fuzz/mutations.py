"""Changes of a draft that its checksum does not tell of."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

from ...bitstream.codes import Codes, join_parts
from ...bitstream.container import Coding, Variable
from ...bitstream.fields import varint
from ...bitstream.forms import Form
from ...bitstream.links import read_links
from ...bitstream.metadata import MAX_METADATA
from ...bitstream.sections import Section
from ...errors import StreamError
from .drafts import Draft, sealed

BYTES = (0, 1, 2, 3, 4, 5, 16, 50, 100, 101, 127, 128, 255)
SIDES = (0, 1, 2, 3, 7, 8, 16, 17, 31, 64, 65, 4096, 16383, 16384, 65535, 65536, (1 << 35) - 1)
NAMES = (b"", b"photo-7", b"selfvae-3-3", b"gate", b"photo-8", b"../photo-7", b"a" * 255, b"-", b"\xff\xfe", b"nul")
METADATA = (Section.ICC, Section.EXIF, Section.XMP, Section.TEXTS, Section.COMMENT, Section.PHOTOSHOP)
BOMBS = tuple(zlib.compress(bytes(size), 9) for size in (MAX_METADATA + 1, MAX_METADATA, 1 << 20))
KINDS = (*Section, 99, 127, 134, 255)
LINKS = (b"a", b"", b"/a", b"../a", b"a/../b", b"a//b", b"C:a", b"a\\b", b"\xff", b"a" * 5000)  # names of pictures
NUMBERS = (0, 1, 127, 128, (1 << 28) - 1, (1 << 35) - 1)

Mutation = Callable[[Draft, Random, Sequence[Draft]], None]


def mutant(rng: Random, draft: Draft, drafts: Sequence[Draft]) -> tuple[Draft, bytes]:
    """A draft changed in one place or a few, and the bytes of its stream; one in thirty has a wrong checksum.

    Args:
        rng: chooses what is changed.
        draft: stays as it is.
        drafts: from which parts are taken.
    """
    draft = draft.copy()
    rng.choice(MUTATIONS)(draft, rng, drafts)
    while rng.random() < 0.4:
        rng.choice(MUTATIONS)(draft, rng, drafts)
    body = draft.body()
    if rng.random() < 0.1:
        body = scrambled(rng, body)
    data = sealed(body)
    return draft, scrambled(rng, data) if rng.random() < 1 / 30 else data


def scrambled(rng: Random, data: bytes) -> bytes:
    """Bytes with some of them cut off, changed, deleted, inserted or repeated."""
    changed = bytearray(data)
    start, length = rng.randrange(len(data) + 1), rng.randrange(1, 9)
    match rng.randrange(7):
        case 0:
            del changed[start:]
        case 1:
            changed[start : start + 1] = bytes(byte ^ 1 << rng.randrange(8) for byte in changed[start : start + 1])
        case 2:
            changed[start : start + length] = rng.randbytes(length)
        case 3:
            del changed[start : start + length]
        case 4:
            changed[start:start] = rng.randbytes(length)
        case 5:
            changed[start:start] = changed[start : start + length]
        case 6:
            changed[start : start + length] = rng.choice((b"\0", b"\xff")) * length
    return bytes(changed)


def _field(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    draft.fields[rng.randrange(len(draft.fields))] = rng.choice(BYTES)
    if rng.random() < 0.3:  # a tune where there is no quality, or none where there is one
        draft.fields = draft.fields[:3] if len(draft.fields) > 3 else [*draft.fields, rng.randrange(3)]


def _sides(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    i = rng.randrange(2)
    match rng.randrange(4):
        case 0:
            draft.sides[i] = rng.choice(SIDES)
        case 1:
            draft.sides = [rng.choice(SIDES), rng.choice(SIDES)]
        case 2:
            draft.sides = draft.sides[::-1]
        case 3:
            draft.sides[i] = min(max(0, draft.sides[i] + rng.choice((-1, 1))), SIDES[-1])


def _model(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    match rng.randrange(4):
        case 0:
            draft.name = rng.choice(NAMES)
        case 1:
            draft.name = scrambled(rng, draft.name)[:255]
        case 2:
            draft.hash = scrambled(rng, draft.hash)
        case 3:
            draft.start = scrambled(rng, draft.start)


def _sections(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    sections = draft.sections
    i = rng.randrange(len(sections)) if sections else 0
    match rng.randrange(6):
        case 0:
            del sections[i : i + 1]
        case 1:
            sections[i:i] = sections[i : i + 1] * rng.choice((1, 300))
        case 2:
            sections[i : i + 1] = [(rng.choice(KINDS), content) for _, content in sections[i : i + 1]]
        case 3:
            rng.shuffle(sections)
        case 4:
            sections[i : i + 1] = [(k, b"") for k, _ in sections[i : i + 1]]
        case 5:
            sections.append((rng.randrange(1, 256), rng.randbytes(rng.randrange(20))))


def _content(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    if draft.sections:
        i = rng.randrange(len(draft.sections))
        kind, content = draft.sections[i]
        draft.sections[i] = kind, scrambled(rng, content)


def _splice(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    """A section of another stream, or the end of one."""
    other = rng.choice(drafts)
    if other.sections:
        kind, content = rng.choice(other.sections)
        own = draft.section(Section(kind)) if kind in set(Section) else b""
        at, start = (4 * rng.randrange(len(part) // 4 + 1) for part in (own, content))
        draft.put(Section(kind) if kind in set(Section) else Section.GATE, own[:at] + content[start:])


def _header_of_another(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    other = rng.choice(drafts)
    match rng.randrange(3):
        case 0:
            draft.fields = other.fields[:]
        case 1:
            draft.sides = other.sides[:]
        case 2:
            draft.fields, draft.sides, draft.name, draft.hash = other.fields[:], other.sides[:], other.name, other.hash


def _codes(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    codes = draft.section(Section.CODES)
    match rng.randrange(5):
        case 0:
            codes = _of_stack(b"\1\0\0\0" + rng.randbytes(4 * rng.randrange(400)))
        case 1:
            codes = _of_stack(rng.choice((b"\0", b"\xff", b"\1")) * 4 * rng.randrange(400))
        case 2:
            stack = _stack(codes)
            codes = _of_stack(stack[: 4 * rng.randrange(len(stack) // 4 + 1)])
        case 3:
            codes = scrambled(rng, codes)
        case 4:  # the words that are popped first
            stack, end = _stack(codes), 4 * rng.randrange(1, 8)
            codes = _of_stack(rng.randbytes(len(stack[:end])) + stack[end:])
    draft.put(Section.CODES, codes)


def _stack(codes: bytes) -> bytes:
    """That of a picture of one tile, or whatever there is."""
    try:
        return b"".join(Codes(codes).parts(1)[0])
    except StreamError:
        return codes[len(codes) % 4 :]


def _of_stack(stack: bytes) -> bytes:
    """The codes of a picture of one tile."""
    return join_parts([[stack, b"", b"", b""]])


def _account(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    entries = [
        bytes([rng.choice(tuple(Coding)) << 7 | rng.choice((*Variable, 1, 16, 23, 39, 127))])
        + varint(rng.choice(NUMBERS))
        + varint(rng.choice(NUMBERS))
        for _ in range(rng.choice((1, 3, 14, 15, 200)))
    ]
    draft.put(Section.ACCOUNT, b"".join(entries))


def _metadata(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    match rng.randrange(20):
        case 0:
            content = rng.choice(BOMBS)
        case 1 | 2 | 3:
            content = rng.randbytes(rng.randrange(40))
        case 4 | 5 | 6:
            content = zlib.compress(rng.randbytes(9)) + b"more"
        case 7 | 8 | 9:
            content = zlib.compress(bytes(99))[: rng.randrange(12)]
        case _:
            content = scrambled(rng, zlib.compress(rng.randbytes(rng.randrange(99))))
    draft.put(rng.choice(METADATA), content)


def _alpha(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    """A PNG put together by hand, with right checksums of its own."""
    width, height = (side if rng.random() < 0.8 else rng.choice(SIDES) % (1 << 32) for side in draft.sides)
    depth, colour, interlace = 8, 0, 0
    if rng.random() < 0.3:
        depth, colour, interlace = rng.choice((1, 8, 16)), rng.choice((0, 2, 3, 4, 6)), 1
    head = struct.pack(">IIBBBBB", width % (1 << 32), height % (1 << 32), depth, colour, 0, 0, interlace)
    rows = bytes([rng.choice((0, 0, 1, 4, 5))] + [7] * min(width, 99)) * min(height, 99)
    pixels = zlib.compress(rows if rng.random() < 0.6 else scrambled(rng, rows))
    chunks = [(b"IHDR", head), (b"IDAT", pixels if rng.random() < 0.6 else scrambled(rng, pixels)), (b"IEND", b"")]
    if rng.random() < 0.2:
        extra = rng.choice((b"acTL", b"fcTL", b"iCCP", b"zTXt", b"PLTE", b"tRNS", b"IHDR", b"IDAT", b"IEND"))
        chunks.insert(rng.randrange(4), (extra, rng.randbytes(rng.randrange(30))))
    png = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    draft.put(Section.ALPHA, b"\x89PNG\r\n\x1a\n" + png)


def _plain(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    """A plain picture of another form, checksum or content; a WebP whose head lies about its size."""
    section = draft.section(Section.PLAIN) or bytes(5)
    form, checksum, content = section[:1], section[1:5], section[5:]
    match rng.randrange(6):
        case 0:
            form = bytes([rng.choice((*Form, 3, 255))])
        case 1:
            checksum = rng.randbytes(4)
        case 2:
            content = scrambled(rng, content)
        case 3:
            form, content = bytes([Form.DEFLATED]), rng.choice(BOMBS[2:])
        case 4:
            form, content = bytes([Form.STORED]), bytes(rng.randrange(3000))
        case 5:
            lie = struct.pack("<BI", 0x2F, rng.randrange(1 << 32))
            form, content = bytes([Form.WEBP]), varint(len(lie) + 9) + lie + rng.randbytes(9)
    draft.put(Section.PLAIN, form + checksum + content)


def _chain(draft: Draft, rng: Random, drafts: Sequence[Draft]) -> None:
    """A picture of a chain with another name, checksum or file, or twice, or not."""
    try:
        links = [(link.name.encode(), link.checksum, link.file) for link in read_links(draft.section(Section.CHAIN))]
    except StreamError:
        links = [(b"a", 0, sealed(rng.choice(drafts).body()))]
    i = rng.randrange(len(links))
    name, checksum, file = links[i]
    match rng.randrange(5):
        case 0:
            links[i] = rng.choice(LINKS), checksum, file
        case 1:
            links[i] = name, rng.randrange(1 << 32), file
        case 2:
            with contextlib.suppress(StreamError):  # it may be damaged already
                links[i] = name, checksum, mutant(rng, Draft.of(file), drafts)[1]
        case 3:
            links.append((rng.choice(LINKS), checksum, sealed(rng.choice(drafts).body())))
        case 4:
            links[i : i + 1] = links[i : i + 1] * rng.choice((0, 2, 300))
    written = (
        varint(len(name)) + name + struct.pack("<I", checksum) + varint(len(file)) + file
        for name, checksum, file in links
    )
    draft.put(Section.CHAIN, varint(len(links)) + b"".join(written))


MUTATIONS: tuple[Mutation, ...] = (
    _field,
    _sides,
    _model,
    _sections,
    _content,
    _content,
    _splice,
    _header_of_another,
    _codes,
    _codes,
    _account,
    _metadata,
    _alpha,
    _plain,
    _chain,
)
