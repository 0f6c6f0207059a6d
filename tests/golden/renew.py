"""Renew the golden streams: `python tests/golden/renew.py`, after a change of the model or the format, on purpose.

The picture is shorter as a plain one, so the others are made without that choice.

Each stream decodes to the same pixels on every machine; their SHA-256 stand in pixels.json.
"""

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import svcodec
from svcodec.codec import choice

FOLDER = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = {
    "sketch": {"tier": "sketch"},
    "preview": {"tier": "preview"},
    "standard": {"tier": "standard"},
    "standard-psnr": {"tier": "standard", "tune": "psnr"},
    "standard-q5": {"tier": "standard", "quality": 5},
    "standard-q100": {"tier": "standard", "quality": 100},
    "high": {"tier": "high"},
    "flats": {"tier": "standard"},
    "flats-grey": {"tier": "high"},
    "lossless": {"tier": "lossless"},
    "lossless-grey": {"tier": "lossless"},
    "plain": {"tier": "lossless"},
    "plain-grey": {"tier": "lossless"},
    "sixteen": {"tier": "lossless"},
    "sixteen-grey": {"tier": "lossless"},
}


def picture(grey: bool) -> np.ndarray:
    """A picture of odd size with edges, colours, gradients and noise, the same everywhere: integers only."""
    rows, columns = np.mgrid[:75, :107].astype(np.int64)
    noise = (rows * 7919 + columns * 104729 + rows * columns * 31) % 23
    disc = ((rows - 40) ** 2 + (columns - 60) ** 2 < 600).astype(np.int64)
    red = 2 * columns + 40 * disc + noise
    green = 3 * rows - 60 * disc + 20 * (columns // 16 % 2) + noise
    blue = 255 - rows - columns + noise // 2
    levels = np.stack([red, green, blue], -1).clip(0, 255).astype(np.uint8)
    return levels[..., 1] if grey else levels


def with_flats(pixels: np.ndarray) -> np.ndarray:
    """The picture with areas of one colour."""
    pixels = pixels.copy()
    pixels[:30, :40], pixels[50:, 81:] = 255, 30
    return pixels


def deep_picture(grey: bool) -> np.ndarray:
    """One of sixteen bits: slopes, with little noise, with more, and broken by a line."""
    rows, columns = np.mgrid[:75, :107].astype(np.int64)
    slope = 150 * rows + 200 * columns + 2 * rows * columns
    noise = (rows * 7919 + columns * 104729 + rows * columns * 31) % 23
    levels = np.stack([slope + noise, slope // 2 + 90 * noise, 52000 - slope - 3000 * (rows > columns)], -1)
    return (levels[..., 0] if grey else levels).astype(np.uint16)


def main() -> None:
    hashes = {}
    for name, options in CASES.items():
        with mock.patch.object(choice, "encode", choice.encode if "plain" in name else choice.learned):
            pixels = (deep_picture if "sixteen" in name else picture)("grey" in name)
            data = svcodec.encode(with_flats(pixels) if "flats" in name else pixels, **options)
        (FOLDER / f"{name}.svc").write_bytes(data)
        hashes[name] = hashlib.sha256(svcodec.decode_array(data).tobytes()).hexdigest()
    (FOLDER / "pixels.json").write_text(json.dumps(hashes, indent=2) + "\n")


if __name__ == "__main__":
    main()
