"""One picture's variables to and from one stack, tier by tier.

What the decoder pops, in this order: u (its top, then levels 6 to 4 of the ladder), y_K where it is exact, then the
details z_K .. z_1 or the levels y_{K-1} .. x. The encoder pushes the reverse. `lossless` does this for each tile.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..arrays import Integers, Pixels
from ..bitstream.container import Coding, Entry, Variable
from ..bitstream.stack import Stack
from ..errors import CorruptError, TruncatedError
from ..models.details import Draw
from ..models.selfvae import DEPTH, EXACT_QUALITY, LEVELS, draw_mean, draw_rounded
from ..models.transforms import level_sizes, pyramid, to_levels, to_opponent, to_pixels, to_rgb
from .latents import OFFSET_BITS, Drawn, draw_bits_back, draw_direct, draw_popped, draw_sampled
from .levels import LevelCoder, Size
from .model import Model
from .tiers import TierSpec

TILE = 1024  # side of the tiles of `lossless`, in pixels
SPARE_BITS = 64  # left on the stack when bits-back draws from it

Y = [Variable[f"Y{k}"] for k in range(LEVELS + 1)]
Z = [Variable[f"Z{k}"] if k else Variable.U for k in range(LEVELS + 1)]


def tiles(size: Size) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles of a picture, in the order in which they are decoded."""
    for top in range(0, size[0], TILE):
        for left in range(0, size[1], TILE):
            yield slice(top, min(top + TILE, size[0])), slice(left, min(left + TILE, size[1]))


def checksum(pixels: Pixels) -> int:
    """CRC-32 of decoded pixels: the seal of the stack."""
    return zlib.crc32(np.ascontiguousarray(pixels).tobytes())


class Ledger:
    """Counts what each variable adds to a stack."""

    def __init__(self) -> None:
        self._entries: dict[Variable, Entry] = {}

    def add(self, variable: Variable, bits: int, coding: Coding = Coding.DIRECT, saved: int = 0) -> None:
        """Add to what a variable took; one that was coded in both ways counts as coded by bits-back."""
        old = self._entries.get(variable, Entry(variable, coding, 0, 0))
        self._entries[variable] = Entry(variable, max(old.coding, coding), old.bits + bits, old.saved + saved)

    def account(self) -> tuple[Entry, ...]:
        """In the order of the variables; chance can make bits-back cost less than nothing, which counts as nothing."""
        return tuple(
            Entry(entry.variable, entry.coding, max(0, entry.bits), entry.saved)
            for _, entry in sorted(self._entries.items())
        )


def encode(
    model: Model, spec: TierSpec, quality: int | None, pixels: Pixels, details: bool = False
) -> tuple[Stack, tuple[Entry, ...]]:
    """A picture's variables on a sealed stack, and what each of them took.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        details: in `lossless`, code z too; for measurements, no public function asks for it.
    """
    stack, ledger = Stack(model.residuals), Ledger()
    image = to_levels(pixels, model.device)
    coder = TileCoder(model, stack, grey=pixels.ndim == 2)
    if spec.exact:
        stack.seal(checksum(pixels))
        for rows, columns in reversed(list(tiles(pixels.shape[:2]))):
            coder.push_exact(image[..., rows, columns], ledger, details)
    else:
        coder.push_lossy(spec, quality or EXACT_QUALITY, image, ledger)
    return stack, ledger.account()


def decode(
    model: Model, spec: TierSpec, quality: int | None, stack: Stack, size: Size, grey: bool, seed: int | None
) -> Pixels:
    """The pixels that `encode` put on a stack: uint8 (h, w, 3), or (h, w) for grey.

    Args:
        seed: draws what the tier does not code instead of taking its mean.
    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine did not decode it exactly.
    """
    coder = TileCoder(model, stack, grey)
    if spec.exact:
        pixels = np.empty(size if grey else (*size, 3), np.uint8)
        for rows, columns in tiles(size):
            pixels[rows, columns] = to_pixels(
                coder.pop_exact((rows.stop - rows.start, columns.stop - columns.start)), grey
            )
    else:
        pixels = to_pixels(coder.pop_lossy(spec, quality or EXACT_QUALITY, size, seed), grey)
    seal = stack.unseal()
    if (seed is None or spec.exact) and seal != checksum(pixels):
        raise CorruptError("the decoded picture is not the one that was encoded: its checksum differs")
    return pixels


