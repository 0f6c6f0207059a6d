"""Colours that a file gives as numbers, as an ICC profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from . import icc

_SRGB_GAMMA = 0.45455  # what PNG says of sRGB, whose curve is none of a power
_CLOSE = 0.002
_D65 = icc.SRGB_WHITE
_UNSPECIFIED = 2
# By the numbers of ITU-T H.273: white, then red, green and blue.
_PRIMARIES: dict[int, tuple[tuple[float, float], Sequence[tuple[float, float]], str]] = {
    1: (_D65, icc.SRGB_PRIMARIES, "BT.709"),
    4: ((0.310, 0.316), ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), "BT.470 M"),
    5: (_D65, ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), "BT.470 BG"),
    6: (_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), "SMPTE 170M"),
    7: (_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), "SMPTE 240M"),
    9: (_D65, ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), "BT.2020"),
    11: ((0.314, 0.351), ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), "DCI-P3"),
    12: (_D65, ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), "Display P3"),
}
_SAMPLES = np.linspace(0, 1, 1024)


def _srgb() -> bytes:
    return icc.sampled_curve(np.where(_SAMPLES <= 0.04045, _SAMPLES / 12.92, ((_SAMPLES + 0.055) / 1.055) ** 2.4))


def _bt709() -> bytes:
    return icc.sampled_curve(np.where(_SAMPLES < 0.081, _SAMPLES / 4.5, ((_SAMPLES + 0.099) / 1.099) ** (1 / 0.45)))


_CURVES: dict[int, Callable[[], bytes]] = {
    1: _bt709,
    4: lambda: icc.power_curve(2.2),
    5: lambda: icc.power_curve(2.8),
    6: _bt709,
    8: lambda: icc.power_curve(1),
    13: _srgb,
    14: _bt709,
    15: _bt709,
}
# BT.709 with its own curve is what viewers show as sRGB.
_PLAIN_CURVES = (1, 6, 13, 14, 15, _UNSPECIFIED)
_HIGH_RANGE = {16: "PQ", 18: "HLG"}


def of_gamma(gamma: float | None, chromaticities: Sequence[float] | None, grey: bool) -> bytes | None:
    """The profile of a PNG's gAMA and cHRM, or None where they say sRGB.

    Args:
        gamma: of the file, the exponent's inverse.
        chromaticities: x and y of white, red, green and blue.
        grey: whether the picture is.

    Raises:
        ValueError: they are no colours.
    """
    of_srgb = (*icc.SRGB_WHITE, *(value for primary in icc.SRGB_PRIMARIES for value in primary))
    plain = chromaticities is None or np.allclose(chromaticities, of_srgb, rtol=0, atol=_CLOSE)
    plain_curve = gamma is None or abs(gamma - _SRGB_GAMMA) < _CLOSE
    if plain_curve and (plain or grey):
        return None
    if gamma is not None and not 1 / 255 <= gamma <= 255:
        raise ValueError(f"a gamma of {gamma} is none")
    curve = _srgb() if gamma is None else icc.power_curve(1 / gamma)
    if grey:
        return icc.of_grey(curve)
    x_and_y = of_srgb if chromaticities is None else chromaticities
    white, *primaries = zip(x_and_y[::2], x_and_y[1::2], strict=True)
    return icc.of_primaries(white, primaries, curve, "PNG gAMA and cHRM")


def of_code_points(primaries: int, transfer: int, grey: bool) -> bytes | None:
    """The profile of colours by their numbers in H.273, or None where they are sRGB or not specified.

    Raises:
        ValueError: no profile says what these are; the text names them.
    """
    if transfer in _HIGH_RANGE:
        raise ValueError(f"{_HIGH_RANGE[transfer]} (high dynamic range)")
    if primaries in (1, _UNSPECIFIED) and transfer in _PLAIN_CURVES:
        return None
    if transfer == _UNSPECIFIED:
        transfer = 13
    if transfer not in _CURVES or (primaries != _UNSPECIFIED and primaries not in _PRIMARIES):
        raise ValueError(f"code points {primaries} and {transfer}")
    curve = _CURVES[transfer]()
    if grey:
        return icc.of_grey(curve)
    white, triangle, name = _PRIMARIES[1 if primaries == _UNSPECIFIED else primaries]
    return icc.of_primaries(white, triangle, curve, name)
