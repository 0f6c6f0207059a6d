"""Pictures of sixteen bits, lossless: `python -m svcodec.benchmarks.sixteen FOLDER -o FILE`.

FOLDER holds the 24 Kodak images. No photos of sixteen bits are at hand that anyone could fetch and measure again, so
these are made: every third image in linear light, halved by the mean of 2x2 pixels, which gives samples that eight bits
can't hold, and written in the ways in which such pictures come. PNG at its highest level and JPEG XL at effort 7 code
the same samples.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from ..arrays import Deep, Pixels
from ..codec.codec import Codec
from ..program import OneCommand
from .conditions import machine, named, read_photos
from .peers import jpegxl
from .peers.peer import import_for
from .recorded import record, result_option

EVERY = 3  # of the photos
SIDE = 256  # of the pictures that are no photos
Floats = npt.NDArray[np.float64]


def linear(photo: Pixels) -> Floats:
    """Linear light of an sRGB picture, 0..1, halved."""
    value = photo / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    height, width = (side // 2 for side in photo.shape[:2])
    return light[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean((1, 3))


def srgb(photo: Pixels) -> Floats:
    """The same in sRGB's own curve."""
    light = linear(photo)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def deep(values: Floats, most: int = 65535) -> Deep:
    """Values 0..1 as whole numbers up to `most`."""
    return np.rint(values * most).astype(np.uint16)


OF_PHOTOS: dict[str, Callable[[Pixels], Deep]] = {
    "sRGB": lambda photo: deep(srgb(photo)),
    "sRGB, grey": lambda photo: deep(srgb(photo)[..., 1]),
    "linear light": lambda photo: deep(linear(photo)),
    "12 bits, shifted up": lambda photo: deep(srgb(photo), 4095) << np.uint16(4),
    "12 bits, scaled up": lambda photo: (
        deep(srgb(photo), 4095) << np.uint16(4) | deep(srgb(photo), 4095) >> np.uint16(8)
    ),
    "10 bits, grey, as they are": lambda photo: deep(srgb(photo)[..., 1], 1023),
    "8 bits times 257": lambda photo: deep(srgb(photo), 255) * np.uint16(257),
}


def depth() -> Deep:
    """The depth of a floor with balls on it."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    far = 1 / (0.15 + rows)
    for x, y, radius in ((0.3, 0.4, 0.2), (0.7, 0.6, 0.25), (0.5, 0.85, 0.1)):
        inside = np.maximum(radius**2 - (columns - x) ** 2 - (rows - y) ** 2, 0)
        far = np.where(inside > 0, np.minimum(far, 1 / (0.15 + y) - np.sqrt(inside)), far)
    return deep(far / 7)


OF_NOTHING: dict[str, Callable[[], Deep]] = {
    "depth map": depth,
    "gradient": lambda: np.add.outer(np.arange(SIDE) * 130, np.arange(SIDE) * 120).astype(np.uint16),
    "flat": lambda: np.full((SIDE, SIDE, 3), (1000, 2000, 40000), np.uint16),
    "noise": lambda: np.random.default_rng(0).integers(0, 1 << 16, (SIDE, SIDE, 3), np.uint16),
}


def measure(pictures: list[Deep], codec: Codec) -> dict[str, Any]:
    """Bytes that some pictures take in all."""
    codecs, jxl = import_for("png", "imagecodecs"), jpegxl.lossless()
    sizes = {"svcodec": 0, "png": 0, "jxl": 0}
    for picture in pictures:
        data = codec.encode(picture, tier="lossless")
        if not np.array_equal(codec.decode_array(data), picture):
            raise SystemExit("lossless is not")
        sizes["svcodec"] += len(data)
        sizes["png"] += len(codecs.png_encode(picture, level=9))
        sizes["jxl"] += len(jxl.encode(picture, jxl.settings[0]))  # type: ignore[arg-type]
    return {"pictures": len(pictures), "samples": sum(picture.size for picture in pictures), "bytes": sizes}


@click.command(cls=OneCommand, help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@result_option
def main(folder: Path, output: Path) -> None:
    codec = Codec()
    photos = list(read_photos(folder).values())[::EVERY]
    kinds = {}
    for name, make in OF_PHOTOS.items():
        kinds[name] = measure([make(photo) for photo in photos], codec)
    for name, draw in OF_NOTHING.items():
        kinds[name] = measure([draw()], codec)
    result = {
        "model": named(codec.model),
        "machine": machine(),
        "JPEG XL": jpegxl.lossless().description,
        "kinds": kinds,
    }
    record(output, result)
    click.echo(json.dumps(kinds, indent=1))


if __name__ == "__main__":
    main()
