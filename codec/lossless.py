"""The lossless road: each tile of a picture for itself.

The decoder pops u (its top, then levels 6 to 4 of the ladder) and y_K, and then y_{K-1} and so on down to x, each under
its likelihood given the level above. u is drawn by bits-back where that pays: the levels, pushed before it, lend the
bits.
"""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor

from ..arrays import Integers, Pixels
from ..bitstream.codes import Codes, join_parts
from ..bitstream.container import Coding, Variable
from ..bitstream.stack import Stack, check_seal, checksum
from ..errors import TruncatedError
from ..models.details import Draw
from ..models.photo import DEPTH, LEVELS
from ..models.pyramid import Pyramid, Size, Sizes, level_sizes
from ..models.transforms import to_pixels, to_samples
from .fitting import Search
from .heap import one_by_one
from .latents import Drawn, draw_bits_back, draw_direct, draw_popped, give_back, push_drawn
from .ledger import Coded, Ledger, level_variable
from .levels import LevelCoder
from .model import Model
from .tiling import Where, assemble, at_level, size_of, tiles_of

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


def encode(model: Model, pixels: Pixels, effort: int = 5) -> Coded:
    """A picture in codes.

    Args:
        pixels: uint8 (h, w, 3), or (h, w) for grey.
        effort: 1..9.
    """
    ledger = Ledger()
    stacks = []
    for tile in one_by_one(tiles_of(pixels.shape[:2], exact=True)):
        inside, stack = pixels[tile.inside], Stack(model.residuals)
        stack.seal(checksum(inside))
        coder = TileCoder(model, stack, pixels.ndim == 2, effort)
        coder.push(to_samples(inside, model.device), ledger)
        stacks.append(stack.parts([min(mark, coder.floor) for mark in coder.marks]))
    return Coded(join_parts(stacks), ledger.account())


def decode(model: Model, codes: Codes, size: Size, grey: bool, wanted: Where, k: int = 0) -> Pixels:
    """y_k of the picture that `encode` put into codes, each side halved k times, rounded up.

    Args:
        codes: as `encode` returns them.
        size: of the picture.
        grey: whether it has one channel.
        wanted: the part of the picture to be decoded.
        k: 0..K, no less than the codes have; above 0 there is no seal that would say whether the pixels are right.

    Returns:
        uint8 (h, w, 3), or (h, w) for grey: what y_k has of `wanted`.

    Raises:
        StreamError: the codes are not what `encode` returned, or this machine did not decode them exactly.
    """
    parts = tiles_of(size, exact=True)
    stacks = codes.parts(len(parts))

    def give(number: int) -> Pixels:
        stack = Stack.from_bytes(b"".join(stacks[number]), model.residuals)
        coder = TileCoder(model, stack, grey)
        sizes = level_sizes(size_of(parts[number].inside), DEPTH)
        level = coder.pop_gist(sizes)
        for reached in range(LEVELS - 1, k - 1, -1):
            level = coder.pop_level(reached, level, sizes)
        pixels = to_pixels(level, grey)
        if k == 0:
            check_seal(stack.unseal(), pixels)
        return pixels

    return assemble([at_level(tile.inside, k) for tile in parts], at_level(wanted, k), grey, give)


class TileCoder:
    """Pushes tiles onto a stack, or pops them."""

    def __init__(self, model: Model, stack: Stack, grey: bool, effort: int = 5):
        self.model, self.network, self.stack, self.grey, self.effort = model, model.network, stack, grey, effort
        self.levels = LevelCoder(model.mixtures, stack, grey, SEARCHES[effort])
        self.at = model.at()
        self.marks: list[int] = []  # positions on the stack after y_0 .. y_{K-1}
        self.floor = 0  # the position on the stack above which all of u and y_K lies

    def push(self, image: Tensor, ledger: Ledger) -> None:
        """Push a tile, integer samples (1, 3, h, w)."""
        pyramid = Pyramid.over(image, DEPTH)
        for k in range(LEVELS):
            self.push_level(k, pyramid, ledger)
            self.marks.append(self.stack.position)
        self.push_gist(pyramid, ledger)

    def push_level(self, k: int, pyramid: Pyramid, ledger: Ledger) -> None:
        """Push y_k, k below K."""
        with ledger.counting(self.stack, level_variable(k)):
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
            TileCoder(self.model, stack, self.grey, self.effort)._push_gist(pyramid, coding, Ledger())
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

        with ledger.counting(self.stack, Variable.U, coding):
            mean, features = self.network.ladder.flow.draw(self.at, pyramid.sizes, draw_at)
        self.floor = self.stack.position  # bits-back has lowered it
        with ledger.counting(self.stack, level_variable(LEVELS)):
            self.levels.push(partial(self.network.gist_likelihood, mean, features), pyramid[LEVELS])
        with ledger.counting(self.stack, Variable.U, coding):
            push_drawn(self.stack, drawn)
