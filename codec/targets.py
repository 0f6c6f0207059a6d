"""Targets: the quality at which a file is as large, or a picture as good, as is asked for, found in few encodings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..arrays import Pixels
from ..errors import InputError
from . import measures
from .arguments import is_truth_value
from .tiers import QUALITIES, TierSpec

Encode = Callable[[int], bytes]  # a file by its quality
Decode = Callable[[bytes], Pixels]


class Kind(NamedTuple):
    """What may be aimed at.

    Attributes:
        of_size: it is the most that a file may have; otherwise the least that a picture must have.
        slope: by how much it, or log2 of a size, grows about with the quality.
        tolerance: what is so near needs no further encodings.
        least, most: values that it may have.
    """

    of_size: bool
    slope: float
    tolerance: float
    least: float
    most: float


PATIENCE = 2  # tries that may leave more than half of the qualities open, before these are halved

KINDS = {
    "bytes": Kind(True, 0.04, 0.02, 1, math.inf),
    "bpp": Kind(True, 0.04, 0.02, 0, math.inf),
    "psnr": Kind(False, 0.12, 0.05, 0, 100),
    "ssimulacra2": Kind(False, 0.8, 0.3, -1000, 100),
}


@dataclass(frozen=True)
class Target:
    """What a file or the picture decoded from it shall have.

    Attributes:
        name: of KINDS.
        value: bytes or bits per pixel, of the whole file; dB; or the score.
    """

    name: str
    value: float

    @classmethod
    def of(cls, given: dict[str, Any], spec: TierSpec, quality: int | None) -> Target | None:
        """The target of arguments by name, None where there is none.

        Raises:
            InputError: there are several, or a quality too; or it is out of range; or the tier takes no quality.
        """
        named = {name: value for name, value in given.items() if value is not None}
        if not named:
            return None
        both = [*named, *(["quality"] if quality is not None else [])]
        if len(both) > 1:
            raise InputError(f"one of {', '.join(both)} is enough: each says what the quality is")
        name, value = next(iter(named.items()))
        if spec.quality is None:
            raise InputError(f"tier {spec.name} takes no quality, so there is none to reach {name} with")
        kind = KINDS[name]
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError) as error:
            raise InputError(f"{name} must be a number of a float's range, not {value!r}") from error
        if not (kind.least <= number <= kind.most and math.isfinite(number)) or is_truth_value(value):
            upper = "" if math.isinf(kind.most) else f" to {kind.most:g}"
            raise InputError(f"{name} must be a number from {kind.least:g}{upper}, not {value!r}")
        return cls(name, number)

    def reached(self, encode: Encode, decode: Decode, original: Pixels, start: int) -> bytes:
        """The file of the best quality that is no larger, or of the least at which the picture is as good.

        Args:
            encode: a file by its quality.
            decode: the pixels of a file.
            original: those that it was made of.
            start: the quality to try first.

        Raises:
            InputError: no quality does.
            MissingPackageError: there is no package to measure with.
        """
        search = _Search(KINDS[self.name], self._goal(original), start)
        files: dict[int, bytes] = {}
        while (quality := search.next()) is not None:
            data = encode(quality)
            value = self._value(data, decode, original)
            if search.add(quality, value):
                files = {quality: data}
        if search.best not in files:
            quality, value = search.last
            end = "least" if quality == QUALITIES[0] else "best"
            raise InputError(
                f"{self.name} {self.value:g} can't be reached: {self._shown(value, original)} at quality {quality}, "
                f"the {end}"
            )
        return files[search.best]

    def _goal(self, original: Pixels) -> float:
        if not KINDS[self.name].of_size:
            return self.value
        pixels = original.shape[0] * original.shape[1]
        return math.log2(max(1.0, self.value if self.name == "bytes" else self.value * pixels / 8))

    def _value(self, data: bytes, decode: Decode, original: Pixels) -> float:
        if KINDS[self.name].of_size:
            return math.log2(len(data))
        if self.name == "psnr":
            return min(measures.psnr(decode(data), original), KINDS[self.name].most)  # equal pictures: infinite
        score = measures.ssimulacra2(decode(data), original)
        if score is None:
            least = measures.SMALLEST_SSIMULACRA2
            raise InputError(f"SSIMULACRA 2 is not defined for pictures with a side below {least} pixels")
        return score

    def _shown(self, value: float, original: Pixels) -> str:
        """A value that was found, as the target is given."""
        if not KINDS[self.name].of_size:
            return f"it is {value:.3f}"
        size = round(2**value)
        if self.name == "bytes":
            return f"the file has {size:,} bytes"
        return f"the file has {8 * size / (original.shape[0] * original.shape[1]):.4f} bits per pixel"


class _Search:
    """Qualities to try until the best is known; what is measured grows with the quality, all but evenly.

    Attributes:
        best: the quality that reaches the goal best so far, or None.
        last: the quality tried last, and what was found.
        slow: how many tries left more than half of what was open; more than PATIENCE, and the rest is halved.
    """

    def __init__(self, kind: Kind, goal: float, start: int):
        self.kind, self.goal, self.start = kind, goal, start
        self.low, self.high = QUALITIES[0] - 1, QUALITIES[1] + 1  # below and above the goal
        self.values: dict[int, float] = {}
        self.best: int | None = None
        self.last = (start, goal)
        self.near = False
        self.slow = 0

    def add(self, quality: int, value: float) -> bool:
        """Note what was found; whether it is the best."""
        before, self.last = self.high - self.low, (quality, value)
        self.values[quality] = value
        under = value <= self.goal if self.kind.of_size else value < self.goal
        self.low, self.high = (quality, self.high) if under else (self.low, quality)
        self.slow += 2 * (self.high - self.low) > before
        if under != self.kind.of_size:
            return False
        self.best = quality
        self.near = abs(value - self.goal) <= self.kind.tolerance
        return True

    def next(self) -> int | None:
        """The quality to try, None where the best is known."""
        if self.near or self.high - self.low == 1:
            return None
        if not self.values:
            return self.start
        ends = [quality for quality in (self.low, self.high) if quality in self.values]
        slope = self.kind.slope
        if len(ends) == 2:
            slope = (self.values[self.high] - self.values[self.low]) / (self.high - self.low)
        if slope <= 0 or self.slow > PATIENCE:
            guess = (self.low + self.high) / 2
        else:
            guess = ends[0] + (self.goal - self.values[ends[0]]) / slope
        return min(max(round(guess), self.low + 1), self.high - 1)
