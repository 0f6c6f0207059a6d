"""Photos that something has spoiled, and noise, for the gate to learn from.

Each maker takes a photo, uint8 (h, w, 3), and a generator, and returns a picture, uint8 (h, w, 3) or (h, w) for grey.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ..arrays import Pixels


def uniform_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, photo.shape, np.uint8)


def gaussian_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return levels(rng.normal(rng.uniform(64, 192), rng.uniform(15, 80), photo.shape))


def scrambled_pixels(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.permutation(photo.reshape(-1, 3)).reshape(photo.shape)


def scrambled_blocks(photo: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = (side // 8 for side in photo.shape[:2])
    blocks = photo[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8, 3).swapaxes(1, 2)
    shuffled = rng.permutation(blocks.reshape(rows * columns, 8, 8, 3))
    return shuffled.reshape(rows, columns, 8, 8, 3).swapaxes(1, 2).reshape(rows * 8, columns * 8, 3)


def inverted(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return 255 - photo


def salt_and_pepper(photo: Pixels, rng: np.random.Generator) -> Pixels:
    hit = rng.random(photo.shape[:2]) < rng.uniform(0.1, 0.5)
    return np.where(hit[..., None], 255 * rng.integers(0, 2, (*photo.shape[:2], 1)), photo).astype(np.uint8)


def jpeg(photo: Pixels, rng: np.random.Generator) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=int(rng.integers(2, 6)))
    return np.array(Image.open(stream))


def heavy_noise(photo: Pixels, rng: np.random.Generator) -> Pixels:
    return levels(photo + rng.normal(0, rng.uniform(40, 100), photo.shape))


def posterised(photo: Pixels, rng: np.random.Generator) -> Pixels:
    steps = int(rng.integers(2, 5)) - 1
    return levels(np.rint(photo / 255 * steps) / steps * 255)


def glitched(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Bands of rows are displaced, each colour by its own distance, and some hold other bytes."""
    result = photo.copy()
    top = 0
    while top < len(photo):
        band = slice(top, top + int(rng.integers(2, 16)))
        for colour in range(3):
            result[band, :, colour] = np.roll(photo[band, :, colour], int(rng.integers(-200, 200)), 1)
        if rng.random() < 0.2:
            result[band] = rng.integers(0, 256, result[band].shape, np.uint8)
        top = band.stop
    return result


def phase_scrambled(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Noise of the photo's spectrum: clouds."""
    phases = np.angle(np.fft.rfft2(rng.standard_normal(photo.shape[:2])))
    spectrum = np.abs(np.fft.rfft2(photo, axes=(0, 1))) * np.exp(1j * phases)[..., None]
    spectrum[0, 0] = np.fft.rfft2(photo, axes=(0, 1))[0, 0]
    return levels(np.fft.irfft2(spectrum, photo.shape[:2], axes=(0, 1)))


def wrong_stride(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Rows of another length than they were written with, and bytes of other channels."""
    shift = int(rng.integers(1, 200)) * 3 + int(rng.integers(1, 3))
    samples = np.resize(photo.ravel(), (photo.shape[0], photo.shape[1] * 3 + shift))
    return samples[:, : photo.shape[1] * 3].reshape(photo.shape)


def overflowed(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Brightened or shifted without clipping: samples begin again at black."""
    return (photo * rng.uniform(2, 6)).astype(np.int64).astype(np.uint8)


def bits_lost(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """The four lower bits of the samples as a picture of its own."""
    return (photo << 4).astype(np.uint8)


def dithered(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Of 2 to 16 colours, with their errors diffused."""
    if rng.random() < 0.5:
        return np.array(Image.fromarray(photo).convert("1").convert("L"))
    return np.array(Image.fromarray(photo).quantize(int(rng.integers(4, 17))).convert("RGB"))


def pixelated(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Of squares of 5 to 24 pixels, as mosaics and games have them."""
    image, side = Image.fromarray(photo), int(rng.integers(5, 25))
    small = image.resize((max(1, image.width // side), max(1, image.height // side)), Image.Resampling.BOX)
    return np.array(small.resize(image.size, Image.Resampling.NEAREST))


def edges(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """How steep the photo is, dark on white or the other way round."""
    steep = levels(4 * np.hypot(*np.gradient(photo.mean(2))))
    return 255 - steep if rng.random() < 0.5 else steep


def false_colour(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Brightness as a rainbow, as heat and depth are shown."""
    share = np.asarray(Image.fromarray(photo).convert("L").filter(ImageFilter.GaussianBlur(3))) / 255
    return levels(255 * np.stack([1.5 - np.abs(4 * share - centre) for centre in (3, 2, 1)], -1).clip(0, 1))


def levels(values: npt.NDArray[np.floating]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


MAKERS = (
    uniform_noise,
    gaussian_noise,
    scrambled_pixels,
    scrambled_blocks,
    inverted,
    salt_and_pepper,
    jpeg,
    heavy_noise,
    posterised,
    glitched,
    phase_scrambled,
    wrong_stride,
    overflowed,
    bits_lost,
    dithered,
    pixelated,
    edges,
    false_colour,
)
