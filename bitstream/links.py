"""The section of a chain: the pictures that one stack holds, each by its name, as a file without codes."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import CorruptError, InputError
from .fields import Reader, varint

MAX_NAME = 1 << 12  # bytes
_CHECKSUM = struct.Struct("<I")
_NOT_RELATIVE = re.compile(r"[A-Za-z]:|.*[\\\0]", re.DOTALL)


@dataclass(frozen=True)
class Link:
    """A picture of a chain.

    Attributes:
        name: a relative path with slashes, none of its parts `.` or `..`.
        checksum: CRC-32 of its pixels, alpha aside.
        file: all else about it, as an .svc file whose codes are empty.

    Raises:
        InputError: the name is none.
    """

    name: str
    checksum: int
    file: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(f"a picture's name in a chain is text, not {self.name!r}")
        parts = self.name.split("/")
        if _NOT_RELATIVE.match(self.name) or PurePosixPath(self.name).is_absolute() or {"", ".", ".."} & {*parts}:
            raise InputError(f"{self.name!r} can't be a picture's name in a chain: it takes a relative path")
        try:
            length = len(self.name.encode())
        except UnicodeEncodeError as error:
            raise InputError(f"the name of a picture is no Unicode: {error}") from error
        if length > MAX_NAME:
            raise InputError(f"the name of a picture in a chain has at most {MAX_NAME} bytes")


def write_links(links: Sequence[Link]) -> bytes:
    """The content of the section, of pictures whose names differ."""
    return varint(len(links)) + b"".join(map(_written, links))


def _written(link: Link) -> bytes:
    name = link.name.encode()
    return varint(len(name)) + name + _CHECKSUM.pack(link.checksum) + varint(len(link.file)) + link.file


def read_links(section: bytes) -> list[Link]:
    """What `write_links` was given. Raises StreamError for a section that has something else."""
    reader = Reader(section)
    count = reader.varint()
    links: list[Link] = []
    try:
        while len(links) < count:
            name = reader.take(reader.varint()).decode()
            (checksum,) = _CHECKSUM.unpack(reader.take(_CHECKSUM.size))
            links.append(Link(name, checksum, reader.take(reader.varint())))
    except (InputError, UnicodeDecodeError) as error:
        raise CorruptError(f"the chain's pictures can't be read: {error}") from error
    if reader.more() or not links or len({link.name for link in links}) < len(links):
        raise CorruptError("the chain has no pictures, one of them twice, or something behind them")
    return links
