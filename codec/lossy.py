"""The lossy road: `sketch`, `preview`, `standard` and `high`.

The top of u and its details at level 6 of the ladder are the whole picture's. All that is finer belongs to tiles: the
rest of u, levels 5 and 4, y_K where the tier has it exactly, and as many of z_K .. z_1 as are coded; the picture is the
mean of x given these. The networks of u in a tile also see y_5 around it, and those of z y_K, but of the latents there
only their priors' means: so a tile can be decoded without the z of its neighbours. The encoder draws all from coarse to
fine, as the decoder will, and pushes it in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from ..arrays import Pixels, halved
from ..bitstream.codes import Codes, join_parts
from ..bitstream.container import Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..errors import CorruptError, TruncatedError
from ..models.blocks import Rate
from ..models.details import Draw, trade_off
from ..models.pyramid import Pyramid, Size, level_sizes
from ..models.selfvae import DEPTH, LEVELS, draw_mean
from ..models.transforms import to_opponent, to_pixels, to_rgb, to_samples
from .descent import PARTING, Descent, Gist, begin, part_of
from .flats import Flats
from .heap import one_by_one
from .latents import Drawn, draw_direct, draw_popped, draw_sampled, push_drawn
from .ledger import Coded, Ledger, latent_variable, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TierSpec
from .tiling import GIST_HALO, HALO, Tile, Where, assemble, at_level, numbers_in, tiles_of, whole

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


@dataclass(frozen=True, eq=False)
class Begun:
    """A tile down to y_K, to be pushed when what is finer has been.

    Attributes:
        drawn: what is a tile's of u.
        mean: of y_K given u, in opponent colour.
    """

    drawn: list[Drawn]
    mean: Tensor


class Encoder:
    """Draws and pushes one picture.

    Args:
        spec: of a lossy tier.
        at: what `Model.at` makes of the picture's quality and tune.
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        flats: its areas of one colour, which shall be exact.
    """

    def __init__(self, model: Model, spec: TierSpec, at: Rate, pixels: Pixels, flats: Flats | None):
        self.model, self.spec, self.at, self.pixels, self.flats = model, spec, at, pixels, flats
        self.ladder, self.grey, self.size = model.network.ladder, pixels.ndim == 2, pixels.shape[:2]
        self.ledger = Ledger()

    def encode(self) -> Coded:
        """The picture in codes."""
        tiles = tiles_of(self.size)
        true = self._gist(tiles)
        drawn: list[Drawn] = []
        coarse = begin(
            self.ladder,
            self.at,
            true.sizes,
            lambda k, level: draw_direct(self.ladder.infer(k, true, level, self.at), drawn),
        )
        gist = Gist(self.size, coarse[0])
        begun = [self._begin(tile, *coarse, true, gist) for tile in one_by_one(tiles)]
        stacks = []
        for number, tile in enumerate(one_by_one(tiles)):
            stack, marks = self._details(tile, gist)
            self._push(stack, tile, begun[number], gist)
            if number == 0:
                with self.ledger.counting(stack, Variable.U):
                    push_drawn(stack, drawn)
            stacks.append(stack.parts(marks))
        flats = None if self.flats is None else self.flats.section
        return Coded(join_parts(stacks), self.ledger.account(), flats)

    def _gist(self, tiles: list[Tile]) -> Pyramid:
        """y_K and above, as they are."""
        pixels = assemble(
            [at_level(tile.inside, LEVELS) for tile in tiles],
            at_level(whole(self.size), LEVELS),
            self.grey,
            lambda number: halved(self.pixels[tiles[number].inside], LEVELS),
        )
        return Pyramid.over(to_samples(pixels, self.model.device), DEPTH, first=LEVELS)

    def _begin(self, tile: Tile, level: Tensor, above: Tensor, true: Pyramid, gist: Gist) -> Begun:
        """Draw what is a tile's of u, and put what it gives into the gist."""
        around = tile.around(GIST_HALO)
        seen = Pyramid.over(part_of(true[LEVELS], at_level(around, LEVELS)), DEPTH, first=LEVELS)
        descent = Descent(self.ladder, tile.inside, around, PARTING, level, above, self.at)
        drawn: list[Drawn] = []
        while descent.k > LEVELS:
            descent.step(draw_direct(self.ladder.infer(descent.k, seen, descent.level, self.at), drawn))
        mean, features = descent.reached()
        exact = part_of(true[LEVELS], at_level(tile.inside, LEVELS))
        gist.put(tile.inside, to_opponent(exact) if self.spec.gist_exact else mean, features)
        return Begun(drawn, mean)

    def _push(self, stack: Stack, tile: Tile, begun: Begun, gist: Gist) -> None:
        """Push y_K, where it is exact, and u."""
        if self.spec.gist_exact:
            samples = halved(self.pixels[tile.inside], LEVELS)
            coder = LevelCoder(self.model.mixtures, stack, self.grey)
            with self.ledger.counting(stack, level_variable(LEVELS)):
                features = part_of(gist.features, at_level(tile.inside, LEVELS + 1))
                walk = partial(self.model.network.gist_likelihood, begun.mean, features)
                coder.push(walk, to_samples(samples, self.model.device))
        with self.ledger.counting(stack, Variable.U):
            push_drawn(stack, begun.drawn)

    def _details(self, tile: Tile, gist: Gist) -> tuple[Stack, list[int]]:
        """A stack with a tile's details, and where z_1, z_2 and z_3 end on it."""
        around = tile.around(HALO)
        descent = Descent(self.ladder, tile.inside, around, LEVELS, gist.level, gist.features, self.at)
        seen = Pyramid.over(to_samples(self.pixels[around], self.model.device), LEVELS)
        counts = self.spec.details
        drawn: dict[int, list[Drawn]] = {k: [] for k in range(1, LEVELS + 1)}
        drafts = []
        for count in range(max(counts) + 1):
            if count in counts:
                drafts.append(Draft(count, shown(descent.mean(0), self.grey, tile.inside, 0, self.flats)))
            if count < max(counts):
                inferred = self.ladder.infer(descent.k, seen, descent.level, self.at)
                descent.step(draw_direct(inferred, drawn[descent.k]))
        if len(drafts) == 1:
            return self._stack(drafts[0], drawn, self.ledger)
        weight = trade_off(self.at.quality).item()
        true = self.pixels[tile.inside].astype(np.int32)

        def cost(draft: Draft) -> float:
            """The objective that the ladder was trained for: rate plus lambda times squared error."""
            stack, _ = self._stack(draft, drawn, Ledger())
            return stack.bits / (true.shape[0] * true.shape[1]) + weight * float(np.square(draft.pixels - true).mean())

        return self._stack(min(drafts, key=cost), drawn, self.ledger)

    def _stack(self, draft: Draft, drawn: dict[int, list[Drawn]], ledger: Ledger) -> tuple[Stack, list[int]]:
        stack, marks = Stack(self.model.residuals), []
        stack.seal(checksum(draft.pixels))
        for k in range(1, LEVELS + 1):
            if k > LEVELS - draft.levels:
                with ledger.counting(stack, latent_variable(k)):
                    push_drawn(stack, drawn[k])
            if k == LEVELS and len(self.spec.details) > 1:
                stack.push_uniform([draft.levels], COUNT_BITS)
            marks.append(stack.position)
        return stack, marks


