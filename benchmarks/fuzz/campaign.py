"""Many hostile streams, and what comes of them."""

from __future__ import annotations

import base64
import contextlib
import re
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ...codec.codec import Codec
from ...errors import SvcodecError
from .drafts import Draft
from .layers import Layers, WrongPicture
from .mutations import mutant
from .originals import originals

BLOCK = 1000  # cases that share a stream of random numbers, so that a run can go on where it stopped
KEPT, KEPT_SHARE = 2000, 0.2  # drafts, at most, that are kept as they gave a new answer, and how often one is taken
EARLY, IN_PART = 0.1, 0.25  # how often a file may end early, and how often a part of a picture is decoded
REPORTED = 20  # faults, at most, whose bytes are kept
LONGEST = 60.0  # seconds that a case may take


class TooSlow(BaseException):
    """A case took too long. Not an Exception, which what is tried might hold for Pillow's."""


@dataclass
class Tally:
    """What came of the cases so far.

    Attributes:
        cases: how many there were.
        decodings: by the networks among them.
        refused: by layer and error.
        read: streams that no layer refused but that the networks were not asked for.
        originals: streams decoded to an original's pixels.
        others: streams decoded to other pixels that fit the seal that they carry.
        answers: different texts of errors, numbers left out.
        faults: foreign exceptions, warnings, wrong pictures and cases that took too long, by kind.
        examples: the first of them, with their streams.
        slowest: seconds.
        seconds: of all.
        peak: memory of the process at its peak, in MB.
        start: the same before the first case.
    """

    cases: int = 0
    decodings: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    read: int = 0
    originals: int = 0
    others: int = 0
    answers: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0
    peak: float = 0.0
    start: float = 0.0


def peak_memory() -> float:
    """Of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Campaign:
    """Cases one after another; what gives a new answer is changed further.

    Args:
        codec: that decodes.
        seed: of all cases.
        every: of so many cases, one goes through the networks.
        tally: of the cases before, to go on after them.
    """

    def __init__(self, codec: Codec, seed: int, every: int, tally: Tally):
        self.seed = seed
        self.every = every
        self.tally = tally
        self._layers = Layers(codec)
        good = list(originals(codec))
        self._good = [Draft.of(data) for data in good]
        self._kept: list[Draft] = []
        rng = Random(seed)
        self._pictures = {self._layers.read(data, rng, fully=True) for data in good}
        self._answers: set[tuple[str, str]] = set()
        self._warnings: list[warnings.WarningMessage] = []
        tally.start = tally.start or peak_memory()

    def run(self, cases: int, seconds: float) -> Iterator[Tally]:
        """Try cases until there are so many or the time is over, and give the tally now and then."""
        end = time.monotonic() + seconds
        with warnings.catch_warnings(record=True) as self._warnings, _alarms():
            warnings.simplefilter("always")
            while self.tally.cases < cases and time.monotonic() < end:
                start = time.perf_counter()
                rng = Random(f"{self.seed}/{self.tally.cases}")
                for _ in range(min(BLOCK, cases - self.tally.cases)):
                    self._case(rng)
                    if time.monotonic() > end:
                        break
                self.tally.seconds += time.perf_counter() - start
                self.tally.peak = max(self.tally.peak, peak_memory())
                yield self.tally

    def _case(self, rng: Random) -> None:
        kept = self._kept and rng.random() < KEPT_SHARE
        draft, data = mutant(rng, rng.choice(self._kept if kept else self._good), self._good)
        fully = rng.random() < 1 / self.every
        tally, layers = self.tally, self._layers
        before = layers.decodings
        start = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            decoded = layers.read(data, rng, fully, rng.random() < EARLY, rng.random() < IN_PART)
        except SvcodecError as error:
            kind = f"{layers.layer}: {type(error).__name__}"
            tally.refused[kind] = tally.refused.get(kind, 0) + 1
            self._keep(draft, kind, str(error))
        except (Exception, TooSlow) as error:
            kind = {WrongPicture: "wrong pictures", TooSlow: "too slow"}.get(type(error), "foreign exceptions")
            self._fault(kind, data, "".join(traceback.format_exception(error)[-8:]))
        else:
            if decoded is None:
                tally.read += 1
            elif decoded in self._pictures:
                tally.originals += 1
            else:
                tally.others += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        tally.slowest = max(tally.slowest, time.perf_counter() - start)
        tally.cases += 1
        tally.decodings += layers.decodings - before
        if self._warnings:
            self._fault("warnings", data, "\n".join(str(warning) for warning in self._warnings))
            self._warnings.clear()

    def _keep(self, draft: Draft, kind: str, text: str) -> None:
        answer = kind, re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "#", text)
        if answer not in self._answers:
            self._answers.add(answer)
            self.tally.answers = max(self.tally.answers, len(self._answers))
            if len(self._kept) < KEPT:
                self._kept.append(draft)

    def _fault(self, kind: str, data: bytes, text: str) -> None:
        self.tally.faults[kind] = self.tally.faults.get(kind, 0) + 1
        if len(self.tally.examples) < REPORTED:
            stream = base64.b64encode(data).decode("ascii")
            self.tally.examples.append({"kind": kind, "layer": self._layers.layer, "text": text, "stream": stream})


@contextlib.contextmanager
def _alarms() -> Iterator[None]:
    """Let the timer end what takes too long."""

    def ring(number: int, frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
