"""A stream in its parts, none of them checked: what a hostile program would put together."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

from ...bitstream.container import MODEL_HASH_BYTES
from ...bitstream.fields import Reader, varint
from ...bitstream.sections import Section
from ...bitstream.start import MAGIC


@dataclass
class Draft:
    """The parts of a stream.

    Attributes:
        start: magic and version.
        fields: tier, colour and quality, and the tune where there is a quality.
        sides: width and height, 0 or more.
        name: of the model, at most 255 bytes.
        hash: of the model.
        sections: kind, 1..255, and content of each.
    """

    start: bytes
    fields: list[int]
    sides: list[int]
    name: bytes
    hash: bytes
    sections: list[tuple[int, bytes]]

    @classmethod
    def of(cls, data: bytes) -> Draft:
        """The parts of a good stream."""
        reader = Reader(data)
        start = reader.take(len(MAGIC) + 1)
        fields = list(reader.take(3))
        if fields[2]:
            fields += reader.take(1)
        sides = [reader.varint(), reader.varint()]
        name = reader.take(reader.take(1)[0])
        hash_ = reader.take(MODEL_HASH_BYTES if name else 0)
        sections = []
        while kind := reader.take(1)[0]:
            sections.append((kind, reader.take(reader.varint())))
        return cls(start, fields, sides, name, hash_, sections)

    def copy(self) -> Draft:
        """Another draft, to be changed without changing this one."""
        return replace(self, fields=self.fields[:], sides=self.sides[:], sections=self.sections[:])

    def section(self, kind: Section) -> bytes:
        """The content of the first section of a kind; empty where there is none."""
        return next((content for found, content in self.sections if found == kind), b"")

    def put(self, kind: Section, content: bytes) -> None:
        """Let a section of that kind have this content, in its place or where it belongs."""
        self.sections = sorted([(k, c) for k, c in self.sections if k != kind] + [(kind, content)], key=lambda s: s[0])

    def body(self) -> bytes:
        """The stream's bytes up to its checksum."""
        sides = b"".join(map(varint, self.sides))
        head = self.start + bytes(self.fields) + sides + bytes([len(self.name)]) + self.name + self.hash
        return head + b"".join(bytes([k]) + varint(len(c)) + c for k, c in self.sections) + b"\0"


def sealed(body: bytes) -> bytes:
    """A body with its checksum."""
    return body + zlib.crc32(body).to_bytes(4, "little")
