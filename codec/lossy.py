"""The lossy road: `sketch`, `preview`, `standard` and `high`.

u (its top, then levels 6 to 4 of the ladder), and y_K where the tier has it exactly, are the whole picture's. Then come
its tiles, each for itself: as many of z_K .. z_1 as are coded; the picture is the mean of x given these. A tile's
networks also see y_K around it, but of the latents there only their prior's mean, so that a tile can be decoded without
its neighbours. The encoder draws all from coarse to fine, as the decoder will, and pushes it in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from ..arrays import Pixels, halved
from ..bitstream.codes import join_parts, split_parts
from ..bitstream.container import Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..errors import CorruptError
from ..models.blocks import Rate
from ..models.details import Draw, draw_within, trade_off
from ..models.pyramid import Pyramid, Size, Sizes, level_sizes
from ..models.selfvae import DEPTH, LEVELS, Ladder, draw_mean
from ..models.transforms import to_opponent, to_pixels, to_rgb, to_samples
from .latents import Drawn, draw_direct, draw_popped, draw_sampled, push_drawn
from .ledger import Coded, Ledger, latent_variable, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TierSpec
from .tiling import Tile, Where, assemble, at_level, relative, size_of, tiles_of, whole

COUNT_BITS = 2  # of how many levels of details are coded, where a tier leaves it open


@dataclass(frozen=True, eq=False)
class Draft:
    """A tile of which some levels of details are coded.

    Attributes:
        levels: how many, z_K first.
        pixels: as they will be decoded.
    """

    levels: int
    pixels: Pixels


def part_of(values: Tensor, where: Where) -> Tensor:
    """What (.., h, w) has there; the same memory."""
    return values[..., where[0], where[1]]


class TileDescent:
    """From y_K and the features above it down to the pixels of a tile.

    Args:
        ladder: the networks.
        tile: which.
        level: all of y_K, decoded or exact, in opponent colour.
        features: of level K + 1, everywhere.
        at: as for `encode`.
    """

    def __init__(self, ladder: Ladder, tile: Tile, level: Tensor, features: Tensor, at: Rate):
        self.ladder, self.tile, self.at = ladder, tile, at
        self.level = part_of(level, at_level(tile.around, LEVELS))
        self.features = part_of(features, at_level(tile.around, LEVELS + 1))
        self.sizes: Sizes = level_sizes(size_of(tile.around), LEVELS)
        self.k = LEVELS

    def step(self, draw: Draw) -> None:
        """Go down by one level, drawing its details, and those around the tile as their mean."""
        inside = self.level.new_zeros(1, 1, *self.level.shape[2:]).bool()
        part_of(inside, self._place(self.k)).fill_(True)
        draw = draw if inside.all() else draw_within(inside, draw)
        self.level, self.features = self.ladder.step(
            self.k, self.level, self.features, self.at, self.sizes, lambda k, level: draw
        )
        self.k -= 1

    def mean(self, last: int, draw: Draw = draw_mean) -> Tensor:
        """The mean of y_last in the tile, in opponent colour, with nothing more coded."""
        picture = self.ladder.descend(
            self.level, self.features, self.at, self.sizes, lambda k, level: draw, self.k, last
        )
        return part_of(picture, self._place(last))

    def _place(self, k: int) -> Where:
        return relative(at_level(self.tile.inside, k), at_level(self.tile.around, k))


def encode(model: Model, spec: TierSpec, at: Rate, pixels: Pixels) -> Coded:
    """A picture in codes.

    Args:
        spec: of a lossy tier.
        at: what `Model.at` makes of the picture's quality and tune.
        pixels: uint8 (h, w, 3), or (h, w) for grey.
    """
    network, grey = model.network, pixels.ndim == 2
    parts = tiles_of(pixels.shape[:2])
    gist = assemble(
        [at_level(tile.inside, LEVELS) for tile in parts],
        at_level(whole(pixels.shape[:2]), LEVELS),
        grey,
        lambda number: halved(pixels[parts[number].inside], LEVELS),
    )
    pyramid = Pyramid.over(to_samples(gist, model.device), DEPTH, first=LEVELS)
    drawn: list[Drawn] = []
    mean, features = network.ladder.flow.draw(
        at, pyramid.sizes, lambda k, level: draw_direct(network.ladder.infer(k, pyramid, level, at), drawn)
    )
    level = pyramid.opponent(LEVELS) if spec.gist_exact else mean
    ledger = Ledger()
    stacks = []
    for tile in parts:
        stack, marks = _encode_tile(model, spec, TileDescent(network.ladder, tile, level, features, at), pixels, ledger)
        if tile is parts[0]:
            if spec.gist_exact:
                walk = partial(network.gist_likelihood, mean, features)
                with ledger.counting(stack, level_variable(LEVELS)):
                    LevelCoder(model.mixtures, stack, grey).push(walk, pyramid[LEVELS])
            with ledger.counting(stack, Variable.U):
                push_drawn(stack, drawn)
        stacks.append(stack.parts(marks))
    return Coded(join_parts(stacks), ledger.account())


def _encode_tile(
    model: Model, spec: TierSpec, descent: TileDescent, pixels: Pixels, ledger: Ledger
) -> tuple[Stack, list[int]]:
    """A stack with a tile's details, and where z_1, z_2 and z_3 end on it."""
    grey, tile = pixels.ndim == 2, descent.tile
    around = Pyramid.over(to_samples(pixels[tile.around], model.device), LEVELS)
    drawn: dict[int, list[Drawn]] = {k: [] for k in range(1, LEVELS + 1)}
    drafts = []
    for count in range(max(spec.details) + 1):
        if count in spec.details:
            drafts.append(Draft(count, to_pixels(to_rgb(descent.mean(0)), grey)))
        if count < max(spec.details):
            inferred = model.network.ladder.infer(descent.k, around, descent.level, descent.at)
            descent.step(draw_direct(inferred, drawn[descent.k]))

    def push(draft: Draft, ledger: Ledger) -> tuple[Stack, list[int]]:
        stack, marks = Stack(model.residuals), []
        stack.seal(checksum(draft.pixels))
        for k in range(1, LEVELS + 1):
            if k > LEVELS - draft.levels:
                with ledger.counting(stack, latent_variable(k)):
                    push_drawn(stack, drawn[k])
            if k == LEVELS and len(spec.details) > 1:
                stack.push_uniform([draft.levels], COUNT_BITS)
            marks.append(stack.position)
        return stack, marks

    if len(drafts) == 1:
        return push(drafts[0], ledger)
    weight = trade_off(descent.at.quality).item()
    true = pixels[tile.inside].astype(np.int32)

    def cost(draft: Draft) -> float:
        """The objective that the ladder was trained for: rate plus lambda times squared error."""
        stack, _ = push(draft, Ledger())
        return stack.bits / (true.shape[0] * true.shape[1]) + weight * float(np.square(draft.pixels - true).mean())

    return push(min(drafts, key=cost), ledger)


