"""What each variable adds to the codes of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..bitstream.container import Coding, Entry, Variable
from ..bitstream.stack import Stack


def level_variable(k: int) -> Variable:
    """y_k."""
    return Variable[f"Y{k}"]


def latent_variable(k: int) -> Variable:
    """z_k."""
    return Variable[f"Z{k}"]


@dataclass(frozen=True)
class Coded:
    """A picture in codes.

    Attributes:
        codes: the section of its file.
        account: what each variable took in them.
        flats: areas of one colour beside them, as the section of the file.
    """

    codes: bytes
    account: tuple[Entry, ...]
    flats: bytes | None = None


class Ledger:
    """Counts the bits that pushes add to stacks, variable by variable."""

    def __init__(self) -> None:
        self._entries: dict[Variable, Entry] = {}

    @contextmanager
    def counting(self, stack: Stack, variable: Variable, coding: Coding = Coding.DIRECT) -> Iterator[None]:
        """Book what happens to the stack inside on a variable; one that was coded in both ways counts as bits-back."""
        before = stack.bits
        yield
        self.book(Entry(variable, coding, stack.bits - before, 0))

    def saved(self, variable: Variable, bits: int) -> None:
        """Note how many bits a variable would have taken more, coded in the other way."""
        self.book(Entry(variable, Coding.DIRECT, 0, bits))

    def account(self) -> tuple[Entry, ...]:
        """In the order of the variables; chance can make bits-back cost less than nothing, which counts as nothing."""
        return tuple(
            Entry(entry.variable, entry.coding, max(0, entry.bits), entry.saved)
            for _, entry in sorted(self._entries.items())
        )

    def book(self, new: Entry) -> None:
        """Add what a variable took."""
        old = self._entries.get(new.variable, Entry(new.variable, new.coding, 0, 0))
        coding = max(old.coding, new.coding)
        self._entries[new.variable] = Entry(new.variable, coding, old.bits + new.bits, old.saved + new.saved)
