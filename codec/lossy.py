"""The lossy road: `sketch`, `preview`, `standard` and `high`, a picture as a whole.

The decoder pops u (its top, then levels 6 to 4 of the ladder), y_K where the tier has it exactly, and z_K .. z_1 where
it codes details; the picture is the mean of x given these. The encoder draws all of them from coarse to fine, as the
decoder will, and then pushes them in reverse.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from ..arrays import Pixels
from ..bitstream.container import Entry, Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..models.blocks import Rate
from ..models.details import Draw
from ..models.pyramid import Pyramid, Size, level_sizes
from ..models.selfvae import DEPTH, LEVELS, draw_mean
from ..models.transforms import to_opponent, to_pixels, to_rgb, to_samples
from .latents import Drawn, draw_direct, draw_popped, draw_sampled, push_drawn
from .ledger import Ledger, latent_variable, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TierSpec


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
    level = pyramid.opponent(LEVELS) if spec.gist_exact else mean
    picture = network.ladder.descend(level, features, at, pyramid.sizes, draw_at if spec.details else draw_nothing)
    stack.seal(checksum(to_pixels(to_rgb(picture), grey)))
    ledger = Ledger(stack)
    for variable in reversed(drawn):
        if variable is Variable.U and spec.gist_exact:
            with ledger.counting(level_variable(LEVELS)):
                walk = partial(network.gist_likelihood, mean, features)
                LevelCoder(model.mixtures, stack, grey).push(walk, pyramid[LEVELS])
        with ledger.counting(variable):
            push_drawn(stack, drawn[variable])
    return ledger.account()


def decode(model: Model, stack: Stack, spec: TierSpec, at: Rate, size: Size, grey: bool, seed: int | None) -> Pixels:
    """The pixels that `encode` put on a stack: uint8 (h, w, 3), or (h, w) for grey.

    Args:
        at: as for `encode`.
        seed: draws what the tier does not code instead of taking its mean.

    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine did not decode it exactly.
    """
    network = model.network
    sizes = level_sizes(size, DEPTH)
    coded = draw_popped(stack)
    uncoded = draw_mean if seed is None else draw_sampled(np.random.default_rng(seed))
    level, features = network.ladder.flow.draw(at, sizes, lambda k, level: coded)
    if spec.gist_exact:
        walk = partial(network.gist_likelihood, level, features)
        level = to_opponent(LevelCoder(model.mixtures, stack, grey).pop(walk, sizes[LEVELS], model.device))
    draw = coded if spec.details else uncoded
    picture = network.ladder.descend(level, features, at, sizes, lambda k, level: draw)
    pixels = to_pixels(to_rgb(picture), grey)
    seal = stack.unseal()
    if seed is None or not spec.sampled:
        check_seal(seal, pixels)
    return pixels


def draw_nothing(k: int, level: Tensor) -> Draw:
    """Code nothing at any level."""
    return draw_mean
