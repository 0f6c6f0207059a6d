"""What is trained and measured: configuration files."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...family.configuration import SIZES, kind
from ...family.objective import IMPORTANCE_SAMPLES
from ...training.settings import SELFVAE_BATCH

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUFFIX = ".json"
COUNTS = ("side", "batch", "tested", "weighed", "importance_samples", "chained")


@dataclass(frozen=True)
class Plan:
    """An experiment.

    Attributes:
        data: name of the data set.
        side: of its images in pixels.
        models: kinds that are compared, all of one size and trained for one time.
        size: of the models.
        minutes: of training, each model.
        batch: images in a step.
        bf16: convolutions in bfloat16 while training, faster where supported.
        seed: of whatever is drawn.
        tested: images whose ELBO is measured, the first of the test images.
        weighed: of these, images whose likelihood is measured by importance sampling.
        importance_samples: of each of them.
        generated: images whose features are compared with those of as many test images.
        chained: images that bits-back codes in one file.
        shown: images in a row of a figure.
    """

    data: str
    side: int
    models: tuple[str, ...]
    size: str = "small"
    minutes: float = 180.0
    batch: int = SELFVAE_BATCH
    bf16: bool = False
    seed: int = 0
    tested: int = 2000
    weighed: int = 100
    importance_samples: int = IMPORTANCE_SAMPLES
    generated: int = 2000
    chained: int = 100
    shown: int = 8

    def __post_init__(self) -> None:
        """Raises ValueError for a number that is none, or less than what is to be done with it takes; InputError for a
        model that is none, or can't be of such pictures."""
        for name, least in {"seed": 0, **dict.fromkeys(COUNTS, 1), "generated": 2, "shown": 2}.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 1 << 62:
                raise ValueError(f"{name} must be a whole number from {least}, not {value!r}")
        for value in (self.data, self.size, *self.models):
            if not isinstance(value, str):
                raise ValueError(f"data, size and models are names, not {value!r}")
        if type(self.bf16) is not bool:
            raise ValueError(f"bf16 must be true or false, not {self.bf16!r}")
        if type(self.minutes) not in (int, float) or not 0 < self.minutes < math.inf:
            raise ValueError(f"minutes must be a number above 0, not {self.minutes!r}")
        if not self.models:
            raise ValueError("it has no models")
        if self.size not in SIZES:
            raise ValueError(f"there is no size {self.size!r}: it is one of {', '.join(SIZES)}")
        for name in self.models:
            kind(name, self.side)  # which refuses one that can't be, before any is trained


def names() -> list[str]:
    """Of the plans in the package."""
    return sorted(Path(file.name).stem for file in _folder().iterdir() if file.name.endswith(SUFFIX))


def read(name: str) -> Plan:
    """A plan in the package, or that of a file.

    Raises:
        InputError: there is none, or it can't be understood.
    """
    file: Path | Traversable = Path(name) if name.endswith(SUFFIX) else _folder() / f"{name}{SUFFIX}"
    try:
        values = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"there is no plan {name}: name a {SUFFIX} file or one of {', '.join(names())}") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{name} is no plan: {error}") from error
    try:
        models = values["models"]
        return Plan(**{**values, "models": tuple(models) if isinstance(models, list) else (models,)})
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{name} is no plan: {error}") from error


def _folder() -> Traversable:
    return resources.files(__package__) / "configurations"
