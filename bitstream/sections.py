"""The sections of an .svc file by kind: critical below 128, ancillary from there on."""

from __future__ import annotations

from enum import IntEnum

END = 0
ANCILLARY = 128


class Section(IntEnum):
    """The kinds of section that this version knows."""

    CODES = 1
    ACCOUNT = 2
    ALPHA = 3
    ICC = 4
    EXIF = 5
    XMP = 6
    PLAIN = 7
    FINE = 8
    MACHINE = 9
    CUT = 10
    FLATS = 11
    CHAIN = 12
    GATE = 128
    RESOLUTION = 129
    TEXTS = 130
    COMMENT = 131
    PHOTOSHOP = 132
    MODIFIED = 133
