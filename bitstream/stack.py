"""The entropy coder: an ANS stack holds the coded variables of a tile or file. What is pushed last is popped first."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import constriction
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Deep, Pixels
from ..errors import CorruptError, InputError, TruncatedError
from .gaussian_windows import DRAWN, PUSHED, windows_of
from .tables import LIMIT, VALUE_BITS, ResidualTables, group

_BLOCK = 1 << 16  # symbols popped between two looks at what is left
_SEAL_BITS = 32
_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)


class Stack:
    """A stack of symbols that grows by each one's cost in bits and shrinks by it again.

    ANS itself does not notice that it is empty, so a 32-bit seal lies beneath all else: `seal` comes before the first
    push and `unseal` after the last pop, and no pop in between may reach into it.

    Attributes:
        tables: the model's, of its latents' density.
        least: the fewest bits that any pop left.
    """

    def __init__(self, tables: ResidualTables) -> None:
        self.tables = tables
        self.least = 1 << 62
        self._coder: Any = constriction.stream.stack.AnsCoder()

    @classmethod
    def from_bytes(cls, data: bytes, tables: ResidualTables) -> Stack:
        """Restore a stack from what `to_bytes` returned, or from a beginning of it, which holds what lies on top.

        Raises:
            CorruptError: no stack has these bytes.
        """
        if len(data) % 4 or (data and not any(data[:4])):
            raise CorruptError("the coded data is no sequence of 32-bit words with a first one that is not zero")
        stack = cls(tables)
        stack._coder = constriction.stream.stack.AnsCoder(np.frombuffer(data, "<u4")[::-1].astype(np.uint32))
        return stack

    def copy(self) -> Stack:
        """Return another stack that holds the same."""
        other = Stack(self.tables)
        other._coder = self._coder.clone()
        return other

    def to_bytes(self) -> bytes:
        """Return the stack as little-endian 32-bit words, from its top to its bottom; it stays as it is."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words[::-1].astype("<u4").tobytes()

    @property
    def position(self) -> int:
        """How many words from the bottom are needed only for what has been pushed up to now."""
        return int(self._coder.pos()[0])

    def parts(self, positions: Sequence[int]) -> list[bytes]:
        """`to_bytes` cut at ascending positions: the first part has what was pushed since the last of them."""
        data = self.to_bytes()
        cuts = [len(data), *(len(data) - 4 * position for position in positions), 0]
        return [data[start:end] for end, start in pairwise(cuts)][::-1]

    @property
    def bits(self) -> int:
        """The number of bits that the stack holds now, its seal included."""
        return int(self._coder.num_valid_bits())

    def seal(self, value: int, borrowed: int = 0) -> None:
        """Put a 32-bit value on the empty stack, and above it words that bits-back may draw with.

        Args:
            value: 0 .. 2^32 - 1.
            borrowed: how many words of 32 bits: of a known sequence, the first one on top.

        Raises:
            InputError: the stack is not empty, or the value is not in [0, 2^32).
        """
        if not self._coder.is_empty() or not 0 <= value < 1 << _SEAL_BITS:
            raise InputError("a seal is a 32-bit value, and the first on its stack")
        # The word 1 above it keeps leading zeros of the value, and is where the coder's normalised states begin.
        words = np.concatenate([np.array([value, 1], np.uint32), _borrowed(borrowed)])
        self._coder = constriction.stream.stack.AnsCoder(words)

    def return_borrowed(self, count: int) -> None:
        """Take away the lowest of the words that `seal` lent, which nothing has drawn with."""
        words = self._coder.get_compressed()
        self._coder = constriction.stream.stack.AnsCoder(np.delete(words, slice(2, 2 + count)))

    def unseal(self, lent: bool = False) -> int:
        """Take the seal off, which leaves the stack empty, and return its value.

        Args:
            lent: whether there may be borrowed words above it.

        Raises:
            CorruptError: the stack holds anything else.
        """
        words = self._coder.get_compressed()
        above = _borrowed(len(words) - 2 if lent and len(words) > 2 else 0)
        if len(words) < 2 or words[1] != 1 or not np.array_equal(words[2:], above):
            raise CorruptError("the coded data does not end where it should")
        self._coder.clear()
        return int(words[0])

    def push_symbols(self, symbols: ArrayLike, frequencies: ArrayLike) -> None:
        """Push symbols, each under a table of its own.

        Args:
            symbols: int (n,), each in [0, alphabet).
            frequencies: float32 (n, alphabet), integers >= 0 that add up to between 1 and 2^24 in each row. A symbol
                of frequency 0 can still be coded, at about 24 bits.

        Raises:
            InputError: a symbol is not in the alphabet, or there is not one for every row.
        """
        indices, rows = _checked(symbols, frequencies)
        self._coder.encode_reverse(indices, _CATEGORICAL, rows)

    def pop_symbols(self, frequencies: ArrayLike) -> NDArray[np.int32]:
        """Pop and return the symbols int32 (n,) that were pushed with these frequencies (n, alphabet).

        Raises:
            TruncatedError: the stack holds less.
        """
        rows = np.ascontiguousarray(frequencies, np.float32)
        return self._pop(len(rows), lambda part: self._coder.decode(_CATEGORICAL, rows[part]))

    def push_residuals(self, values: ArrayLike, scales: ArrayLike, offsets: ArrayLike | None = None) -> None:
        """Push integers under the latents' density, about zero.

        Args:
            values: int (n,), each in [-2^20, 2^20).
            scales: int (n,), each value's scale index 0..112.
            offsets: int (n,), 0..15: the value plus offset / 16 has that density. None stands for zeros.

        Raises:
            InputError: an argument is out of range, or they differ in length.
        """
        order, groups = group(scales, offsets)
        symbols, escaped = self.tables.symbols(values, np.asarray(scales, np.intp))
        symbols = symbols[order]
        self._push_escaped(escaped)
        for scale, offset, part in reversed(groups):
            self._coder.encode_reverse(symbols[part], self.tables.model(scale, offset))

    def pop_residuals(self, scales: ArrayLike, offsets: ArrayLike | None = None) -> NDArray[np.int32]:
        """Pop and return the values int32 (n,) that were pushed with these scales and offsets.

        Raises:
            InputError: a scale or offset is out of range, or they differ in length.
            TruncatedError: the stack holds less.
        """
        order, groups = group(scales, offsets)
        symbols = np.empty(len(order), np.int32)
        for scale, offset, part in groups:
            symbols[order[part]] = self._pop_same(part.stop - part.start, self.tables.model(scale, offset))
        reaches = self.tables.reaches[np.asarray(scales, np.intp)]
        values = symbols - reaches
        escaped = values > reaches
        values[escaped] = self._pop_escaped(escaped)
        return values

    def push_gaussians(self, values: ArrayLike, means: ArrayLike, deviations: ArrayLike) -> None:
        """Push integers, each under a discretised Gaussian of its own. How it rounds is the machine's.

        Args:
            values: int (n,), each in [-2^20, 2^20); 21 bits more for one 2^13 and 8 deviations from its mean.
            means: float64 (n,), finite.
            deviations: float64 (n,), positive.
        """
        whole = np.asarray(values, np.int64)
        for window in reversed(windows_of(means, deviations, PUSHED)):
            own = whole[window.part]
            symbols = np.clip(own - window.centres, -window.half, window.half - 1).astype(np.int32)
            self._push_escaped(own[window.is_end(symbols)])
            self._coder.encode_reverse(symbols, window.model, *window.parameters)

    def pop_gaussians(self, means: ArrayLike, deviations: ArrayLike) -> NDArray[np.int32]:
        """Pop and return the integers int32 (n,) that were pushed with these arguments.

        Raises:
            TruncatedError: the stack holds less.
        """
        values = np.empty(np.size(means), np.int32)
        for window in windows_of(means, deviations, PUSHED):
            symbols = self._pop_each(window.model, *window.parameters)
            own, escaped = window.centres + symbols, window.is_end(symbols)
            own[escaped] = self._pop_escaped(escaped)
            values[window.part] = own
        return values

    def draw_gaussians(self, means: ArrayLike, deviations: ArrayLike) -> NDArray[np.int32]:
        """Draw integers int32 (n,) in [-2^20, 2^20) with bits of the stack, from windows of 8 to 16 deviations around.

        Every symbol of a distribution has some mass, however far it is: what is drawn should be no such chance.

        Args:
            means, deviations: as for `push_gaussians`.

        Raises:
            TruncatedError: the stack holds less.
        """
        values = np.empty(np.size(means), np.int32)
        for window in windows_of(means, deviations, DRAWN):
            values[window.part] = window.centres + self._pop_each(window.model, *window.parameters)
        return values

    def give_back_gaussians(self, values: ArrayLike, means: ArrayLike, deviations: ArrayLike) -> None:
        """Inverse of `draw_gaussians`.

        Raises:
            CorruptError: it never draws one of the values.
        """
        whole = np.asarray(values, np.int64)
        for window in reversed(windows_of(means, deviations, DRAWN)):
            symbols = np.ascontiguousarray(whole[window.part] - window.centres, np.int32)
            if ((symbols < -window.half) | (symbols >= window.half)).any():
                raise CorruptError("the coded data gives back what nothing can have drawn")
            self._coder.encode_reverse(symbols, window.model, *window.parameters)

    def push_uniform(self, values: ArrayLike, bits: int) -> None:
        """Push integers (n,) that take the given number of bits each.

        Args:
            values: int (n,), each in [0, 2^bits).
            bits: 1..16.

        Raises:
            InputError: an argument is out of range.
        """
        whole = np.asarray(values, np.int64)
        if not 1 <= bits <= 16 or whole.ndim != 1 or ((whole < 0) | (whole >= 1 << bits)).any():
            raise InputError("uniform values take 1 to 16 bits, and must fit into them")
        self._push_uniform(whole, bits)

    def pop_uniform(self, count: int, bits: int) -> NDArray[np.int32]:
        """Pop and return count integers int32 (count,) of 1 to 16 bits.

        Raises:
            InputError: bits is out of range.
            TruncatedError: the stack holds less.
        """
        if not 1 <= bits <= 16:
            raise InputError("uniform values take 1 to 16 bits")
        return self._pop_uniform(count, bits)

    def _push_escaped(self, values: NDArray[np.int64]) -> None:
        """Values as they are, in [-2^20, 2^20), that other symbols only announce."""
        self._push_uniform(values + LIMIT, VALUE_BITS)

    def _pop_escaped(self, escaped: NDArray[np.bool_]) -> NDArray[np.int32]:
        """As many as were announced."""
        return self._pop_uniform(int(np.count_nonzero(escaped)), VALUE_BITS) - LIMIT

    def _push_uniform(self, values: NDArray[np.int64], bits: int) -> None:
        self._coder.encode_reverse(values.astype(np.int32), constriction.stream.model.Uniform(1 << bits))

    def _pop_uniform(self, count: int, bits: int) -> NDArray[np.int32]:
        return self._pop_same(count, constriction.stream.model.Uniform(1 << bits))

    def _pop_same(self, count: int, model: Any) -> NDArray[np.int32]:
        return self._pop(count, lambda part: self._coder.decode(model, part.stop - part.start))

    def _pop_each(self, model: Any, *parameters: NDArray[np.float64]) -> NDArray[np.int32]:
        return self._pop(
            len(parameters[0]), lambda part: self._coder.decode(model, *(values[part] for values in parameters))
        )

    def _pop(self, count: int, decode: Callable[[slice], NDArray[np.int32]]) -> NDArray[np.int32]:
        """Pop block by block, so that a short stack that claims to hold a large picture fails at once."""
        symbols = np.empty(count, np.int32)
        for start in range(0, count, _BLOCK):
            part = slice(start, min(start + _BLOCK, count))
            symbols[part] = decode(part)
            self.least = min(self.least, self.bits)
            if self.least < _SEAL_BITS:
                raise TruncatedError("the coded data runs out early")
        return symbols


