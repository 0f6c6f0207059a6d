"""ICC profiles: which pictures they are for, and profiles made where a file says its colours in another way."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_HEADER = 128
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # any, but always the same: profiles go into files
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SPACES = {True: b"GRAY", False: b"RGB "}
_RGB_CURVES = (b"rTRC", b"gTRC", b"bTRC")

SRGB_WHITE = (0.3127, 0.3290)
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def trimmed(profile: bytes) -> bytes:
    """A profile without what follows its end as its header gives it."""
    length = int.from_bytes(profile[:4], "big")
    return profile[:length] if _is_profile(profile) and _HEADER < length < len(profile) else profile


def fitting(profile: bytes, grey: bool) -> bytes | None:
    """A profile for a grey picture or one in colours: the same, or one that shows greys as it does, or None.

    Bytes that are no profile are handed on.
    """
    if not _is_profile(profile) or profile[16:20] == _SPACES[grey]:
        return profile
    if profile[16:20] not in _SPACES.values():
        return None
    elements = _elements(profile)
    if not grey:
        curve = elements.get(b"kTRC")
        return curve and of_primaries(SRGB_WHITE, SRGB_PRIMARIES, curve)
    curves = {elements.get(name, b"") for name in _RGB_CURVES}
    return of_grey(curves.pop()) if len(curves) == 1 and all(curves) else None


def of_primaries(
    white: tuple[float, float], primaries: Sequence[tuple[float, float]], curve: bytes, name: str = "RGB"
) -> bytes:
    """A profile of the RGB colours whose chromaticities (x, y) and curve are known.

    Raises:
        ValueError: the primaries are no triangle.
    """
    columns = np.stack([_xyz(*primary) for primary in primaries], axis=1)
    point = _xyz(*white)
    try:
        to_xyz = columns * np.linalg.solve(columns, point)
    except np.linalg.LinAlgError as error:
        raise ValueError("the primaries are no triangle") from error
    gains = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ point)
    adapted = np.linalg.solve(_BRADFORD, gains[:, None] * (_BRADFORD @ to_xyz))
    colorants = {name: _point(adapted[:, index]) for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return _profile(b"RGB ", {**colorants, **dict.fromkeys(_RGB_CURVES, curve)}, name)


def of_grey(curve: bytes) -> bytes:
    """A profile of greys with a curve."""
    return _profile(b"GRAY", {b"kTRC": curve}, "Grey")


def power_curve(exponent: float) -> bytes:
    """The curve of samples whose light is their value to an exponent, up to 255."""
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256))


def sampled_curve(light: Floats) -> bytes:
    """The curve that has these values, 0 to 1, at equal distances."""
    values = np.rint(np.clip(light, 0, 1) * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + values.tobytes()


def _xyz(x: float, y: float) -> Floats:
    if not (0 <= x <= 1 and 0 < y <= 1):
        raise ValueError(f"({x}, {y}) is no colour")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _point(xyz: Sequence[float] | Floats) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in xyz))


def _profile(space: bytes, elements: dict[bytes, bytes], name: str) -> bytes:
    ascii_name = name.encode("ascii") + b"\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(ascii_name)) + ascii_name + bytes(4 + 4 + 2 + 1 + 67)
    elements = {
        b"desc": description,
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _point(_D50),
        **elements,
    }
    start = _HEADER + 4 + 12 * len(elements)
    table, body = b"", b""
    places: dict[bytes, int] = {}
    for tag, element in elements.items():
        if element not in places:  # the three curves are one
            places[element] = start + len(body)
            body += element + bytes(-len(element) % 4)
        table += tag + struct.pack(">II", places[element], len(element))
    head = struct.pack(">4s4s4s4s", b"\x02\x40\0\0", b"mntr", space, b"XYZ ") + _DATE + b"acsp" + bytes(28)
    illuminant = _point(_D50)[8:]
    size = start + len(body)
    header = struct.pack(">I4x", size) + head + illuminant + bytes(48)
    return header + struct.pack(">I", len(elements)) + table + body


def _is_profile(profile: bytes) -> bool:
    return len(profile) > _HEADER and profile[36:40] == b"acsp"


def _elements(profile: bytes) -> dict[bytes, bytes]:
    count = int.from_bytes(profile[_HEADER : _HEADER + 4], "big")
    found = {}
    for index in range(min(count, 100)):
        place = _HEADER + 4 + 12 * index
        entry = profile[place : place + 12]
        if len(entry) == 12:
            tag, start, length = struct.unpack(">4sII", entry)
            found[tag] = profile[start : start + length]
    return found
