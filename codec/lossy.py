"""The lossy road: `sketch`, `preview`, `standard` and `high`, a picture as a whole.

The decoder pops u (its top, then levels 6 to 4 of the ladder), y_K where the tier has it exactly, and as many of z_K ..
z_1 as are coded; the picture is the mean of x given these. The encoder draws all of them from coarse to fine, as the
decoder will, and then pushes them in reverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from ..arrays import Pixels
from ..bitstream.container import Entry, Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..errors import CorruptError
from ..models.blocks import Rate
from ..models.details import Draw, trade_off
from ..models.pyramid import Pyramid, Size, level_sizes
from ..models.selfvae import DEPTH, LEVELS, draw_mean
from ..models.transforms import to_opponent, to_pixels, to_rgb, to_samples
from .latents import Drawn, draw_direct, draw_popped, draw_sampled, push_drawn
from .ledger import Ledger, latent_variable, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TierSpec

COUNT_BITS = 2  # of how many levels of details are coded, where a tier leaves it open


@dataclass(frozen=True, eq=False)
class Draft:
    """A picture of which some levels of details are coded.

    Attributes:
        levels: how many, z_K first.
        pixels: as they will be decoded.
    """

    levels: int
    pixels: Pixels


def encode(model: Model, stack: Stack, spec: TierSpec, at: Rate, pixels: Pixels) -> tuple[Entry, ...]:
    """Seal a stack, push a picture's variables, and return what each of them took.

    Args:
        stack: empty.
        spec: of a lossy tier.
        at: what `Model.at` makes of the picture's quality and tune.
        pixels: uint8 (h, w, 3), or (h, w) for grey.
    """
    network, grey = model.network, pixels.ndim == 2
    pyramid = Pyramid.over(to_samples(pixels, model.device), DEPTH)
    drawn: dict[Variable, list[Drawn]] = {}

    def draw_at(k: int, level: Tensor) -> Draw:
        inferred = network.ladder.infer(k, pyramid, level, at)
        return draw_direct(inferred, drawn.setdefault(latent_variable(k), []))

    mean, features = network.ladder.flow.draw(at, pyramid.sizes, draw_at)
    walk = partial(network.gist_likelihood, mean, features)
    level = pyramid.opponent(LEVELS) if spec.gist_exact else mean
    drafts = []
    for count in range(max(spec.details) + 1):
        if count in spec.details:
            picture = network.ladder.descend(level, features, at, pyramid.sizes, draw_nothing, LEVELS - count)
            drafts.append(Draft(count, to_pixels(to_rgb(picture), grey)))
        if count < max(spec.details):
            level, features = network.ladder.step(LEVELS - count, level, features, at, pyramid.sizes, draw_at)
    draft = drafts[0] if len(drafts) == 1 else _best(drafts, drawn, pixels, at, model)
    for k in range(LEVELS - draft.levels, 0, -1):
        drawn.pop(latent_variable(k), None)
    stack.seal(checksum(draft.pixels))
    ledger = Ledger(stack)
    for variable in reversed(drawn):
        if variable is Variable.U and spec.gist_exact:
            with ledger.counting(level_variable(LEVELS)):
                LevelCoder(model.mixtures, stack, grey).push(walk, pyramid[LEVELS])
        with ledger.counting(variable):
            push_drawn(stack, drawn[variable])
    if len(spec.details) > 1:
        stack.push_uniform([draft.levels], COUNT_BITS)
    return ledger.account()


def _best(
    drafts: Sequence[Draft], drawn: Mapping[Variable, list[Drawn]], pixels: Pixels, at: Rate, model: Model
) -> Draft:
    """The draft of the least rate plus lambda times squared error, the objective that the ladder was trained for."""
    weight = trade_off(at.quality).item()
    height, width = pixels.shape[:2]

    def cost(draft: Draft) -> float:
        stack = Stack(model.residuals)
        for k in range(LEVELS, LEVELS - draft.levels, -1):
            push_drawn(stack, drawn[latent_variable(k)])
        error = np.square(draft.pixels - pixels.astype(np.int32)).mean()
        return stack.bits / (height * width) + weight * float(error)

    return min(drafts, key=cost)


def decode(
    model: Model, stack: Stack, spec: TierSpec, at: Rate, size: Size, grey: bool, seed: int | None = None, k: int = 0
) -> Pixels:
    """The picture that `encode` put on a stack, or the mean of its y_k, each side halved k times, rounded up.

    Args:
        at: as for `encode`.
        size: of the whole picture.
        seed: draws what the tier does not code instead of taking its mean.
        k: 0..K; above 0 there is no seal that would say whether the pixels are right.

    Returns:
        uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine did not decode it exactly.
    """
    network = model.network
    sizes = level_sizes(size, DEPTH)
    coded = draw_popped(stack)
    uncoded = draw_mean if seed is None else draw_sampled(np.random.default_rng(seed))
    count = stack.pop_uniform(1, COUNT_BITS)[0] if len(spec.details) > 1 else spec.details[0]
    if count not in spec.details:
        raise CorruptError(f"tier {spec.name} can't code {count} levels of details")
    level, features = network.ladder.flow.draw(at, sizes, lambda k, level: coded)
    if spec.gist_exact:
        walk = partial(network.gist_likelihood, level, features)
        level = to_opponent(LevelCoder(model.mixtures, stack, grey).pop(walk, sizes[LEVELS], model.device))
    last = LEVELS - count
    picture = network.ladder.descend(
        level, features, at, sizes, lambda k, level: coded if k > last else uncoded, last=k
    )
    pixels = to_pixels(to_rgb(picture), grey)
    if k == 0:
        seal = stack.unseal()
        if seed is None or not spec.sampled:
            check_seal(seal, pixels)
    return pixels


def draw_nothing(k: int, level: Tensor) -> Draw:
    """Code nothing at any level."""
    return draw_mean
