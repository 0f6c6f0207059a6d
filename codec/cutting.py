"""Streams of coarser pictures made of those of finer ones, without decoding any. Needs no torch."""

from __future__ import annotations

import builtins
from dataclasses import replace

from ..bitstream.codes import PARTS
from ..bitstream.container import Stream, Variable, pack, unpack
from ..errors import InputError
from .arguments import whole_number
from .memory import tells_out_of_memory
from .sources import Source, prefix, read_stream
from .tiers import SPECS
from .tiling import tiles_of

# By level: what is in its part of a tile's stack.
_VARIABLES = ((Variable.U, Variable.Y3), (Variable.Z3, Variable.Y2), (Variable.Z2, Variable.Y1))


@tells_out_of_memory
def cut(source: Source, levels: int | None = None, *, bytes: int | None = None) -> builtins.bytes:
    """An .svc file without the finest of its four levels: a smaller file, cut and not coded anew.

    In the lossy tiers it is decoded at the same size, with the model's mean of what was cut off; in `lossless` as the
    exact picture at a half (of three levels), a quarter or an eighth of its size. What was cut off takes its seals with
    it: of the pixels nothing says that they are right but the checksum of the file.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        levels: how many to keep, 1 to 3: u and y_3 alone, with z_3 (in `lossless` y_2), and with z_2 (y_1) too.
        bytes: instead of it, the most that the file may have: as many levels are kept as fit.

    Raises:
        InputError: the source can't be read, or a number is out of range, or more levels are asked for than the file
            has, or one takes more bytes; or there are no levels in it: it is plain, of sixteen bits, or of one of the
            paper's models.
        StreamError: it is no intact .svc file.
        OutOfMemoryError: memory ran out.
    """
    if (levels is None) == (bytes is None):
        raise InputError("how much is kept is said by levels or by bytes")
    data = read_stream(source)
    stream = unpack(data)
    there = stream.levels or PARTS
    if bytes is None:
        wanted = whole_number("levels", levels, 1, PARTS - 1)
        if wanted > there:
            raise InputError(f"{prefix(source)}the file has {there} levels, so {wanted} can't be kept")
        return _cut(stream, wanted, source)
    most = whole_number("bytes", bytes, 1)
    smaller = data
    while len(smaller) > most:
        there -= 1
        if not there:
            raise InputError(f"{prefix(source)}with one of its levels the file has {len(smaller)} bytes, not {most}")
        smaller = _cut(stream, there, source)
    return smaller


def _cut(stream: Stream, levels: int, source: Source) -> builtins.bytes:
    """A file with no more levels than these."""
    if stream.plain or stream.fine is not None or stream.machine:
        kind = "written without a model" if stream.plain else "of 16 bits" if stream.fine is not None else "of floats"
        raise InputError(f"{prefix(source)}the picture is {kind}: its codes have no levels that could be cut off")
    tiles = tiles_of((stream.height, stream.width), SPECS[stream.tier].exact)
    codes = stream.tiles_codes().cut(len(tiles), levels)
    kept = {variable for part in _VARIABLES[:levels] for variable in part}
    account = tuple(entry for entry in stream.account if entry.variable in kept)
    return pack(replace(stream, codes=codes, levels=levels, account=account))