class TileCoder:
    """Pushes and pops the variables of a picture or, in `lossless`, of one tile of it."""

    def __init__(self, model: Model, stack: Stack, grey: bool):
        self.model, self.stack, self.grey = model, stack, grey
        self.ladder, self.likelihoods = model.network.ladder, model.network
        self.levels = LevelCoder(model.mixtures, stack, grey)

    def push_lossy(self, spec: TierSpec, quality: float, image: Tensor, ledger: Ledger) -> None:
        """Seal the stack and push a tier whose picture is not exact. The seal is known only once all is drawn."""
        levels = pyramid(image, DEPTH)
        targets = [to_opponent(level) for level in levels]
        sizes = [(level.shape[2], level.shape[3]) for level in levels]
        at = self._at(quality)
        drawn: dict[Variable, list[Drawn]] = {}

        def draw_at(k: int, level: Tensor) -> Draw:
            return draw_direct(self.ladder.infer(k, targets, level, at), drawn.setdefault(latent(k), []))

        mean, features = self.ladder.flow.draw(at, sizes, draw_at)
        level = targets[LEVELS] if spec.gist_exact else mean
        picture = self.ladder.descend(level, features, at, sizes, draw_at if spec.details else skip)
        self.stack.seal(checksum(to_pixels(to_rgb(picture), self.grey)))
        for variable in reversed(drawn):
            if variable is Variable.U and spec.gist_exact:
                self._push(Y[LEVELS], partial(self._push_gist, mean, features, levels[LEVELS]), ledger)
            self._push(variable, partial(push_drawn, self.stack, drawn[variable]), ledger)

    def pop_lossy(self, spec: TierSpec, quality: float, size: Size, seed: int | None) -> Tensor:
        """Inverse of `push_lossy`, but for the seal: the picture, float (1, 3, *size)."""
        sizes = level_sizes(size, DEPTH)
        at = self._at(quality)
        popped = draw_popped(self.stack)
        uncoded = draw_mean if seed is None else draw_sampled(np.random.default_rng(seed))
        level, features = self.ladder.flow.draw(at, sizes, lambda k, level: popped)
        if spec.gist_exact:
            level = to_opponent(self._pop_gist(level, features, sizes[LEVELS]))
        draw = popped if spec.details else uncoded
        return to_rgb(self.ladder.descend(level, features, at, sizes, lambda k, level: draw))

    def push_exact(self, image: Tensor, ledger: Ledger, details: bool) -> None:
        """Push a tile of `lossless`, x lowest and u last, with or without z.

        Each latent is drawn when what it helps to code is about to be pushed, so that all but the lowest can be drawn
        by bits-back with bits that are on the stack anyway.
        """
        levels = pyramid(image, DEPTH)
        targets = [to_opponent(level) for level in levels]
        at = self._at(EXACT_QUALITY)
        features: dict[int, Tensor] = {}
        if details:
            features[LEVELS] = self.ladder.gist(levels[LEVELS], at)[1]
            for k in range(LEVELS, 1, -1):
                features[k - 1] = self._next_features(k, targets[k], targets[k - 1], features[k], at)
        for k in range(1, LEVELS + 1):
            drawn: list[Drawn] = []
            given, coding, before = None, Coding.DIRECT, self.stack.bits
            if details:
                inferred = self.ladder.infer(k, targets, targets[k], at)
                coding = Coding.BITS_BACK if before > OFFSET_BITS * inferred.numel() + SPARE_BITS else Coding.DIRECT
                draw = self._draw(coding, inferred, drawn)
                given, _ = self.ladder.level(k).draw(targets[k], features[k], at, draw)
            borrowed = self.stack.bits - before
            walk = partial(self.likelihoods.level_likelihood, k, levels[k], given)
            self._push(Y[k - 1], partial(self.levels.push, walk, levels[k - 1]), ledger)
            if details:
                self._push(Z[k], partial(push_drawn, self.stack, drawn), ledger)
                ledger.add(Z[k], borrowed, coding)
                self.stack.push_uniform([coding], 1)
        sizes = {coding: self._trial(levels, targets, coding) for coding in Coding}
        best = min(sizes, key=lambda coding: sizes[coding])
        self._push_gist_and_latent(levels, targets, best, ledger)
        if math.isfinite(saved := max(sizes.values()) - min(sizes.values())):
            ledger.add(Variable.U, 0, best, round(saved))
        self.stack.push_uniform([best, details], 1)

    def pop_exact(self, size: Size) -> Tensor:
        """Inverse of `push_exact`: integer levels, float (1, 3, *size)."""
        sizes = level_sizes(size, DEPTH)
        at = self._at(EXACT_QUALITY)
        bits_back, details = self.stack.pop_uniform(2, 1)
        returned: list[Integers] = []
        draw = draw_popped(self.stack, returned if bits_back else None)
        mean, features = self.ladder.flow.draw(at, sizes, lambda k, level: draw)
        level = self._pop_gist(mean, features, sizes[LEVELS])
        give_back(self.stack, returned)
        if details:
            features = self.ladder.gist(level, at)[1]
        for k in range(LEVELS, 0, -1):
            given = None
            returned = []
            if details:
                draw = draw_popped(self.stack, returned if self.stack.pop_uniform(1, 1)[0] else None)
                given, _ = self.ladder.level(k).draw(to_opponent(level), features, at, draw)
            walk = partial(self.likelihoods.level_likelihood, k, level, given)
            finer = self.levels.pop(walk, sizes[k - 1], self.model.device)
            give_back(self.stack, returned)
            if details and k > 1:
                features = self._next_features(k, to_opponent(level), to_opponent(finer), features, at)
            level = finer
        return level

    def _next_features(self, k: int, level: Tensor, finer: Tensor, features: Tensor, at: Tensor) -> Tensor:
        """Features of level k given exact y_k and y_{k-1}: what level k - 1 is handed down where levels are exact."""
        detail_level = self.ladder.level(k)
        return detail_level.draw(level, features, at, draw_rounded(detail_level.posterior(finer, level, at)))[1]

    def _trial(self, levels: list[Tensor], targets: list[Tensor], coding: Coding) -> float:
        """How many bits the stack would hold after u and y_K; infinity where bits-back lacks bits to draw with."""
        coder = TileCoder(self.model, self.stack.copy(), self.grey)
        try:
            coder._push_gist_and_latent(levels, targets, coding, Ledger())
        except TruncatedError:
            return math.inf
        return coder.stack.bits

    def _push_gist_and_latent(
        self, levels: list[Tensor], targets: list[Tensor], coding: Coding, ledger: Ledger
    ) -> None:
        """Push y_K and u, both levels and targets (the same in opponent colour) given from x up."""
        at = self._at(EXACT_QUALITY)
        sizes = [(level.shape[2], level.shape[3]) for level in levels]
        drawn: list[Drawn] = []

        def draw_at(k: int, level: Tensor) -> Draw:
            return self._draw(coding, self.ladder.infer(k, targets, level, at), drawn)

        before = self.stack.bits
        mean, features = self.ladder.flow.draw(at, sizes, draw_at)
        borrowed = self.stack.bits - before
        self._push(Y[LEVELS], partial(self._push_gist, mean, features, levels[LEVELS]), ledger)
        self._push(Variable.U, partial(push_drawn, self.stack, drawn), ledger)
        ledger.add(Variable.U, borrowed, coding)

    def _draw(self, coding: Coding, inferred: Tensor, drawn: list[Drawn]) -> Draw:
        if coding is Coding.DIRECT:
            return draw_direct(inferred, drawn)
        return draw_bits_back(inferred, drawn, self.stack)

    def _push_gist(self, mean: Tensor, features: Tensor, gist: Tensor) -> None:
        self.levels.push(partial(self.likelihoods.gist_likelihood, to_rgb(mean), features), gist)

    def _pop_gist(self, mean: Tensor, features: Tensor, size: Size) -> Tensor:
        walk = partial(self.likelihoods.gist_likelihood, to_rgb(mean), features)
        return self.levels.pop(walk, size, self.model.device)

    def _push(self, variable: Variable, push: Callable[[], None], ledger: Ledger) -> None:
        before = self.stack.bits
        push()
        ledger.add(variable, self.stack.bits - before)

    def _at(self, quality: float) -> Tensor:
        return torch.tensor([quality], dtype=torch.float32, device=self.model.device)


def latent(k: int) -> Variable:
    """The variable that level k of the ladder draws: z_k, or a part of u."""
    return Z[k] if k <= LEVELS else Variable.U


def skip(k: int, level: Tensor) -> Draw:
    """Code nothing at any level."""
    return draw_mean


def give_back(stack: Stack, returned: list[Integers]) -> None:
    """Push the offsets that bits-back had drawn with, once what they chose is known."""
    for offsets in reversed(returned):
        stack.push_uniform(offsets, OFFSET_BITS)


def push_drawn(stack: Stack, drawn: list[Drawn]) -> None:
    for part in reversed(drawn):
        part.push(stack)
