"""The lossless road: tiles of a picture, chained on one stack.

For each tile the decoder pops u (its top, then levels 6 to 4 of the ladder) and y_K, and then, again for each tile, the
levels y_{K-1} .. x, each under its likelihood given the one above. So all of y_K, a thumbnail, lies at the top. u is
drawn by bits-back where that pays: the levels, pushed before it, lend the bits.
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
    for part in reversed(parts):
        coder.push_levels(Pyramid.over(part, LEVELS), ledger)
    for part in reversed(parts):
        coder.push_gist(Pyramid.over(part, DEPTH), ledger)
    return ledger.account()


def decode(model: Model, stack: Stack, size: Size, grey: bool) -> Pixels:
    """The pixels that `encode` put on a stack: uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        StreamError: the stack is not one that `encode` returned, or this machine did not decode it exactly.
    """
    coder = TileCoder(model, stack, grey)
    pixels = np.empty(size if grey else (*size, 3), np.uint8)
    parts = list(_parts(size))
    gists = [coder.pop_gist(sizes) for _, sizes in parts]
    for (where, sizes), gist in zip(parts, gists, strict=True):
        pixels[where] = to_pixels(coder.pop_levels(gist, sizes), grey)
    check_seal(stack.unseal(), pixels)
    return pixels


def decode_gist(model: Model, stack: Stack, size: Size, grey: bool) -> Pixels:
    """y_K alone, an eighth of each side, rounded up: uint8 as for `decode`. Nothing checks it.

    Raises:
        StreamError: the stack is not one that `encode` returned.
    """
    coder = TileCoder(model, stack, grey)
    height, width = level_sizes(size, LEVELS)[LEVELS]
    pixels = np.empty((height, width) if grey else (height, width, 3), np.uint8)
    for (rows, columns), sizes in _parts(size):
        where = tuple(slice(side.start >> LEVELS, -(-side.stop >> LEVELS)) for side in (rows, columns))
        pixels[where] = to_pixels(coder.pop_gist(sizes), grey)
    return pixels


def _parts(size: Size) -> Iterator[tuple[tuple[slice, slice], dict[int, Size]]]:
    """Where the tiles lie, and the sizes of their levels."""
    for rows, columns in tiles(size, TILE):
        yield (rows, columns), level_sizes((rows.stop - rows.start, columns.stop - columns.start), DEPTH)


class TileCoder:
    """Pushes tiles onto a stack, or pops them."""

    def __init__(self, model: Model, stack: Stack, grey: bool, effort: int = 5):
        self.model, self.network, self.stack, self.grey, self.effort = model, model.network, stack, grey, effort
        self.levels = LevelCoder(model.mixtures, stack, grey, SEARCHES[effort])
        self.at = model.at()

    def push(self, image: Tensor, ledger: Ledger) -> None:
        """Push a tile, integer samples (1, 3, h, w)."""
        pyramid = Pyramid.over(image, DEPTH)
        self.push_levels(pyramid, ledger)
        self.push_gist(pyramid, ledger)

    def push_levels(self, pyramid: Pyramid, ledger: Ledger) -> None:
        """Push x .. y_{K-1}."""
        for k in range(1, LEVELS + 1):
            with ledger.counting(level_variable(k - 1)):
                self.levels.push(partial(self.network.level_likelihood, k, pyramid[k], None), pyramid[k - 1])

    def pop_levels(self, level: Tensor, sizes: Sizes) -> Tensor:
        """Inverse of `push_levels`, given y_K: x, (1, 3, h, w)."""
        for k in range(LEVELS, 0, -1):
            walk = partial(self.network.level_likelihood, k, level, None)
            level = self.levels.pop(walk, sizes[k - 1], self.model.device)
        return level

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
