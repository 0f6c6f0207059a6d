"""What is flat stays flat in the networks: areas of one colour, pages of text, charts, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
from made import in_codes

import svcodec
from svcodec.benchmarks import drawings
from svcodec.benchmarks.metrics import flat_areas
from svcodec.codec.flats import Flats

Integers = npt.NDArray[np.int64]
COLOURS = [(255, 255, 255), (0, 0, 0), (30, 30, 30), (128, 128, 128), (200, 30, 60), (90, 150, 210), (253, 246, 227)]


def errors(pixels: npt.NDArray[np.uint8], **options: Any) -> Integers:
    """Of what the networks give, without the areas that are kept beside their codes."""
    with in_codes(), mock.patch.object(Flats, "found", return_value=None):
        data = svcodec.encode(pixels, **options)
    return np.abs(svcodec.decode_array(data).astype(np.int64) - pixels).max(2)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("options", [{}, {"quality": 80}, {"tune": "psnr"}, {"tier": "high"}], ids=str)
def test_one_colour_is_within_one_level(colour: tuple[int, int, int], options: dict[str, Any]) -> None:
    assert errors(np.full((70, 90, 3), colour, np.uint8), **options).max() <= 1


@pytest.mark.parametrize(
    ("drawing", "more_than_one"), [(drawings.page, 0.01), (drawings.chart, 0.1), (drawings.flat_colours, 0.2)]
)
def test_flat_areas_of_drawings(drawing: Callable[[], npt.NDArray[np.uint8]], more_than_one: float) -> None:
    pixels = drawing()
    there = errors(pixels)[flat_areas(pixels)]
    assert there.mean() < 1 and (there > 1).mean() < more_than_one


@pytest.mark.parametrize(("quality", "mean"), [(60, 0.9), (80, 0.7)])
def test_gradients_have_no_steps(quality: int, mean: float) -> None:
    assert errors(drawings.gradient(), quality=quality).mean() < mean
