"""What svcodec codes: samples, alpha and metadata."""

from __future__ import annotations

from dataclasses import dataclass

from ...arrays import Deep, Pixels
from ...bitstream.metadata import NOTHING, Metadata


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as svcodec codes it.

    Attributes:
        pixels: uint8, or uint16 for samples of sixteen bits, of shape (h, w, 3) for RGB or (h, w) for grey.
        alpha: of the same type and of shape (h, w), or None.
        metadata: what its file carried; its EXIF begins with the TIFF header, without the `Exif\\0\\0` of JPEG.
        dropped: names of what its file carried and no .svc file holds.
    """

    pixels: Pixels | Deep
    alpha: Pixels | Deep | None = None
    metadata: Metadata = NOTHING
    dropped: tuple[str, ...] = ()
