"""Runs a codec over photos: rate, distortion and time of every photo at every setting, resumable."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch

from ...arrays import Pixels
from ...codec.measures import psnr, ssimulacra2
from ..conditions import Photos, machine
from ..metrics import butteraugli, has_butteraugli, ms_ssim
from ..peers import registry
from ..peers.peer import Peer, Setting
from ..recorded import record

# CompressAI's names, where it has one; times in seconds
FIGURES = ("bpp", "psnr-rgb", "ms-ssim-rgb", "ssimulacra2", "butteraugli", "encoding_time", "decoding_time")

Figures = dict[str, float | None]


def measure(peer: Peer, photos: Photos, folder: Path, jobs: int = 1) -> Iterator[str]:
    """Measure what `folder` does not hold yet, and write NAME.json in CompressAI's schema at the end.

    Yields each photo's name once it is measured, or found measured, at each setting.

    Args:
        jobs: how many photos at a time; if more than one, each in a process of its own on one thread, and only by
            codecs of `registry`.
    """
    points = []
    digests = {
        name: hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        for name, pixels in photos.items()
    }
    for index, setting in enumerate(peer.settings):
        path = folder / "points" / f"{peer.name}-{index:02}.json"
        where = conditions(jobs, kernel=False)
        of = {"description": peer.description, "machine": where, "figures": measurable(), "setting": setting}
        point = _read(path)
        if point is None or {**point, **of} != point:
            point = {**of, "images": {}}
        images = point["images"]
        missing = [name for name in photos if images.get(name, {}).get("sha256") != digests[name]]
        yield from (name for name in photos if name not in missing)
        found = measure_all(peer, setting, (photos[name] for name in missing), jobs)
        for name, figures in zip(missing, found, strict=True):
            images[name] = {"sha256": digests[name], **figures}
            record(path, point)
            yield name
        points.append({name: images[name] for name in photos})
    record(folder / f"{peer.name}.json", summary(peer, points, jobs))


def conditions(jobs: int, kernel: bool = True) -> str:
    """The machine, and how many photos it works on at a time."""
    return machine(kernel=kernel) if jobs == 1 else f"{machine(1, kernel=kernel)}, {jobs} photos at a time"


def measurable() -> list[str]:
    """Those of FIGURES that can be measured here."""
    return [figure for figure in FIGURES if figure != "butteraugli" or has_butteraugli()]


def measure_all(peer: Peer, setting: Setting, photos: Iterable[Pixels], jobs: int) -> Iterator[Figures]:
    """FIGURES of each photo, in order; `jobs` as in `measure`."""
    if jobs == 1:
        return (measure_one(peer, setting, pixels) for pixels in photos)
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", max_nbytes=None)
    return iter(parallel(joblib.delayed(_measure_named)(peer.name, setting, pixels) for pixels in photos))


_make = functools.cache(registry.make)  # once for each process


def _measure_named(name: str, setting: Setting, pixels: Pixels) -> Figures:
    torch.set_num_threads(1)
    return measure_one(_make(name), setting, pixels)


def measure_one(peer: Peer, setting: Setting, pixels: Pixels) -> Figures:
    """FIGURES of one photo; PSNR is None where the decoded photo is the original."""
    start = time.perf_counter()
    data = peer.encode(pixels, setting)
    encoded = time.perf_counter()
    decoded = peer.decode(data)
    end = time.perf_counter()
    decibels = psnr(decoded, pixels)
    return {
        "bpp": 8 * len(data) / (pixels.shape[0] * pixels.shape[1]),
        "psnr-rgb": None if math.isinf(decibels) else decibels,
        "ms-ssim-rgb": ms_ssim(decoded, pixels),
        "ssimulacra2": ssimulacra2(decoded, pixels),
        "butteraugli": butteraugli(decoded, pixels) if has_butteraugli() else None,
        "encoding_time": encoded - start,
        "decoding_time": end - encoded,
    }


def summary(peer: Peer, points: list[dict[str, dict[str, Any]]], jobs: int) -> dict[str, Any]:
    """Means over the photos, setting by setting, as CompressAI writes them, and the photos' own figures."""

    def mean(images: dict[str, dict[str, Any]], figure: str) -> float | None:
        values = [image[figure] for image in images.values()]
        return None if None in values else float(np.mean(values))

    return {
        "name": peer.name,
        "description": peer.description,
        "machine": conditions(jobs),
        "settings": list(peer.settings),
        "results": {figure: [mean(images, figure) for images in points] for figure in FIGURES},
        "images": {
            name: {figure: [images[name][figure] for images in points] for figure in FIGURES} for name in points[0]
        },
    }


def _read(path: Path) -> dict[str, Any] | None:
    """What was measured; None where nothing was, or the file is damaged."""
    try:
        point = json.loads(path.read_bytes())
        images = point["images"].values()
        intact = all(_is_figure(image[figure]) for image in images for figure in FIGURES)
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return point if intact else None


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and math.isfinite(value))
