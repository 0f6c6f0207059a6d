"""SSIMULACRA 2, version 2.1: how near people find a compressed picture to the original, -inf .. 100 (no difference).

After https://github.com/cloudinary/ssimulacra2, (c) Jon Sneyers, Cloudinary, BSD-3-Clause, whose constants these are:
structure that differs, artefacts that were added and detail that was lost, at six scales, in three planes of the colour
space XYB and in two norms, make a weighted sum. The reference blurs by a recursive filter in float32; here it is that
filter's impulse response, in float64, so that scores are the same on every machine (docs/decisions.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve1d

from ..arrays import Pixels

Planes = npt.NDArray[np.float64]  # (3, h, w)

SMALLEST_SIDE = 113  # of a picture: that of the last scale but one is 8
XYB = np.array(
    [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.5518098665095536]]
)
BIAS = 0.0037930732552754493
SIDE_TAPS = (0.2129285920104222, 0.1093353727774603, 0.0360111146583644, 0.0094143678096537)
TAPS = (*reversed(SIDE_TAPS), 0.2646211054881985, *SIDE_TAPS)  # a Gaussian of standard deviation 1.5
C2 = 0.0009
WEIGHTS = np.array(
    [
        [  # X
            [[0, 0.0007377, 0], [0, 0.0007793, 0]],
            [[0, 0.0004371, 0], [1.1041726, 0.0006628, 0.0001523]],
            [[0, 0.0016406, 0], [1.8422456, 11.4411726, 0]],
            [[0.0007989, 0.0001768, 0], [1.8787595, 10.9490699, 0]],
            [[0.0007289, 0.9677937, 0], [0.00014, 0.9981767, 0.0003195]],
            [[0.0004551, 0, 0], [0.0013649, 0, 0]],
        ],
        [  # Y
            [[0, 0, 0], [7.4668903, 0, 17.445834]],
            [[0.0006236, 0, 0], [6.6836781, 0.0003772, 1.0278899]],
            [[225.205153, 0, 0], [19.2132382, 0.0011402, 0.0012378]],
            [[176.393176, 0, 0], [24.43301, 0.285208, 0.0004485]],
            [[0, 0, 0], [34.7790634, 44.8356253, 0]],
            [[0, 0, 0], [0, 0, 0]],
        ],
        [  # B
            [[0, 0.0008681, 0], [0, 0, 0]],
            [[0, 0.0005313, 0], [0.0001653, 0, 0]],
            [[0, 0, 0], [0.0004179, 0.0017291, 0]],
            [[0.0020827, 0, 0], [8.8269828, 23.1924334, 0]],
            [[95.1080499, 0.9863978, 0.9834383], [0.0012286, 171.2667256, 0.9807859]],
            [[0, 0, 0], [0.000513, 0, 0.0001085]],
        ],
    ]
)  # of planes, scales, norms, and similarity, artefacts and lost detail


def score(decoded: Pixels, original: Pixels) -> float | None:
    """SSIMULACRA 2 of a picture.

    Args:
        decoded: uint8 (h, w, 3), sRGB.
        original: likewise, of the same size.

    Returns:
        the score; None for pictures with a side below SMALLEST_SIDE, which have too few scales.
    """
    if min(original.shape[:2]) < SMALLEST_SIDE:
        return None
    lights = [linear(pixels) for pixels in (original, decoded)]
    total = 0.0
    for weights in np.moveaxis(WEIGHTS, 1, 0):
        total += float((weights * norms(*map(to_xyb, lights))).sum())
        lights = [halved(light) for light in lights]
    total *= 0.9562382616834844
    total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
    return 100.0 - 10.0 * max(total, 0.0) ** 0.6276336467831387


def linear(pixels: Pixels) -> Planes:
    """Light, 0..1, of sRGB samples."""
    samples = np.arange(256) / 255
    light = np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
    return light[np.moveaxis(pixels, 2, 0)]


def to_xyb(light: Planes) -> Planes:
    """XYB of RGB light, in about 0..1, with B less Y."""
    long, middle, short = np.cbrt(np.einsum("oc,chw->ohw", XYB, light) + BIAS) - np.cbrt(BIAS)
    x, y = (long - middle) / 2, (long + middle) / 2
    return np.stack([14 * x + 0.42, y + 0.01, short - y + 0.55])


def halved(light: Planes) -> Planes:
    """Means of 2x2 pixels, the last row and column repeated where a side is odd."""
    height, width = light.shape[1:]
    even = np.pad(light, ((0, 0), (0, height % 2), (0, width % 2)), "edge")
    return (even[:, ::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, ::2] + even[:, 1::2, 1::2]) / 4


def blurred(planes: Planes) -> Planes:
    """Blurred; there is nothing around the planes."""
    rows = convolve1d(planes, TAPS, axis=1, mode="constant")
    return np.asarray(convolve1d(rows, TAPS, axis=2, mode="constant"))


def norms(original: Planes, decoded: Planes) -> Planes:
    """(plane, norm, map): the mean, and the fourth root of that of fourth powers, of each map of differences."""
    means = blurred(original), blurred(decoded)
    variances = blurred(original**2) + blurred(decoded**2) - means[0] ** 2 - means[1] ** 2
    covariance = blurred(original * decoded) - means[0] * means[1]
    similarity = (1 - (means[0] - means[1]) ** 2) * (2 * covariance + C2) / (variances + C2)
    edges = (1 + np.abs(decoded - means[1])) / (1 + np.abs(original - means[0])) - 1
    maps = np.stack([1 - similarity, edges, -edges], 1).clip(0)
    return np.stack([maps.mean((2, 3)), (maps**4).mean((2, 3)) ** 0.25], 1)