def decode(
    model: Model,
    codes: bytes,
    spec: TierSpec,
    at: Rate,
    size: Size,
    grey: bool,
    wanted: Where,
    k: int = 0,
    seed: int | None = None,
) -> Pixels:
    """What `encode` put into codes, or the mean of its y_k, each side halved k times, rounded up.

    Args:
        codes: as `encode` returns them.
        spec: as for `encode`.
        at: likewise.
        size: of the picture.
        grey: whether it has one channel.
        wanted: the part of the picture to be decoded.
        k: 0..K; above 0 there is no seal that would say whether the pixels are right.
        seed: draws what the tier does not code instead of taking its mean.

    Returns:
        uint8 (h, w, 3), or (h, w) for grey: what y_k has of `wanted`.

    Raises:
        StreamError: the codes are not what `encode` returned, or this machine did not decode them exactly.
    """
    network = model.network
    parts = tiles_of(size)
    stacks = split_parts(codes, len(parts))
    first = Stack.from_bytes(b"".join(stacks[0]), model.residuals)
    sizes = level_sizes(size, DEPTH)
    mean, features = network.ladder.flow.draw(at, sizes, lambda k, level: draw_popped(first))
    level = mean
    if spec.gist_exact:
        walk = partial(network.gist_likelihood, mean, features)
        level = to_opponent(LevelCoder(model.mixtures, first, grey).pop(walk, sizes[LEVELS], model.device))
    places = [at_level(tile.inside, k) for tile in parts]
    if k == LEVELS:
        return to_pixels(to_rgb(part_of(level, at_level(wanted, k))), grey)

    def give(number: int) -> Pixels:
        stack = Stack.from_bytes(b"".join(stacks[number]), model.residuals) if number else first
        count = stack.pop_uniform(1, COUNT_BITS)[0] if len(spec.details) > 1 else spec.details[0]
        if count not in spec.details:
            raise CorruptError(f"tier {spec.name} can't code {count} levels of details")
        descent = TileDescent(network.ladder, parts[number], level, features, at)
        while descent.k > max(k, LEVELS - count):
            descent.step(draw_popped(stack))
        uncoded = draw_mean if seed is None else draw_sampled(np.random.default_rng((seed, number)))
        pixels = to_pixels(to_rgb(descent.mean(k, uncoded)), grey)
        if k == 0:
            seal = stack.unseal()
            if seed is None or not spec.sampled:
                check_seal(seal, pixels)
        return pixels

    return assemble(places, at_level(wanted, k), grey, give)
