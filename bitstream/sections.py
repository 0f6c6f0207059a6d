"""The sections of an .svc file by kind: critical below 128, ancillary from there on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise

from ..errors import CorruptError, UnsupportedError
from .fields import Reader

END = 0
ANCILLARY = 128


class Section(IntEnum):
    """The kinds of section that this version knows."""

    CODES = 1
    ACCOUNT = 2
    ALPHA = 3
    ICC = 4
    EXIF = 5
    XMP = 6
    PLAIN = 7
    FINE = 8
    MACHINE = 9
    CUT = 10
    FLATS = 11
    CHAIN = 12
    GATE = 128
    RESOLUTION = 129
    TEXTS = 130
    COMMENT = 131
    PHOTOSHOP = 132
    MODIFIED = 133


def name_of(kind: int) -> str:
    """What a section of that kind is called."""
    return Section(kind).name.lower() if kind in set(Section) else f"kind {kind}"


def read_sections(reader: Reader, partial: bool) -> Iterator[tuple[int, bytes]]:
    """Kinds and contents up to the end; where a part will do, what there is of the codes too.

    Raises:
        TruncatedError: the file ends early.
        CorruptError: a length is malformed, or there are too many.
    """
    count = 0
    while kind := reader.take(1)[0]:
        if count == 255:
            raise CorruptError("the file has more sections than there are kinds")
        count += 1
        length = reader.varint()
        part = partial and kind == Section.CODES
        yield kind, reader.take(min(length, reader.left) if part else length)


def contents_of(sections: Sequence[tuple[int, bytes]]) -> dict[Section, bytes]:
    """The contents of known sections; ancillary ones of unknown kind are skipped.

    Raises:
        CorruptError: they are not in order, or not those of one picture.
        UnsupportedError: one needs a newer reader.
    """
    kinds = [kind for kind, _ in sections]
    if any(left >= right for left, right in pairwise(kinds)):
        raise CorruptError("the file's sections are not in order")
    unknown = [kind for kind in kinds if kind < ANCILLARY and kind not in set(Section)]
    if unknown:
        raise UnsupportedError(f"the file has a section of kind {unknown[0]}, which takes a newer reader")
    if (Section.CODES in kinds) == (Section.PLAIN in kinds):
        raise CorruptError("the file has no coded data, or a picture in two ways")
    return {Section(kind): content for kind, content in sections if kind in set(Section)}
