"""Fields of a file: bytes and numbers, one after another."""

from __future__ import annotations

from ..errors import CorruptError, InputError, TruncatedError

_VARINT_BYTES = 5


class Reader:
    """Takes the bytes of a file one field at a time."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self.position = position

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return max(0, len(self._data) - self.position)

    def more(self) -> bool:
        """Whether bytes are left."""
        return self.left > 0

    def take(self, count: int) -> bytes:
        """The next bytes. Raises TruncatedError where there are fewer."""
        start, self.position = self.position, self.position + count
        if self.position > len(self._data):
            raise TruncatedError("the file ends early")
        return self._data[start : self.position]

    def varint(self) -> int:
        """The next number. Raises TruncatedError, and CorruptError for one that is malformed."""
        value = 0
        for place in range(_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if place and not byte:
                    break  # a longer way to write a shorter number
                return value
        raise CorruptError("the file holds a malformed number")


def varint(value: int) -> bytes:
    """A number as `Reader.varint` reads it. Raises InputError for one that is negative or takes more than 35 bits."""
    if not 0 <= value < 1 << 7 * _VARINT_BYTES:
        raise InputError(f"{value} can't be written to a file")
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)
