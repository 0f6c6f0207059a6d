"""The transforms of the paper's figure 2: deterministic, discrete, composable."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import svcodec
from svcodec.family.representations import REPRESENTATIONS, Shape, chain, named

NAMES = [*REPRESENTATIONS, "downscale+sketch", "blur+downscale+greyscale", "colours+median"]


@st.composite
def pictures(draw: st.DrawFn) -> Tensor:
    """A batch of smooth, noisy, flat or extreme pictures, of 1 or 3 channels."""
    count, channels, height, width = draw(
        st.tuples(*(st.sampled_from(sizes) for sizes in ((1, 2, 3), (1, 3), (4, 8, 16), (4, 8, 16))))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "flat", "binary", "ramp"]))
    shape = (count, channels, height, width)
    if kind == "noise":
        samples = rng.integers(0, 256, shape)
    elif kind == "flat":
        samples = np.broadcast_to(rng.integers(0, 256, (count, channels, 1, 1)), shape)
    elif kind == "binary":
        samples = 255 * rng.integers(0, 2, shape)
    else:
        samples = (rng.integers(0, 9) * np.arange(height)[:, None] + np.arange(width) + np.zeros(shape, int)) % 256
    return torch.from_numpy(np.ascontiguousarray(samples)).float()


@pytest.mark.parametrize("name", NAMES)
@given(picture=pictures())
def test_discrete(name: str, picture: Tensor) -> None:
    """What comes out are multiples of the step between 0 and 255, of the shape that is announced."""
    transform = named(name)
    found = transform(picture)
    assert found.dtype == picture.dtype
    assert ((found >= 0) & (found <= 255)).all()
    assert torch.equal(found % transform.step, torch.zeros_like(found))
    assert 255 % transform.step == 0
    channels, side = transform.shape(Shape(picture.shape[1], picture.shape[2]))
    assert found.shape[:3] == (len(picture), channels, side)


@pytest.mark.parametrize("name", NAMES)
@given(picture=pictures())
def test_deterministic(name: str, picture: Tensor) -> None:
    """The same picture gives the same, in any batch, type and layout of memory, and is left as it was."""
    transform, before = named(name), picture.clone()
    found = transform(picture)
    assert torch.equal(transform(picture), found)
    assert torch.equal(torch.cat([transform(each[None]) for each in picture]), found)
    assert torch.equal(transform(picture.double()).float(), found)
    assert torch.equal(transform(picture.contiguous(memory_format=torch.channels_last)), found)
    assert torch.equal(picture, before)


@pytest.mark.parametrize("name", ["greyscale", "colours", "silhouette"])
@given(picture=pictures())
def test_what_is_not_repeatable_loses_nothing_the_second_time(name: str, picture: Tensor) -> None:
    found = named(name)(picture)
    if name == "silhouette" and found.min() == 255:
        return  # white all over
    assert torch.equal(named(name)(found), found)


@pytest.mark.parametrize("name", ["blur", "median", "downscale", "greyscale"])
def test_flat_pictures_keep_their_grey(name: str) -> None:
    flat = torch.arange(256).float().view(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    assert torch.equal(
        named(name)(flat),
        flat[:, : named(name).shape(Shape(3, 4)).channels, : (4 >> named(name).halves), : (4 >> named(name).halves)],
    )


def test_colours_are_the_nearest() -> None:
    grey = torch.arange(256).float().view(1, 1, 16, 16)
    assert (named("colours")(grey) - grey).abs().max() <= 25.5
    assert len(named("colours")(grey).unique()) == 6


def test_sketch_finds_edges_and_nothing_else() -> None:
    picture = torch.full((1, 3, 8, 8), 40.0)
    assert (named("sketch")(picture) == 255).all()
    picture[..., 4:] = 200
    assert (named("sketch")(picture)[0, 0] == torch.tensor([255, 255, 255, 0, 0, 255, 255, 255.0])).all()


def test_silhouette_of_halves() -> None:
    picture = torch.zeros(1, 3, 4, 4)
    picture[..., :2, :] = 90
    assert torch.equal(named("silhouette")(picture)[0, 0, :, 0], torch.tensor([255, 255, 0, 0.0]))


@given(picture=pictures())
def test_composed_transforms_are_their_parts_in_turn(picture: Tensor) -> None:
    found = picture
    for transform in chain(("blur", "downscale", "greyscale")):
        found = transform(found)
    assert torch.equal(named("blur+downscale+greyscale")(picture), found)


def test_what_can_not_follow() -> None:
    assert len(chain(("downscale",) * 3)) == 3
    for names in (("sketch", "sketch"), ("greyscale+downscale", "greyscale"), ("downscale", "colours", "blur+colours")):
        with pytest.raises(svcodec.InputError, match="can't be applied to what it gave"):
            chain(names)
    for names in (
        ("sketch", "greyscale"),
        ("silhouette", "colours"),
        ("colours+median", "downscale+silhouette+colours"),
    ):
        with pytest.raises(svcodec.InputError, match=r"can't be applied|loses nothing"):
            chain(names)
    with pytest.raises(svcodec.InputError, match="there is no transform 'swirl'"):
        chain(("blur", "downscale+swirl"))


@given(picture=pictures())
def test_samples_among_those_that_are_taken_keep_their_step(picture: Tensor) -> None:
    for names, step in (
        (("silhouette", "median"), 255),
        (("median+colours+median",), 51),
        (("sketch+median+blur",), 1),
    ):
        last = chain(names)[-1]
        assert last.step == step
        found = reduce(lambda y, transform: transform(y), chain(names), picture)
        assert torch.equal(found % step, torch.zeros_like(found))


@pytest.mark.parametrize("name", NAMES)
def test_guess_has_the_pictures_shape(name: str) -> None:
    picture = torch.randint(0, 256, (2, 3, 8, 8)).float()
    guess = named(name).guess(named(name)(picture), Shape(3, 8))
    assert guess.shape == picture.shape
    flat = torch.full((1, 3, 8, 8), 102.0)
    expected = flat if named(name).likeness else torch.full_like(flat, 127.5)
    assert torch.equal(named(name).guess(named(name)(flat), Shape(3, 8)), expected)
