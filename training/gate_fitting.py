"""Training of a gate on photos: as they are, in versions as people have them, and spoiled until they are none.

A Gaussian is fitted to the statistics of photos, and a small network learns to tell them from those of other pictures.
The threshold is set by photos that neither saw: both are fitted FOLDS times more, each time without the photos of some
makers of cameras, which they then score. Takes minutes on one core.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import InputError
from ..gate.assessment import Calibration
from ..gate.gate import Gate, hash_of
from ..gate.judge import Judge, Scale
from ..gate.statistics import statistics
from ..gate.typicality import Typicality, Values
from .others import others
from .photos import image_files, opened, rgb
from .suspicion_fitting import fit_suspicion
from .versions import SMALLEST, versions

FOLDS = 5
LEAST = 20  # photos that a gate is fitted to
FALSE_ALARMS = 0.02
MAKE = 0x010F  # EXIF's tag of the camera's maker
NOTHING = np.array([[0.0, 1.0]] * 2)  # marks that leave scores as they are

T = TypeVar("T")


class Progress(Protocol):
    """Hands on the steps of something long, `length` of them, and may show how far it is."""

    def __call__(self, steps: Iterable[T], length: int, label: str) -> Iterable[T]: ...


@dataclass(frozen=True, eq=False)
class Measured:
    """Statistics of photos and of other pictures.

    Attributes:
        photos: (n, d).
        folds: (n, 2), the part that each belongs to, 0 .. FOLDS - 1: by the maker of its camera, and by its name.
        others: (m, d).
    """

    photos: Values
    folds: npt.NDArray[np.int64]
    others: Values


def fit_gate(sources: Sequence[Path], progress: Progress) -> Gate:
    """The gate for photos like those in folders, or in zip archives of images.

    Args:
        sources: the folders; photos whose shorter side is below SMALLEST pixels are left out.
        progress: shown how far it is.

    Raises:
        InputError: there are too few photos, or one can't be read.
    """
    files = [file for source in sources for file in image_files(source)]
    steps = progress(enumerate(files), len(files), "Photos")
    found = [part for index, (name, data) in steps if (part := measure(name, data, index)) is not None]
    if len(found) < LEAST:
        raise InputError(
            f"a gate takes {LEAST} photos of {SMALLEST} x {SMALLEST} pixels or more: there are {len(found)}"
        )
    parts = zip(*((part.photos, part.folds, part.others) for part in found), strict=True)
    return gate_of(Measured(*map(np.concatenate, parts)), f"{len(found)} photos")


def measure(name: str, data: bytes, seed: int) -> Measured | None:
    """What there is in a photo's file; nothing where it is too small. Raises InputError if it can't be read."""
    with opened(name, data) as image:
        maker, photo = maker_of(image), rgb(image)
    if min(photo.size) < SMALLEST:
        return None
    photos, rest = (
        np.stack([statistics(pixels) for pixels in make(photo, np.random.default_rng((seed, index)))])
        for index, make in enumerate((versions, others))
    )
    folds = [zlib.crc32(text.encode()) % FOLDS for text in (maker or name, name)]
    return Measured(photos, np.tile(folds, (len(photos), 1)), rest)


def gate_of(found: Measured, photos: str) -> Gate:
    """The gate for photos, which the text `photos` names; its threshold by folds that it is fitted without."""
    by_maker, by_name = found.folds.T
    several = max(np.bincount(by_maker)) <= len(by_maker) / 2  # else hardly anything is left to fit to
    raw, folds = np.empty((len(found.photos), len(NOTHING))), by_maker if several else by_name
    for fold in np.unique(folds):
        held_out = folds == fold
        judge = fit_judge(found.photos[~held_out], found.others, NOTHING)
        raw[held_out] = [judge.raw(values) for values in found.photos[held_out]]
    judge = fit_judge(found.photos, found.others, np.quantile(raw, (FALSE_ALARMS, 0.5), axis=0).T)
    about = f"{photos}, each as it is and in versions, scored by a gate fitted without " + (
        "photos of its maker" if several else "it"
    )
    return Gate(judge, Calibration.of_scores(hash_of(judge), judge.marked(raw).tolist(), FALSE_ALARMS, about))


def fit_judge(photos: Values, rest: Values, marks: Values) -> Judge:
    """Of statistics of photos, (n, d), and of other pictures, (m, d); rounded as it will be stored."""
    scale = Scale.fit(photos)
    scaled = scale.apply(photos)
    judge = Judge(scale, Typicality.fit(scaled), fit_suspicion(scaled, scale.apply(rest)), marks)
    return Judge.from_arrays(judge.to_arrays())


def maker_of(image: Image.Image) -> str:
    """The first word of a camera's maker, in lower case; nothing where the picture doesn't say."""
    return "".join(str(image.getexif().get(MAKE, "")).strip("\0 ").lower().split()[:1])
