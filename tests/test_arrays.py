"""Arrays and tensors as pictures: which shapes are taken, and as what."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from svcodec.codec.pictures import read_picture
from svcodec.errors import InputError

Samples = npt.NDArray[np.uint8]


def test_arrays(photo: Samples, alpha: Samples) -> None:
    assert np.array_equal(read_picture(photo).pixels, photo)
    assert read_picture(photo).alpha is None
    grey = read_picture(photo[..., 0])
    assert np.array_equal(grey.pixels, photo[..., 0])
    for colours in (photo, photo[..., :1]):
        picture = read_picture(np.dstack([colours, alpha]))
        assert np.array_equal(picture.pixels, colours.squeeze())
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, alpha)


def test_tensors(photo: Samples) -> None:
    torch = pytest.importorskip("torch")
    assert np.array_equal(read_picture(torch.from_numpy(photo.copy())).pixels, photo)
    for tensor, text in ((torch.zeros(5, 8, 8, dtype=torch.uint8), "channels last"), (torch.zeros(8, 8, 3), "255")):
        with pytest.raises(InputError, match=text):
            read_picture(tensor)
    with pytest.raises(InputError, match="shape"):
        read_picture(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(InputError, match="uint8"):
        read_picture(torch.zeros(8, 8, dtype=torch.bfloat16))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tensors_with_channels_first(photo: Samples, alpha: Samples, channels: int) -> None:
    torch = pytest.importorskip("torch")
    samples = np.dstack([photo, alpha])[..., :channels]
    last, first = read_picture(samples), read_picture(torch.from_numpy(np.moveaxis(samples, -1, 0).copy()))
    assert np.array_equal(first.pixels, last.pixels)
    assert first.pixels.flags.c_contiguous
    assert (first.alpha is None) == (channels in (1, 3))
    assert last.alpha is None or np.array_equal(first.alpha, last.alpha)


@pytest.mark.parametrize("shape", [(3, 8, 3), (1, 9, 4), (4, 1, 1)])
def test_tensors_that_could_be_read_both_ways_are_refused(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(InputError, match="first or last"):
        read_picture(tensor)
    assert read_picture(tensor.numpy()).pixels.shape[:2] == shape[:2]


def test_a_third_axis_of_one_is_grey(photo: Samples) -> None:
    picture = read_picture(photo[..., :1])
    assert np.array_equal(picture.pixels, photo[..., 0])
    assert picture.alpha is None


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((4, 4), np.int16), "uint8 or uint16"),
        (np.zeros((4, 4, 3), np.float32), "255"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4), object), "object"),
        (np.zeros((3, 4, 5), np.uint8), "channels last"),
        (np.zeros(4, np.uint8), "shape"),
        (np.zeros((1, 4, 4, 3), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.zeros((1, 65536), np.uint8), "65535"),
    ],
)
def test_refused_arrays(array: npt.NDArray[Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        read_picture(array)
