"""The transforms d of the paper's figure 2: self-supervised representations of pictures (section 3.2).

Each is deterministic and discrete: whole numbers 0..255 in, and out of them a few of the whole numbers 0..255, by sums
and comparisons of integers that float32 holds exactly. So what a transform gives is itself an 8-bit picture, and
transforms may follow one another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..models.transforms import downscale

RGB = 3
JOIN = "+"  # between transforms that make one: d(x) = sketch(downscale(x)) is "downscale+sketch"
MIDDLE = 127.5  # of the samples


class Shape(NamedTuple):
    """Of square pictures or latents, without the batch."""

    channels: int
    side: int


@dataclass(frozen=True)
class Representation:
    """A transform d.

    Attributes:
        name: by which models know it.
        function: integers 0..255, float (b, c, h, w), to others, float (b, c', h', w').
        step: what the samples it gives are multiples of; 255 is a multiple of it.
        grey: whether it gives one channel rather than those it takes.
        halves: how often it halves the sides.
        repeatable: whether it may be applied to what it gave, because that loses something again.
        likeness: whether its samples are near those of the picture.
        keeps: whether its samples are among those it takes, and so multiples of what these are multiples of.
        pointwise: whether a sample it gives depends on one pixel alone.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    step: int = 1
    grey: bool = False
    halves: int = 0
    repeatable: bool = False
    likeness: bool = True
    keeps: bool = False
    pointwise: bool = False

    def __call__(self, picture: Tensor) -> Tensor:
        """d(picture).

        Args:
            picture: integers 0..255, float (b, 3 or 1, h, w), with sides that are multiples of 2^halves.
        """
        return self.function(picture)

    def shape(self, picture: Shape) -> Shape:
        """Of what it gives for such pictures."""
        return Shape(1 if self.grey else picture.channels, picture.side >> self.halves)

    def guess(self, representation: Tensor, picture: Shape) -> Tensor:
        """What a picture looks like by its representation alone: where the likelihood's means begin.

        Its samples enlarged, and grey in every channel; the middle grey where it has no likeness to the picture.
        """
        shape = (len(representation), picture.channels, picture.side, picture.side)
        if not self.likeness:
            return representation.new_full(shape, MIDDLE)
        enlarged = F.interpolate(representation, scale_factor=float(1 << self.halves), mode="nearest")
        return enlarged.expand(shape)


def luma(picture: Tensor) -> Tensor:
    """(77 r + 150 g + 29 b) / 256 of RGB, halves rounded up; grey pictures as they are."""
    if picture.shape[1] == 1:
        return picture
    red, green, blue = picture.unbind(1)
    return torch.floor((77 * red + 150 * green + 29 * blue + 128) / 256)[:, None]


def quantise(picture: Tensor, step: int) -> Tensor:
    """The nearest multiples of a step, the upper one of two."""
    return torch.floor((picture + step // 2) / step) * step


def _blur(picture: Tensor) -> Tensor:
    """1-2-1 in both directions, halves rounded up."""
    h, w = picture.shape[-2:]
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    rows = padded[..., :h, :] + 2 * padded[..., 1 : h + 1, :] + padded[..., 2:, :]
    return torch.floor((rows[..., :w] + 2 * rows[..., 1 : w + 1] + rows[..., 2:] + 8) / 16)


def _median(picture: Tensor) -> Tensor:
    """Of the 3x3 around every sample."""
    h, w = picture.shape[-2:]
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    around = torch.stack([padded[..., dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)])
    return around.sort(0).values[4]


def _edges(picture: Tensor) -> Tensor:
    """Sobel's gradient of the luma, the larger of its two parts, dark on white, in 16 greys."""
    h, w = picture.shape[-2:]
    padded = F.pad(luma(picture), (1, 1, 1, 1), mode="replicate")
    smooth_down = padded[..., :h, :] + 2 * padded[..., 1 : h + 1, :] + padded[..., 2:, :]
    smooth_along = padded[..., :w] + 2 * padded[..., 1 : w + 1] + padded[..., 2:]
    across = smooth_down[..., 2:] - smooth_down[..., :w]
    down = smooth_along[..., 2:, :] - smooth_along[..., :h, :]
    strength = torch.floor(torch.maximum(across.abs(), down.abs()) / 2).clamp_max(255)
    return 255 - quantise(strength, 17)


def _silhouette(picture: Tensor) -> Tensor:
    """White where the luma is at least its mean over the picture, black elsewhere."""
    grey = luma(picture)
    count = grey[0].numel()
    return 255.0 * (grey * count >= grey.sum((1, 2, 3), keepdim=True)).to(grey.dtype)


REPRESENTATIONS = {
    each.name: each
    for each in (
        Representation("downscale", downscale, halves=1, repeatable=True),
        Representation("sketch", _edges, step=17, grey=True, likeness=False),
        Representation("greyscale", luma, grey=True, pointwise=True),
        Representation("colours", lambda picture: quantise(picture, 51), step=51, pointwise=True),
        Representation("blur", _blur, repeatable=True),
        Representation("median", _median, repeatable=True, keeps=True),
        Representation("silhouette", _silhouette, step=255, grey=True, likeness=False),
    )
}


def named(name: str) -> Representation:
    """A transform, or several in turn with a "+" between their names, as one.

    Raises InputError where there is none, or they can't follow one another.
    """
    return chain([name])[0]


def chain(names: Sequence[str]) -> tuple[Representation, ...]:
    """d_1 .. d_K, of which each takes what the one before gave.

    Raises InputError where one is not there, would be applied twice and is not `repeatable`, or would lose nothing.
    """
    transforms: list[Representation] = []
    before: list[Representation] = []
    step = 1
    for name in names:
        parts = [_part(part) for part in name.split(JOIN)]
        for part in parts:
            _refuse_idle(part, before, step)
            before.append(part)
            step = step if part.keeps else part.step
        transforms.append(_joined(name, parts, step))
    return tuple(transforms)


def _part(name: str) -> Representation:
    if name not in REPRESENTATIONS:
        raise InputError(f"there is no transform {name!r}: it is one of {', '.join(REPRESENTATIONS)}")
    return REPRESENTATIONS[name]


def _refuse_idle(transform: Representation, before: Sequence[Representation], step: int) -> None:
    if transform in before and not transform.repeatable:
        raise InputError(f"{transform.name} can't be applied to what it gave (section 3.4)")
    grey = any(part.grey for part in before)
    if transform.pointwise and grey >= transform.grey and step % transform.step == 0:
        raise InputError(f"{transform.name} loses nothing of what {before[-1].name} gives (section 3.4)")


def _joined(name: str, parts: Sequence[Representation], step: int) -> Representation:
    return Representation(
        name,
        lambda picture: reduce(lambda y, transform: transform(y), parts, picture),
        step=step,
        grey=any(part.grey for part in parts),
        halves=sum(part.halves for part in parts),
        repeatable=all(part.repeatable for part in parts),
        likeness=all(part.likeness for part in parts),
    )
