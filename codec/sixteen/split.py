"""Pictures of sixteen bits: upper bits that are coded as a picture of eight, and the section that adds the lower ones.

docs/design.md says why. Needs no torch.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from ...arrays import Deep, Pixels
from ...bitstream.fields import Reader, varint
from ...bitstream.stack import check_seal, checksum
from ...bitstream.values import Values
from ...errors import CorruptError, StreamError
from . import fine


class Split:
    """A picture as it is coded.

    Attributes:
        coarse: the picture of eight bits, (h, w, 3), or (h, w) for grey.
        deep: whether there are lower bits beside it.
    """

    def __init__(self, pixels: Pixels | Deep) -> None:
        self.deep = pixels.dtype == np.uint16
        if not self.deep:
            self.coarse = cast(Pixels, pixels)
            return
        self._samples = cast(Deep, pixels)
        self._values = Values.of(self._samples)
        self._ranks = self._values.ranks(self._samples)
        self.coarse = (self._ranks >> self._values.shift).astype(np.uint8)

    def section(self, effort: int) -> bytes | None:
        """What `joined` takes beside the coarse picture; None for a picture of eight bits.

        Args:
            effort: 1..9.
        """
        if not self.deep:
            return None
        seal = checksum(self._samples.astype("<u2"))
        codes = fine.encode(self._ranks, self._values.shift, effort, seal)
        return varint(len(self._values.table)) + self._values.table + codes


def joined(section: bytes, coarse: Pixels) -> Deep:
    """The picture of sixteen bits, of the shape of its coarse one.

    Raises:
        StreamError: the section is not that of a picture with these upper bits.
    """
    reader = Reader(section)
    try:
        values = Values.of_table(reader.take(reader.varint()))
    except StreamError as error:
        raise CorruptError(f"the lower bits of the picture can't be read: {error}") from error
    ranks, seal = fine.decode(section[reader.position :], coarse, values.shift)
    samples = values.samples(ranks)
    check_seal(seal, samples.astype("<u2"))
    return samples
