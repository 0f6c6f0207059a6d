"""The lossless road: tiles of a picture, chained on one stack, level by level.

For each tile the decoder pops u (its top, then levels 6 to 4 of the ladder) and y_K; then for each tile y_{K-1}, and so
on down to x, each under its likelihood given the level above. So whoever wants the picture at an eighth of its size
stops there. u is drawn by bits-back where that pays: the levels, pushed before it, lend the bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from torch import Tensor

from ..arrays import Integers, Pixels, tiles
from ..bitstream.container import Coding, Entry, Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..errors import TruncatedError
from ..models.details import Draw
from ..models.pyramid import Pyramid, Size, Sizes, level_sizes
from ..models.selfvae import DEPTH, LEVELS
from ..models.transforms import to_pixels, to_samples
from .fitting import Search
from .latents import Drawn, draw_bits_back, draw_direct, draw_popped, give_back, push_drawn
from .ledger import Ledger, level_variable
from .levels import LevelCoder
from .model import Model
from .tiers import TILE

BITS_BACK_EFFORT = 8  # from this on, u is tried by bits-back too
SEARCHES = {  # by effort
    1: None,
    2: Search(1 << 13, (1 << 12,), features=False),
    3: Search(1 << 14, (1 << 12,), features=True),
    4: Search(1 << 14, (1 << 11, 1 << 12), features=True),
    5: Search(1 << 15, (1 << 11, 1 << 12), features=True),
    6: Search(1 << 16, (1 << 12, 1 << 13), features=True),
    7: Search(1 << 16, (1 << 13, 1 << 14, 1 << 14, 1 << 14), features=True),
    8: Search(1 << 17, (1 << 14, 1 << 14, 1 << 14, 1 << 15), features=True),
    9: Search(1 << 18, (1 << 14, 1 << 15, 1 << 15, 1 << 15, 1 << 16), features=True),
}


def encode(model: Model, stack: Stack, pixels: Pixels, effort: int = 5) -> tuple[Entry, ...]:
    """Seal a stack, push a picture's variables, and return what each of them took.

    Args:
        stack: empty.
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        effort: 1..9.
    """
    stack.seal(checksum(pixels))
    ledger = Ledger(stack)
    image = to_samples(pixels, model.device)
    coder = TileCoder(model, stack, pixels.ndim == 2, effort)
    parts = [image[..., rows, columns] for rows, columns in tiles(pixels.shape[:2], TILE)]
    for k in range(LEVELS):
        for part in reversed(parts):
            coder.push_level(k, Pyramid.over(part, k + 1), ledger)
    for part in reversed(parts):
        coder.push_gist(Pyramid.over(part, DEPTH), ledger)
    return ledger.account()


def decode(model: Model, stack: Stack, size: Size, grey: bool, k: int = 0) -> Pixels:
    """y_k of the picture that `encode` put on a stack, each side halved k times, rounded up.

    Args:
        size: of the whole picture.
        k: 0..K; above 0 there is no seal that would say whether the pixels are right.

    Returns:
        uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine did not decode it exactly.
    """
    coder = TileCoder(model, stack, grey)
    parts = [(where, level_sizes(_size_of(*where), DEPTH)) for where in tiles(size, TILE)]
    shapes = level_sizes(size, LEVELS)

    def joined(reached: int, samples: Iterator[Tensor]) -> Pixels:
        pixels = np.empty(shapes[reached] if grey else (*shapes[reached], 3), np.uint8)
        for (where, _), part in zip(parts, samples, strict=True):
            pixels[_at(reached, *where)] = to_pixels(part, grey)
        return pixels

    pixels = joined(LEVELS, (coder.pop_gist(sizes) for _, sizes in parts))
    for reached in range(LEVELS - 1, k - 1, -1):
        above = (to_samples(pixels[_at(reached + 1, *where)], model.device) for where, _ in parts)
        pixels = joined(reached, map(partial(coder.pop_level, reached), above, (sizes for _, sizes in parts)))
    if k == 0:
        check_seal(stack.unseal(), pixels)
    return pixels


def _size_of(rows: slice, columns: slice) -> Size:
    return rows.stop - rows.start, columns.stop - columns.start


def _at(k: int, rows: slice, columns: slice) -> tuple[slice, slice]:
    """Where y_k of a tile lies in y_k."""
    top, left = (slice(side.start >> k, -(-side.stop >> k)) for side in (rows, columns))
    return top, left


class TileCoder:
    """Pushes tiles onto a stack, or pops them."""

    def __init__(self, model: Model, stack: Stack, grey: bool, effort: int = 5):
        self.model, self.network, self.stack, self.grey, self.effort = model, model.network, stack, grey, effort
        self.levels = LevelCoder(model.mixtures, stack, grey, SEARCHES[effort])
        self.at = model.at()

    def push(self, image: Tensor, ledger: Ledger) -> None:
        """Push a tile, integer samples (1, 3, h, w)."""
        pyramid = Pyramid.over(image, DEPTH)
        for k in range(LEVELS):
            self.push_level(k, pyramid, ledger)
        self.push_gist(pyramid, ledger)

    def push_level(self, k: int, pyramid: Pyramid, ledger: Ledger) -> None:
        """Push y_k, k below K."""
        with ledger.counting(level_variable(k)):
            self.levels.push(partial(self.network.level_likelihood, k + 1, pyramid[k + 1], None), pyramid[k])

    def pop_level(self, k: int, above: Tensor, sizes: Sizes) -> Tensor:
        """Inverse of `push_level`, given y_{k+1}: y_k, (1, 3, h, w)."""
        walk = partial(self.network.level_likelihood, k + 1, above, None)
        return self.levels.pop(walk, sizes[k], self.model.device)

    def push_gist(self, pyramid: Pyramid, ledger: Ledger) -> None:
        """Push y_K and u, in the shorter of the two ways, and last a flag that says which."""
        best = Coding.DIRECT
        if self.effort >= BITS_BACK_EFFORT:
            bits = {coding: self._trial(pyramid, coding) for coding in Coding}
            best = min(bits, key=lambda coding: bits[coding])
            if math.isfinite(saved := max(bits.values()) - min(bits.values())):
                ledger.saved(Variable.U, round(saved))
        self._push_gist(pyramid, best, ledger)
        self.stack.push_uniform([best], 1)

    def pop_gist(self, sizes: Sizes) -> Tensor:
        """Inverse of `push_gist`: y_K, (1, 3, h, w)."""
        returned: list[Integers] = []
        draw = draw_popped(self.stack, returned if self.stack.pop_uniform(1, 1)[0] else None)
        mean, features = self.network.ladder.flow.draw(self.at, sizes, lambda k, level: draw)
        walk = partial(self.network.gist_likelihood, mean, features)
        gist = self.levels.pop(walk, sizes[LEVELS], self.model.device)
        give_back(self.stack, returned)
        return gist

    def _trial(self, pyramid: Pyramid, coding: Coding) -> float:
        """How many bits the stack would hold after u and y_K; infinity where bits-back lacks bits to draw with."""
        stack = self.stack.copy()
        try:
            TileCoder(self.model, stack, self.grey, self.effort)._push_gist(pyramid, coding, Ledger(stack))
        except TruncatedError:
            return math.inf
        return stack.bits

    def _push_gist(self, pyramid: Pyramid, coding: Coding, ledger: Ledger) -> None:
        drawn: list[Drawn] = []

        def draw_at(k: int, level: Tensor) -> Draw:
            inferred = self.network.ladder.infer(k, pyramid, level, self.at)
            if coding is Coding.DIRECT:
                return draw_direct(inferred, drawn)
            return draw_bits_back(inferred, drawn, self.stack)

        with ledger.counting(Variable.U, coding):
            mean, features = self.network.ladder.flow.draw(self.at, pyramid.sizes, draw_at)
        with ledger.counting(level_variable(LEVELS)):
            self.levels.push(partial(self.network.gist_likelihood, mean, features), pyramid[LEVELS])
        with ledger.counting(Variable.U, coding):
            push_drawn(self.stack, drawn)
