"""The lossy road: `sketch`, `preview`, `standard` and `high`.

The top of u and its details at level 6 of the ladder are the whole picture's. All that is finer belongs to tiles: the
rest of u, levels 5 and 4, y_K where the tier has it exactly, and as many of z_K .. z_1 as are coded; the picture is the
mean of x given these. Each tile goes down to y_1 alone. Then it sees y_1 around it, as its neighbours decode it, and so
no border shows. The encoder draws all from coarse to fine, as the decoder will, and pushes it in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from ..models.photo import DEPTH, LEVELS, draw_mean
from ..models.pyramid import Pyramid, Size
from ..models.transforms import to_opponent, to_pixels, to_rgb, to_samples
from .descent import MEETING, PARTING, Descent, Meeting, begin
from .flats import Flats
from .heap import one_by_one
from .latents import Drawn, draw_direct, draw_popped, draw_sampled, push_drawn
from .ledger import Coded, Ledger, latent_variable, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TierSpec
from .tiling import Where, assemble, at_level, tiles_of, whole

COUNT_BITS = 2  # of how many levels of details are coded, where a tier leaves it open


@dataclass(frozen=True, eq=False)
class Begun:
    """A tile down to y_MEETING, to be pushed when what is finer has been.

    Attributes:
        of_u: what was drawn of a tile's u.
        gist: the tile at y_K, which is its mean given u.
        details: what was drawn of z_k, by k.
        levels: of details that are coded, z_K first.
        reached: the tile at y_MEETING.
        pixels: as they are if nothing is around the tile, where levels were to choose.
    """

    of_u: list[Drawn]
    gist: Descent
    details: dict[int, list[Drawn]]
    levels: int
    reached: Descent
    pixels: Pixels | None


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
        self.tiles, self.ledger = tiles_of(self.size, exact=False), Ledger()

    def encode(self) -> Coded:
        """The picture in codes."""
        true = self._coarsest()
        drawn: list[Drawn] = []
        coarse = begin(self.ladder, self.at, self.size, lambda k, level: self._draw(k, true, level, drawn))
        begun: dict[int, Begun] = {}

        def reach(number: int) -> Descent:
            begun[number] = self._begin(coarse.part(self.tiles[number].inside))
            return begun[number].reached

        meeting, stacks = Meeting(self.tiles, reach), []
        for number, tile in enumerate(one_by_one(self.tiles)):
            around = meeting.around(number)
            stack, marks = self._push(tile.inside, around, begun.pop(number))
            if number == 0:
                with self.ledger.counting(stack, Variable.U):
                    push_drawn(stack, drawn)
            stacks.append(stack.parts(marks))
        flats = None if self.flats is None else self.flats.section
        return Coded(join_parts(stacks), self.ledger.account(), flats)

    def _coarsest(self) -> Pyramid:
        """y_PARTING and above, as they are."""
        pixels = assemble(
            [at_level(tile.inside, PARTING) for tile in self.tiles],
            at_level(whole(self.size), PARTING),
            self.grey,
            lambda number: halved(self.pixels[self.tiles[number].inside], PARTING),
        )
        return Pyramid.over(to_samples(pixels, self.model.device), DEPTH, first=PARTING)

    def _draw(self, k: int, true: Pyramid, level: Tensor, drawn: list[Drawn]) -> Draw:
        """The draw of z_k, or of u's part of that level, given y_k as decoded."""
        return draw_direct(self.ladder.infer(k, true, level, self.at), drawn)

    def _begin(self, descent: Descent) -> Begun:
        """Draw a tile down to y_MEETING, and choose how many levels of details it has."""
        true = Pyramid.over(to_samples(self.pixels[descent.where], self.model.device), DEPTH)
        of_u: list[Drawn] = []
        while descent.k > LEVELS:
            descent = descent.step(self._draw(descent.k, true, descent.level, of_u))
        gist = descent
        if self.spec.gist_exact:
            descent = replace(gist, level=true.opponent(LEVELS))
        counts = self.spec.details
        details: dict[int, list[Drawn]] = {k: [] for k in range(1, LEVELS + 1)}
        drafts = {}
        for count in range(max(counts) + 1):
            if count in counts:
                drafts[count] = descended(descent, MEETING)
            if count < max(counts) and descent.k > MEETING:
                descent = descent.step(self._draw(descent.k, true, descent.level, details[descent.k]))
        if len(drafts) == 1:
            return Begun(of_u, gist, details, counts[0], drafts[counts[0]], None)
        pixels = {count: self._shown(descended(draft, 0)) for count, draft in drafts.items()}
        weight, samples = trade_off(self.at.quality).item(), self.pixels[descent.where].astype(np.int32)

        def cost(count: int) -> float:
            """The objective that the ladder was trained for: rate plus lambda times squared error."""
            stack, _ = self._stack(count, details, pixels[count], Ledger())
            error = float(np.square(pixels[count] - samples).mean())
            return stack.bits / (samples.shape[0] * samples.shape[1]) + weight * error

        levels = min(pixels, key=cost)
        return Begun(of_u, gist, details, levels, drafts[levels], pixels[levels])

    def _push(self, inside: Where, around: Descent, begun: Begun) -> tuple[Stack, list[int]]:
        """A stack with all of a tile, and where z_1, z_2 and z_3 end on it."""
        draw: Draw = draw_mean
        if begun.levels == LEVELS:
            true = Pyramid({0: to_samples(self.pixels[around.where], self.model.device)})
            draw = self._draw(MEETING, true, around.level, begun.details[MEETING])
        pixels = begun.pixels
        if pixels is None or around.where != inside:
            pixels = self._shown(around.step(draw, inside).part(inside))
        stack, marks = self._stack(begun.levels, begun.details, pixels, self.ledger)
        if self.spec.gist_exact:
            samples = halved(self.pixels[inside], LEVELS)
            coder = LevelCoder(self.model.mixtures, stack, self.grey)
            with self.ledger.counting(stack, level_variable(LEVELS)):
                walk = partial(self.model.network.gist_likelihood, begun.gist.level, begun.gist.features)
                coder.push(walk, to_samples(samples, self.model.device))
        with self.ledger.counting(stack, Variable.U):
            push_drawn(stack, begun.of_u)
        return stack, marks

    def _shown(self, descent: Descent) -> Pixels:
        return shown(descent, self.grey, self.flats)

    def _stack(
        self, levels: int, details: dict[int, list[Drawn]], pixels: Pixels, ledger: Ledger
    ) -> tuple[Stack, list[int]]:
        """A stack with the seal and the details of a tile, and where z_1, z_2 and z_3 end on it."""
        stack, marks = Stack(self.model.residuals), []
        stack.seal(checksum(pixels))
        for k in range(1, LEVELS + 1):
            if k > LEVELS - levels:
                with ledger.counting(stack, latent_variable(k)):
                    push_drawn(stack, details[k])
            if k == LEVELS and len(self.spec.details) > 1:
                stack.push_uniform([levels], COUNT_BITS)
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
        self.tiles = tiles_of(size, exact=False)
        self.parts = codes.parts(len(self.tiles))
        self.stacks: dict[int, Stack] = {}
        self.counts: dict[int, int] = {}  # of levels of details that a tile has and that are there

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
        coarse = begin(self.ladder, self.at, self.size, lambda k, level: draw_popped(self._stack(0)))
        meeting = Meeting(self.tiles, lambda number: self._reach(number, coarse.part(places[number]), MEETING))

        def give(number: int) -> Pixels:
            if k < MEETING:
                return self._finish(number, meeting.around(number))
            reached = self._reach(number, coarse.part(places[number]), k)
            del self.stacks[number]
            return shown(reached, self.grey, self.flats)

        return assemble([at_level(place, k) for place in places], at_level(wanted, k), self.grey, give)

    def _stack(self, number: int) -> Stack:
        """That of a tile."""
        if number not in self.stacks:
            if not self.parts[number]:
                raise TruncatedError("the file ends before there is a picture")
            self.stacks[number] = Stack.from_bytes(b"".join(self.parts[number]), self.model.residuals)
        return self.stacks[number]

    def _reach(self, number: int, descent: Descent, k: int) -> Descent:
        """Pop a tile, from y_PARTING down to y_k."""
        stack = self._stack(number)
        while descent.k > LEVELS:
            descent = descent.step(draw_popped(stack))
        if self.spec.gist_exact:
            coder = LevelCoder(self.model.mixtures, stack, self.grey)
            walk = partial(self.model.network.gist_likelihood, descent.level, descent.features)
            size = descent.level.shape[2], descent.level.shape[3]
            descent = replace(descent, level=to_opponent(coder.pop(walk, size, self.model.device)))
        there = len(self.parts[number]) - 1
        self.counts[number] = min(self._count(stack), there) if there else 0
        while descent.k > k:
            descent = descent.step(self._draw(number, descent.k))
        return descent

    def _finish(self, number: int, around: Descent) -> Pixels:
        """Pop what is left of a tile."""
        inside = self.tiles[number].inside
        pixels = shown(around.step(self._draw(number, MEETING), inside).part(inside), self.grey, self.flats)
        stack = self.stacks.pop(number)
        if len(self.parts[number]) > LEVELS:
            seal = stack.unseal()
            if self.seed is None or not self.spec.sampled:
                check_seal(seal, pixels)
        return pixels

    def _draw(self, number: int, k: int) -> Draw:
        """Of z_k in a tile."""
        if k > LEVELS - self.counts[number]:
            return draw_popped(self._stack(number))
        return draw_mean if self.seed is None else draw_sampled(np.random.default_rng((self.seed, number, k)))

    def _count(self, stack: Stack) -> int:
        """How many levels of details a tile has."""
        counts = self.spec.details
        count = int(stack.pop_uniform(1, COUNT_BITS)[0]) if len(counts) > 1 else counts[0]
        if count not in counts:
            raise CorruptError(f"tier {self.spec.name} can't code {count} levels of details")
        return count


def descended(descent: Descent, k: int) -> Descent:
    """Down to y_k, with nothing more coded."""
    while descent.k > k:
        descent = descent.step(draw_mean)
    return descent


def shown(descent: Descent, grey: bool, flats: Flats | None) -> Pixels:
    """The level reached as pixels, with the areas of one colour that it has there."""
    pixels = to_pixels(to_rgb(descent.level), grey)
    if flats is not None:
        flats.paint(pixels, at_level(descent.where, descent.k), descent.k)
    return pixels
