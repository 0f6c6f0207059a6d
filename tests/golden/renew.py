"""Renew the golden streams: `python tests/golden/renew.py`, after a change of the model or the format, on purpose.

The picture is shorter as a plain one, so the others are made without that choice.

Each stream decodes to the same pixels on every machine; their SHA-256 stand in pixels.json.
"""

import hashlib
import json
from pathlib import Path
from unittest import mock

import numpy as np

import svcodec
from svcodec.codec import choice

FOLDER = Path(__file__).parent
CASES = {
    "sketch": ("sketch", None),
    "preview": ("preview", None),
    "standard": ("standard", None),
    "standard-q5": ("standard", 5),
    "standard-q100": ("standard", 100),
    "high": ("high", None),
    "lossless": ("lossless", None),
    "lossless-grey": ("lossless", None),
    "plain": ("lossless", None),
    "plain-grey": ("lossless", None),
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


def main() -> None:
    hashes = {}
    for name, (tier, quality) in CASES.items():
        with mock.patch.object(choice, "encode", choice.encode if "plain" in name else choice.learned):
            data = svcodec.encode(picture("grey" in name), tier=tier, quality=quality)
        (FOLDER / f"{name}.svc").write_bytes(data)
        hashes[name] = hashlib.sha256(svcodec.decode(data).tobytes()).hexdigest()
    (FOLDER / "pixels.json").write_text(json.dumps(hashes, indent=2) + "\n")


if __name__ == "__main__":
    main()
