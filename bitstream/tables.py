"""Integer frequency tables of quantised latents, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import constriction
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ModelError

REACH = 12  # scales that the CDF table covers on either side
STEPS = 256  # entries of the CDF table per scale
PRECISION = 24  # fractional bits of the CDF and of the inverse scales
SCALES = 113
OFFSETS = 16  # offsets are in sixteenths of a step
VALUE_BITS = 21
LIMIT = 1 << (VALUE_BITS - 1)  # codable values lie in [-LIMIT, LIMIT)
COSTED = 255  # largest magnitude whose cost is tabulated

_FRACTION = PRECISION + 4 - 8  # arguments are in sixteenths times an inverse scale, the table's index in 256ths
_ESCAPE_FLOOR = 1 << 6  # 2^-18 of the total
_TAIL = 8  # scales that a scale's own symbols cover


class ResidualTables:
    """Frequencies of integers under one symmetric density at the scales `s_i = 2^(i/8 - 5)`, 0 <= i <= 112.

    At scale index i and offset f the integer n has mass P((n + f/16 + 1/2)/s_i) - P((n + f/16 - 1/2)/s_i). Symbol
    `n + reaches[i]` stands for it; the last symbol of the alphabet is an escape for everything beyond `reaches[i]`.

    Args:
        cdf: int (6145,), `round(2^24 * P(j/256 - 12))` for entry j.
        inverse_scales: int (113,), `round(2^24 / s_i)`.

    Raises:
        ModelError: the arrays have another shape or are no CDF and scales.
    """

    def __init__(self, cdf: NDArray[Any], inverse_scales: NDArray[Any]) -> None:
        if cdf.shape != (2 * REACH * STEPS + 1,) or inverse_scales.shape != (SCALES,):
            raise ModelError("the residual tables have the wrong shape")
        self._cdf = cdf.astype(np.int64)
        self._inverse_scales = inverse_scales.astype(np.int64)
        ascending = self._cdf[0] == 0 and self._cdf[-1] == 1 << PRECISION and bool((np.diff(self._cdf) >= 0).all())
        if not ascending or not ((self._inverse_scales > 0) & (self._inverse_scales < 1 << 30)).all():
            raise ModelError("the residual tables do not hold a CDF and positive scales")
        self.reaches: NDArray[np.int32] = ((_TAIL << PRECISION) // self._inverse_scales + 2).astype(np.int32)
        self._models: dict[tuple[int, int], Any] = {}

    @classmethod
    def generate(cls, cdf: Callable[[float], float]) -> ResidualTables:
        """Compute the tables of P = `cdf` in floats: for the export of a model, which then carries the integers."""
        arguments = (np.arange(2 * REACH * STEPS + 1) - REACH * STEPS) / STEPS
        inverse_scales = [round(2 ** (PRECISION + 5 - i / 8)) for i in range(SCALES)]
        return cls(
            np.array([round(cdf(x) * 2**PRECISION) for x in arguments], np.int32), np.array(inverse_scales, np.int64)
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arguments that rebuild these tables: `cdf` int32 (6145,) and `inverse_scales` int64 (113,)."""
        return {"cdf": self._cdf.astype(np.int32), "inverse_scales": self._inverse_scales.copy()}

    def frequencies(self, scale: int, offset: int = 0) -> NDArray[np.int64]:
        """Return the positive frequencies (2 * reaches[scale] + 2,) of one table; they add up to a little over 2^24."""
        reach = int(self.reaches[scale])
        edges = OFFSETS * np.arange(-reach, reach + 2, dtype=np.int64) + offset - OFFSETS // 2
        masses = np.diff(self._probability(edges * self._inverse_scales[scale]))
        return np.append(masses + 1, (1 << PRECISION) - masses.sum() + _ESCAPE_FLOOR)

    @cached_property
    def costs(self) -> NDArray[np.float32]:
        """Bits of the integers -255 .. 255 at every scale, offsets left out: float32 (113, 511)."""
        costs = np.empty((SCALES, 2 * COSTED + 1), np.float32)
        for scale, reach in enumerate(self.reaches.tolist()):
            frequencies = self.frequencies(scale)
            *own, escape = np.log2(frequencies.sum() / frequencies)
            costs[scale] = escape + VALUE_BITS
            inside = min(reach, COSTED)
            costs[scale, COSTED - inside : COSTED + inside + 1] = own[reach - inside : reach + inside + 1]
        return costs

    def model(self, scale: int, offset: int = 0) -> Any:
        """Return constriction's model of one table; it is built once."""
        key = scale, offset
        if key not in self._models:
            frequencies = self.frequencies(scale, offset).astype(np.float64)
            self._models[key] = constriction.stream.model.Categorical(frequencies, perfect=False)
        return self._models[key]

    def symbols(self, values: ArrayLike, scales: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Split values (n,) into table symbols int32 (n,) and those values that escape, int64 (m,), in order.

        Raises:
            InputError: a value lies outside [-2^20, 2^20), or there is not one for every scale.
        """
        whole = np.asarray(values, np.int64)
        if whole.shape != scales.shape:
            raise InputError(f"{whole.size} values do not go with {scales.size} scales")
        if ((whole < -LIMIT) | (whole >= LIMIT)).any():
            raise InputError(f"a value to be coded lies outside [{-LIMIT}, {LIMIT})")
        reaches = self.reaches[scales]
        escaped = np.abs(whole) > reaches
        return np.where(escaped, 2 * reaches + 1, whole + reaches).astype(np.int32), whole[escaped]

    def residual_bits(self, values: ArrayLike, scales: ArrayLike, offsets: ArrayLike | None = None) -> float:
        """Return the ideal cost in bits, escapes included, of what `Stack.push_residuals` codes with these arguments.

        Raises:
            InputError: as there.
        """
        order, groups = group(scales, offsets)
        symbols, escaped = self.symbols(values, np.asarray(scales, np.intp))
        symbols = symbols[order]
        bits = float(VALUE_BITS * len(escaped))
        for scale, offset, part in groups:
            frequencies = self.frequencies(scale, offset)
            bits += float(np.log2(frequencies.sum() / frequencies[symbols[part]]).sum())
        return bits

    def below(self, edges: NDArray[np.int64], scales: NDArray[Any]) -> NDArray[np.int64]:
        """Return the mass below edges in sixteenths, (n,), at scale indices (n,): 0 .. 2^24."""
        return self._probability(edges * self._inverse_scales[scales])

    def _probability(self, arguments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Interpolate the CDF at arguments in units of 2^-28: at large scales a step is finer than the table's."""
        position = np.clip(arguments + (REACH * STEPS << _FRACTION), 0, 2 * REACH * STEPS << _FRACTION)
        index = np.minimum(position >> _FRACTION, 2 * REACH * STEPS - 1)
        left, right = self._cdf[index], self._cdf[index + 1]
        rise = (right - left) * (position - (index << _FRACTION))
        interpolated: NDArray[np.int64] = left + (rise + (1 << (_FRACTION - 1)) >> _FRACTION)
        return interpolated


def group(scales: ArrayLike, offsets: ArrayLike | None) -> tuple[NDArray[np.intp], list[tuple[int, int, slice]]]:
    """Sort values by (scale, offset), keeping the order within a pair.

    Args:
        scales: int (n,), scale indices 0..112.
        offsets: int (n,), 0..15, or None for zeros.

    Returns:
        The order (n,) of the values, and scale, offset and place in that order of each group, ascending.

    Raises:
        InputError: a scale or offset is out of range, or there are not as many of both.
    """
    indices = np.asarray(scales, np.int64)
    sixteenths = np.zeros_like(indices) if offsets is None else np.asarray(offsets, np.int64)
    if indices.ndim != 1 or sixteenths.shape != indices.shape:
        raise InputError("scales and offsets must be one-dimensional and of one length")
    if ((indices < 0) | (indices >= SCALES) | (sixteenths < 0) | (sixteenths >= OFFSETS)).any():
        raise InputError("a scale or an offset is out of range")
    keys = (indices * OFFSETS + sixteenths).astype(np.int16)  # 16 bits: sorted by radix
    return np.argsort(keys, kind="stable"), list(_runs(np.bincount(keys)))


def _runs(counts: NDArray[np.intp]) -> Iterator[tuple[int, int, slice]]:
    ends = np.cumsum(counts)
    for key in np.flatnonzero(counts).tolist():
        scale, offset = divmod(key, OFFSETS)
        yield scale, offset, slice(int(ends[key] - counts[key]), int(ends[key]))
