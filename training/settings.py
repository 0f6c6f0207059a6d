"""Settings of a training; needs no torch."""

import math
from dataclasses import dataclass

from ..errors import InputError

SELFVAE_BATCH = 32  # pictures in a step of the paper's models


@dataclass(frozen=True)
class Settings:
    """How long and in which steps `loop.train` trains.

    Attributes:
        minutes: that the run is to take, more than 0.
        spent: minutes of these that were spent before, by runs that this one goes on from.
        batch: crops in a step.
        crop: side of a crop in pixels.
        rate: Adam's step size.
        muon_rate: Muon's step size, for 3x3 convolutions.
        decay: last part of the time, 0..1, in which the step sizes fall.
        clip: largest norm of the gradient.
        bf16: convolutions in bfloat16.
        seed: of crops, noise and whatever else is drawn, 0 to 2^62.

    Raises:
        InputError: a number is out of its range.
    """

    minutes: float
    batch: int = 8
    crop: int = 192
    rate: float = 8e-4
    muon_rate: float = 0.01
    decay: float = 0.4
    clip: float = 2.0
    bf16: bool = False
    seed: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("minutes", math.nextafter(0, 1), math.inf),
            ("spent", 0, math.inf),
            ("batch", 1, math.inf),
            ("crop", 1, math.inf),
            ("rate", 0, math.inf),
            ("muon_rate", 0, math.inf),
            ("decay", 0, 1),
            ("clip", math.nextafter(0, 1), math.inf),
            ("seed", 0, 1 << 62),
        ):
            value = getattr(self, name)
            if not least <= value <= most or value == math.inf:
                raise InputError(f"a training's {name} can't be {value}")
