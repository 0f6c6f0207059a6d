"""The lossless road with z too, each latent by bits-back, and the -ELBO that it should cost. No .svc file holds this.

x lies lowest on the stack and u on top. Each latent is drawn when what it helps to code is about to be pushed, so that
all but the lowest can be drawn with bits that are on the stack anyway, as in Bit-Swap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import torch
from torch import Tensor

from ..arrays import Integers
from ..bitstream.container import Coding
from ..bitstream.stack import Stack, symbol_bits
from ..codec import lossless, lossy
from ..codec.latents import OFFSET_BITS, Drawn, draw_bits_back, draw_direct, draw_popped, give_back, push_drawn
from ..codec.ledger import Ledger, latent_variable, level_variable
from ..codec.lossless import TileCoder
from ..codec.model import Model
from ..models import density
from ..models.details import Draw, Group, Prior
from ..models.photo import DEPTH, LEVELS, draw_rounded, visit_true
from ..models.pyramid import Pyramid, Size, level_sizes
from ..models.transforms import to_opponent

SPARE_BITS = 64  # left on the stack when bits-back draws from it


class ChainCoder(TileCoder):
    """Pushes and pops a tile's y_k and z_k, k = 1 .. K, and u."""

    def push(self, image: Tensor, ledger: Ledger) -> None:
        pyramid = Pyramid.over(image, DEPTH)
        features = {LEVELS: self.network.ladder.gist(pyramid[LEVELS], self.at)[1]}
        for k in range(LEVELS, 1, -1):
            features[k - 1] = self.next_features(k, pyramid.opponent(k), pyramid.opponent(k - 1), features[k])
        for k in range(1, LEVELS + 1):
            drawn: list[Drawn] = []
            inferred = self.network.ladder.infer(k, pyramid, pyramid.opponent(k), self.at)
            rich = self.stack.bits > OFFSET_BITS * inferred.numel() + SPARE_BITS
            coding = Coding.BITS_BACK if rich else Coding.DIRECT
            draw = draw_bits_back(inferred, drawn, self.stack) if rich else draw_direct(inferred, drawn)
            with ledger.counting(self.stack, latent_variable(k), coding):
                details, _ = self.network.ladder.level(k).draw(pyramid.opponent(k), features[k], self.at, draw)
            with ledger.counting(self.stack, level_variable(k - 1)):
                self.levels.push(partial(self.network.level_likelihood, k, pyramid[k], details), pyramid[k - 1])
            with ledger.counting(self.stack, latent_variable(k), coding):
                push_drawn(self.stack, drawn)
            self.stack.push_uniform([coding], 1)
        self.push_gist(pyramid, ledger)

    def pop(self, size: Size) -> Tensor:
        sizes = level_sizes(size, DEPTH)
        level = self.pop_gist(sizes)
        features = self.network.ladder.gist(level, self.at)[1]
        for k in range(LEVELS, 0, -1):
            returned: list[Integers] = []
            draw = draw_popped(self.stack, returned if self.stack.pop_uniform(1, 1)[0] else None)
            details, _ = self.network.ladder.level(k).draw(to_opponent(level), features, self.at, draw)
            walk = partial(self.network.level_likelihood, k, level, details)
            finer = self.levels.pop(walk, sizes[k - 1], self.model.device)
            give_back(self.stack, returned)
            if k > 1:
                features = self.next_features(k, to_opponent(level), to_opponent(finer), features)
            level = finer
        return level

    def next_features(self, k: int, level: Tensor, finer: Tensor, features: Tensor) -> Tensor:
        """Features of level k given y_k and y_{k-1} exactly: what level k - 1 is handed down where levels are exact."""
        detail_level = self.network.ladder.level(k)
        draw = draw_rounded(detail_level.posterior(finer, level, self.at))
        return detail_level.draw(level, features, self.at, draw)[1]


class MeasuringStack(Stack):
    """A stack that adds up -log2 of the integer frequencies of what is pushed, less what is popped."""

    ideal = 0.0
    written: ClassVar[list[float]]  # `ideal` of each stack that became part of a file

    def push_symbols(self, symbols: Any, frequencies: Any) -> None:
        self.ideal += symbol_bits(symbols, frequencies)
        super().push_symbols(symbols, frequencies)

    def push_residuals(self, values: Any, scales: Any, offsets: Any = None) -> None:
        self.ideal += self.tables.residual_bits(values, scales, offsets)
        super().push_residuals(values, scales, offsets)

    def push_uniform(self, values: Any, bits: int) -> None:
        self.ideal += len(values) * bits
        super().push_uniform(values, bits)

    def pop_uniform(self, count: int, bits: int) -> Integers:
        self.ideal -= count * bits
        return super().pop_uniform(count, bits)

    def parts(self, positions: Sequence[int]) -> list[bytes]:
        self.written.append(self.ideal)
        return super().parts(positions)


@contextmanager
def measured_stacks() -> Iterator[list[float]]:
    """What `MeasuringStack` adds up for each tile that is encoded inside."""
    MeasuringStack.written = []
    with mock.patch.object(lossy, "Stack", MeasuringStack), mock.patch.object(lossless, "Stack", MeasuringStack):
        yield MeasuringStack.written


def negative_elbo(model: Model, image: Tensor) -> float:
    """-ELBO of a picture (1, 3, h, w) of even size in bits, u and z drawn from their posteriors.

    Latents and y_K by the float model; the levels below by the frequencies of their corrected likelihoods.
    """
    network, ladder = model.network, model.network.ladder
    pyramid = Pyramid.over(image, DEPTH)
    at = model.at()
    bits: list[Tensor] = []

    def draw_at(k: int, level: Tensor) -> Draw:
        inferred = ladder.infer(k, pyramid, level, at)

        def draw(group: Group, prior: Prior) -> Tensor:
            z = group.take(inferred) * prior.factor + torch.rand_like(prior.mean) - 0.5
            bits.append(density.bits((z - prior.mean).abs(), prior.log_scale).sum((1, 2)))
            return z

        return draw

    mean, features = ladder.flow.draw(at, pyramid.sizes, draw_at)
    network.gist_likelihood(mean, features, visit_true(pyramid[LEVELS], bits))
    features = ladder.gist(pyramid[LEVELS], at)[1]
    stack = MeasuringStack(model.residuals)
    coder = ChainCoder(model, stack, grey=False)
    for k in range(LEVELS, 0, -1):
        level = pyramid.opponent(k)
        details, _ = ladder.level(k).draw(level, features, at, draw_at(k, level))
        coder.levels.push(partial(network.level_likelihood, k, pyramid[k], details), pyramid[k - 1])
        features = coder.next_features(k, level, pyramid.opponent(k - 1), features)
    return float(torch.stack(bits).sum()) + stack.ideal