def checksum(pixels: Pixels | Deep) -> int:
    """CRC-32 of decoded pixels: the seal of their stack."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)


def check_seal(seal: int, pixels: Pixels | Deep) -> None:
    """Raise CorruptError unless a seal is that of these decoded pixels."""
    if seal != checksum(pixels):
        raise CorruptError("the decoded picture is not the one that was encoded: its checksum differs")


def symbol_bits(symbols: ArrayLike, frequencies: ArrayLike) -> float:
    """Return the ideal cost in bits of what `Stack.push_symbols` codes with these arguments.

    A frequency of 0 counts as 2^-24 of its row's total, which is what the coder makes of it.

    Raises:
        InputError: a symbol is not in the alphabet, or there is not one for every row.
    """
    indices, rows = _checked(symbols, frequencies)
    totals = rows.sum(axis=1, dtype=np.float64)
    return float(np.log2(totals / np.maximum(rows[np.arange(len(indices)), indices], totals * 2.0**-24)).sum())


def _borrowed(count: int) -> NDArray[np.uint32]:
    """Words of a known sequence, the first one last, which is not zero: SplitMix64's upper halves."""
    state = np.arange(count, 0, -1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state >> np.uint64(32)).astype(np.uint32)


def _checked(symbols: ArrayLike, frequencies: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rows = np.ascontiguousarray(frequencies, np.float32)
    indices = np.asarray(symbols, np.int64)
    if rows.ndim != 2 or indices.shape != rows.shape[:1] or ((indices < 0) | (indices >= rows.shape[1])).any():
        raise InputError("every symbol needs a row of frequencies with a place for it")
    return indices.astype(np.int32), rows