class Decoder:
    """Pops one picture, or a part of it.

    Args:
        codes: as an encoder returns them, or fewer: what is not there is its mean.
        spec, at, flats: as for the encoder.
        size: of the picture.
        grey: whether it has one channel.
        seed: draws what the tier does not code instead of taking its mean.
    """

    def __init__(
        self,
        model: Model,
        codes: Codes,
        spec: TierSpec,
        at: Rate,
        size: Size,
        grey: bool,
        flats: Flats | None,
        seed: int | None,
    ):
        self.model, self.spec, self.at, self.size, self.grey = model, spec, at, size, grey
        self.flats, self.seed = flats, seed
        self.ladder = model.network.ladder
        self.tiles = tiles_of(size)
        self.parts = codes.parts(len(self.tiles))

    def decode(self, wanted: Where, k: int) -> Pixels:
        """The mean of y_k, each side halved k times, rounded up; for k = 0 what was encoded.

        Args:
            wanted: the part of the picture to be decoded.
            k: 0..K; above 0 there is no seal that would say whether the pixels are right.

        Returns:
            uint8 (h, w, 3), or (h, w) for grey: what y_k has of `wanted`.

        Raises:
            StreamError: the codes are not what an encoder returned, or this machine did not decode them exactly.
        """
        places = [tile.inside for tile in self.tiles]
        seen = [self.tiles[number].around(HALO) for number in numbers_in(places, [wanted])]
        stacks = {0: self._stack(0)}
        sizes = level_sizes(self.size, DEPTH)
        coarse = begin(self.ladder, self.at, sizes, lambda k, level: draw_popped(stacks[0]))
        gist = Gist(self.size, coarse[0])
        for number in one_by_one(numbers_in(places, seen if k < LEVELS else [wanted])):
            stacks[number] = stacks.get(number) or self._stack(number)
            self._begin(self.tiles[number], stacks[number], *coarse, gist, k < LEVELS)
        if k == LEVELS:
            return shown(part_of(gist.level, at_level(wanted, k)), self.grey, wanted, k, self.flats)
        return assemble(
            [at_level(place, k) for place in places],
            at_level(wanted, k),
            self.grey,
            lambda number: self._details(number, stacks.pop(number), gist, k),
        )

    def _stack(self, number: int) -> Stack:
        if not self.parts[number]:
            raise TruncatedError("the file ends before there is a picture")
        return Stack.from_bytes(b"".join(self.parts[number]), self.model.residuals)

    def _begin(self, tile: Tile, stack: Stack, level: Tensor, above: Tensor, gist: Gist, finer: bool) -> None:
        """Pop what is a tile's of u, and y_K where it is exact, into the gist; features only for what is finer."""
        descent = Descent(self.ladder, tile.inside, tile.around(GIST_HALO), PARTING, level, above, self.at)
        while descent.k > LEVELS:
            descent.step(draw_popped(stack))
        mean, features = descent.reached()
        if self.spec.gist_exact:
            coder = LevelCoder(self.model.mixtures, stack, self.grey)
            walk = partial(self.model.network.gist_likelihood, mean, features)
            mean = to_opponent(coder.pop(walk, (mean.shape[2], mean.shape[3]), self.model.device))
        gist.put(tile.inside, mean, features if finer else None)

    def _details(self, number: int, stack: Stack, gist: Gist, k: int) -> Pixels:
        """y_k in a tile."""
        inside, around = self.tiles[number].inside, self.tiles[number].around(HALO)
        there = len(self.parts[number]) - 1
        count = self._count(stack) if there else 0
        descent = Descent(self.ladder, inside, around, LEVELS, gist.level, gist.features, self.at)
        while descent.k > max(k, LEVELS - min(count, there)):
            descent.step(draw_popped(stack))
        uncoded: Draw = draw_mean if self.seed is None else draw_sampled(np.random.default_rng((self.seed, number)))
        pixels = shown(descent.mean(k, uncoded), self.grey, inside, k, self.flats)
        if k == 0 and there == LEVELS:
            seal = stack.unseal()
            if self.seed is None or not self.spec.sampled:
                check_seal(seal, pixels)
        return pixels

    def _count(self, stack: Stack) -> int:
        """How many levels of details a tile has."""
        counts = self.spec.details
        count = int(stack.pop_uniform(1, COUNT_BITS)[0]) if len(counts) > 1 else counts[0]
        if count not in counts:
            raise CorruptError(f"tier {self.spec.name} can't code {count} levels of details")
        return count


def shown(level: Tensor, grey: bool, where: Where, k: int, flats: Flats | None) -> Pixels:
    """y_k of a place in the picture, in opponent colour, as pixels; with the areas of one colour that it has there."""
    pixels = to_pixels(to_rgb(level), grey)
    if flats is not None:
        flats.paint(pixels, at_level(where, k), k)
    return pixels
