"""The section of a picture that is written without a model."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEAD = struct.Struct("<BI")


class Form(IntEnum):
    """How such a picture is written."""

    STORED = 0
    DEFLATED = 1
    WEBP = 2


@dataclass(frozen=True)
class Plain:
    """A picture that is written without a model.

    Attributes:
        form: of the content.
        checksum: CRC-32 of the pixels, alpha aside.
        content: what `codec/plain.py` reads and writes.
    """

    form: Form
    checksum: int
    content: bytes

    @classmethod
    def of(cls, section: bytes) -> Plain:
        """The picture of a section. Raises ValueError or struct.error for what is none."""
        form, checksum = _HEAD.unpack_from(section)
        return cls(Form(form), checksum, section[_HEAD.size :])

    @property
    def section(self) -> bytes:
        """The content of its section."""
        return _HEAD.pack(self.form, self.checksum) + self.content
