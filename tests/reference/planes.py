"""Planes, binary32 (channels, rows, columns): quarters, edges, colours ("Arithmetic")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .stack import Floats

Size = tuple[int, int]
HALF, THIRD, SIXTH = (np.float32(n**-0.5) for n in (2, 3, 6))  # square roots of these


def sizes(size: Sequence[int]) -> list[Size]:
    """Of y_0 .. y_6."""
    result = [(size[0], size[1])]
    for _ in range(6):
        result.append((-(-result[-1][0] // 2), -(-result[-1][1] // 2)))
    return result


def cut(planes: Floats, where: Sequence[slice], k: int) -> Floats:
    """What planes of y_k's size have of rows and columns of the picture; the same memory."""
    rows, columns = (slice(side.start >> k, -(-side.stop >> k)) for side in where)
    return planes[:, rows, columns]


def quarters(planes: Floats) -> list[Floats]:
    """Top left, top right, bottom left and bottom right pixels of blocks, in planes of even sides."""
    return [planes[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]


def from_quarters(four: list[Floats], size: Size) -> Floats:
    """Inverse of `quarters`, cut to a size."""
    channels, height, width = four[0].shape
    planes = np.empty((channels, 2 * height, 2 * width), four[0].dtype)
    for quarter, values in zip(quarters(planes), four, strict=True):
        quarter[...] = values
    return planes[:, : size[0], : size[1]]


def unfold(planes: Floats, size: Size) -> Floats:
    """Planes of twice the size, of four channels each."""
    return from_quarters([planes[i::4] for i in range(4)], size)


def repeat_edges(planes: Floats) -> Floats:
    """One more row and column on every side."""
    return np.pad(planes, ((0, 0), (1, 1), (1, 1)), "edge")


def even(planes: Floats) -> Floats:
    """The last row and column repeated where they are odd in number."""
    return np.pad(planes, ((0, 0), (0, planes.shape[1] % 2), (0, planes.shape[2] % 2)), "edge")


def neighbour_differences(planes: Floats) -> Floats:
    """The eight neighbours less the pixel, row by row, all channels of each."""
    height, width = planes.shape[1:]
    padded = repeat_edges(planes)
    places = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    return np.concatenate([padded[:, i : i + height, j : j + width] - planes for i, j in places])


def varied(planes: Floats) -> npt.NDArray[np.bool_]:
    """Whether a pixel and its neighbours are not all the same, in each channel."""
    height, width = planes.shape[1:]
    padded = repeat_edges(planes)  # which adds neither a larger nor a lesser one
    around = np.stack([padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)])
    return around.max(0) > around.min(0)


def to_opponent(rgb: Floats) -> Floats:
    """Samples to opponent colour."""
    r, g, b = (rgb - np.float32(128)) / np.float32(64)
    return np.stack([(r + g + b) * THIRD, (r - b) * HALF, ((r - g) + (b - g)) * SIXTH])


def to_rgb(opponent: Floats) -> Floats:
    """Inverse of `to_opponent`."""
    y, p, q = opponent[0] * THIRD, opponent[1] * HALF, opponent[2] * SIXTH
    return np.stack([y + p + q, y - (q + q), y - p + q]) * np.float32(64) + np.float32(128)
