"""Runs a codec over photos: rate, distortion and time of every photo at every setting, resumable."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import Pixels
from ...files import write_whole
from ..conditions import Photos, machine
from ..metrics import ms_ssim, psnr, ssimulacra2
from ..peers.peer import Peer, Setting

# CompressAI's names, where it has one; times in seconds
FIGURES = ("bpp", "psnr-rgb", "ms-ssim-rgb", "ssimulacra2", "encoding_time", "decoding_time")


def measure(peer: Peer, photos: Photos, folder: Path) -> Iterator[str]:
    """Measure what `folder` does not hold yet, and write NAME.json in CompressAI's schema at the end.

    Yields each photo's name once it is measured, or found measured, at each setting.
    """
    points = []
    for index, setting in enumerate(peer.settings):
        path = folder / "points" / f"{peer.name}-{index:02}.json"
        of = {"description": peer.description, "machine": machine(), "figures": list(FIGURES), "setting": setting}
        point = _read(path)
        if point is None or {**point, **of} != point:
            point = {**of, "images": {}}
        for name, pixels in photos.items():
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            if point["images"].get(name, {}).get("sha256") != digest:
                point["images"][name] = {"sha256": digest, **measure_one(peer, setting, pixels)}
                _write(path, point)
            yield name
        points.append({name: point["images"][name] for name in photos})
    _write(folder / f"{peer.name}.json", summary(peer, points))


def measure_one(peer: Peer, setting: Setting, pixels: Pixels) -> dict[str, float | None]:
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
        "encoding_time": encoded - start,
        "decoding_time": end - encoded,
    }


def summary(peer: Peer, points: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Means over the photos, setting by setting, as CompressAI writes them, and the photos' own figures."""

    def mean(images: dict[str, dict[str, Any]], figure: str) -> float | None:
        values = [image[figure] for image in images.values()]
        return None if None in values else float(np.mean(values))

    return {
        "name": peer.name,
        "description": peer.description,
        "machine": machine(),
        "settings": list(peer.settings),
        "results": {figure: [mean(images, figure) for images in points] for figure in FIGURES},
        "images": {
            name: {figure: [images[name][figure] for images in points] for figure in FIGURES} for name in points[0]
        },
    }


def _read(path: Path) -> dict[str, Any] | None:
    return dict(json.loads(path.read_text())) if path.exists() else None


def _write(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())
