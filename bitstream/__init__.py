"""The .svc file and its entropy coder; knows nothing of networks."""

from .container import Coding, Colour, Entry, Stream, Tier, Variable, Verdict, pack, section_sizes, unpack
from .stack import Stack, symbol_bits
from .tables import ResidualTables

__all__ = [
    "Coding",
    "Colour",
    "Entry",
    "ResidualTables",
    "Stack",
    "Stream",
    "Tier",
    "Variable",
    "Verdict",
    "pack",
    "section_sizes",
    "symbol_bits",
    "unpack",
]
