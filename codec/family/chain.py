"""Lossless pictures by a model of the family: tiles of the model's size, chained on one stack by bits-back.

For each tile and level k = 0 .. K the encoder pops z_{k+1} from q(z_{k+1} | y_k), which draws it with bits that lie on
the stack anyway; pushes z_k, for k > 0, given y_k and z_{k+1}; and pushes y_k given y_{k+1} and z_{k+1}. Last it pushes
u under its prior. The decoder does the inverse of each in reverse, and so gives back what was drawn with: only what the
first tile draws with has to be borrowed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...arrays import Pixels, tiles
from ...bitstream.container import Coding, Entry, Variable
from ...bitstream.stack import Stack, check_seal, checksum
from ...errors import TruncatedError
from ...family.hierarchy import Hierarchy
from ...models.transforms import to_pixels, to_samples
from ..ledger import Ledger, latent_variable, level_variable
from .family_model import FamilyModel
from .variables import draw_latent, give_back, pop_latent, pop_level, pop_prior, push_latent, push_level, push_prior

WORD = 32  # bits
FIRST_LOAN = 64  # words that are tried first
SPARE = 2  # words that are never drawn with


Account = tuple[Entry, ...]


def encode(model: FamilyModel, pictures: Sequence[Pixels]) -> tuple[Stack, list[Account]]:
    """A stack with pictures, the first on top, and what the variables of each took.

    What was borrowed is in the account of the last one, which is coded first.

    Args:
        pictures: uint8 (h, w, 3), or (h, w) for grey.
    """
    loan = FIRST_LOAN
    while True:
        try:
            stack, accounts = _encoded(model, pictures, loan)
            break
        except TruncatedError:
            loan *= 2
    unused = max(0, stack.least // WORD - SPARE - 2)
    stack.return_borrowed(unused)
    borrowed = Entry(Variable.BORROWED, Coding.DIRECT, (loan - unused) * WORD, 0)
    return stack, [*accounts[:-1], (*accounts[-1], borrowed)]


def pop(model: FamilyModel, stack: Stack, size: tuple[int, int], grey: bool) -> Pixels:
    """The picture on top of a stack: uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        StreamError: the stack is not one that `encode` returned.
    """
    coder = TileCoder(model.network, stack, grey)
    pixels = np.empty(size if grey else (*size, 3), np.uint8)
    for rows, columns in tiles(size, model.side):
        pixels[rows, columns] = to_pixels(coder.pop(rows.stop - rows.start, columns.stop - columns.start), grey)
    return pixels


def decode(model: FamilyModel, stack: Stack, size: tuple[int, int], grey: bool) -> Pixels:
    """The only picture on a stack, or the last one: as `pop`, and as `finish` after it."""
    pixels = pop(model, stack, size, grey)
    finish(stack, pixels)
    return pixels


def finish(stack: Stack, pixels: Pixels) -> None:
    """After the last picture, of these pixels: raise StreamError unless the stack ends there."""
    check_seal(stack.unseal(lent=True), pixels)


def _encoded(model: FamilyModel, pictures: Sequence[Pixels], loan: int) -> tuple[Stack, list[Account]]:
    stack = model.stack()
    stack.seal(checksum(pictures[-1]), loan)
    accounts = []
    for pixels in reversed(pictures):
        ledger = Ledger()
        coder = TileCoder(model.network, stack, pixels.ndim == 2)
        for rows, columns in reversed(list(tiles(pixels.shape[:2], model.side))):
            coder.push(samples_of(pixels[rows, columns]), ledger)
        accounts.append(ledger.account())
    return stack, accounts[::-1]


def samples_of(pixels: Pixels) -> Tensor:
    """A tile as networks take it: (1, 3, h, w)."""
    return to_samples(pixels, torch.device("cpu")).double()


def filled(tile: Tensor, side: int) -> Tensor:
    """A tile (1, 3, h, w) with its last row and column repeated up to the model's size."""
    return F.pad(tile, (0, side - tile.shape[3], 0, side - tile.shape[2]), mode="replicate")


class TileCoder:
    """Pushes tiles onto a stack, or pops them; of grey pictures, whose channels are alike, the first channel."""

    def __init__(self, network: Hierarchy, stack: Stack, grey: bool) -> None:
        self.network, self.stack, self.grey = network, stack, grey

    def push(self, tile: Tensor, ledger: Ledger) -> None:
        """Push a tile, integer samples (1, 3, h, w)."""
        network, stack, depth = self.network, self.stack, self.network.depth
        y = network.represent(filled(tile, network.configuration.side))
        z: dict[int, Tensor] = {}
        for k in range(depth + 1):
            with ledger.counting(stack, self._latent(k), Coding.BITS_BACK):
                z[k] = draw_latent(stack, network.level(k).encoder(y[k]))
            if k:
                with ledger.counting(stack, self._latent(k - 1), Coding.BITS_BACK):
                    push_latent(stack, z[k - 1], network.conditional(k - 1, y, z))
            with ledger.counting(stack, level_variable(k)):
                push_level(stack, network.pixels(k, y, z), y[k] if k else tile, self._channels(k))
        with ledger.counting(stack, self._latent(depth), Coding.BITS_BACK):
            push_prior(stack, network.prior, z[depth])

    def pop(self, height: int, width: int) -> Tensor:
        """Inverse of `push`: (1, 3, height, width)."""
        network, stack, depth = self.network, self.stack, self.network.depth
        y: dict[int, Tensor] = {}
        z = {depth: pop_prior(stack, network.prior)}
        for k in range(depth, -1, -1):
            sides = (network.configuration.shapes[k].side,) * 2 if k else (height, width)
            tile = pop_level(stack, network.pixels(k, y, z), *sides, self._channels(k))
            y[k] = tile if k else filled(tile, network.configuration.side)
            if k:
                z[k - 1] = pop_latent(stack, network.conditional(k - 1, y, z))
            give_back(stack, z[k], network.level(k).encoder(y[k]))
        return tile

    def _channels(self, k: int) -> int:
        return 1 if self.grey else self.network.configuration.shapes[k].channels

    def _latent(self, k: int) -> Variable:
        """z_{k+1}, or u."""
        return Variable.U if k == self.network.depth else latent_variable(k + 1)
