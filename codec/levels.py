"""Integer levels to and from the stack, under their mixtures of discretized logistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..bitstream import Stack
from ..models.frequencies import MixtureTables
from ..models.likelihoods import CHANNELS, LogisticMixture, PhaseMixtures, Visit
from ..models.transforms import from_quarters, pad_even, quarters

Size = tuple[int, int]
Walk = Callable[[Visit], list[Tensor]]  # a likelihood with its context given


class Inside:
    """Which pixels of the 2x2 blocks lie inside a level of odd size; the others are not coded."""

    def __init__(self, size: Size, device: torch.device):
        rows, columns = (torch.arange(side + side % 2, device=device) < side for side in size)
        self.quarters = quarters((rows[:, None] & columns)[None, None])
        self.whole = torch.stack(self.quarters).all(0)

    def keep(self, quarter: int, levels: Tensor, outside: Tensor) -> Tensor:
        """The levels of a quarter's pixels that lie inside, something else for the others."""
        return torch.where(self.quarters[quarter], levels, outside)

    def split(self, quarter: int, windowed: bool) -> tuple[Tensor, Tensor]:
        """Indices of a quarter's pixels that have a window of possible levels, and of those coded without one.

        Only blocks that lie inside entirely give their mean's window.
        """
        inside = self.quarters[quarter]
        whole = inside & self.whole if windowed else torch.zeros_like(inside)
        return whole.flatten().nonzero()[:, 0], (inside & ~whole).flatten().nonzero()[:, 0]


def rows_of(mixture: LogisticMixture, where: Tensor) -> LogisticMixture:
    """The mixtures (1, components, h, w) at some blocks, as (components, n)."""
    return LogisticMixture(*(v.flatten(2)[0][:, where] for v in (mixture.logits, mixture.means, mixture.log_scales)))


class LevelCoder:
    """Pushes and pops levels (1, 3, h, w) of 8-bit integers; of grey pictures only one channel.

    Args:
        tables: of the model.
        stack: to push to or pop from.
        grey: the three channels are the same.
    """

    def __init__(self, tables: MixtureTables, stack: Stack, grey: bool):
        self.tables = tables
        self.stack = stack
        self.channels = CHANNELS[:1] if grey else CHANNELS

    def push(self, walk: Walk, level: Tensor) -> None:
        """Push a level, so that `pop` with the same walk gives it back."""
        inside = Inside((level.shape[2], level.shape[3]), level.device)
        true = quarters(pad_even(level))
        visited: list[tuple[int, PhaseMixtures, Tensor]] = []

        def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
            levels = inside.keep(quarter, true[quarter], mixtures.base)
            visited.append((quarter, mixtures, levels))
            return levels

        walk(visit)
        for quarter, mixtures, levels in reversed(visited):
            for c in reversed(self.channels):
                mixture, flat = mixtures.channel(c, levels), levels[:, c].flatten()
                whole, parts = inside.split(quarter, mixtures.window is not None)
                self._push_nibbles(mixture, flat, parts)
                if mixtures.window is not None:
                    self._push_window(mixture, flat, [limit[:, c].flatten() for limit in mixtures.window], whole)

    def pop(self, walk: Walk, size: Size, device: torch.device) -> Tensor:
        """Pop a level of that size: (1, 3, *size)."""
        inside = Inside(size, device)

        def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
            levels = mixtures.base.clone()
            for c in self.channels:
                mixture, flat = mixtures.channel(c, levels), levels[:, c].flatten().clone()
                whole, parts = inside.split(quarter, mixtures.window is not None)
                if mixtures.window is not None:
                    self._pop_window(mixture, flat, [limit[:, c].flatten() for limit in mixtures.window], whole)
                self._pop_nibbles(mixture, flat, parts)
                levels[:, c] = flat.view(levels[:, c].shape)
            if len(self.channels) == 1:
                levels = inside.keep(quarter, levels[:, self.channels[0], None].expand_as(levels), mixtures.base)
            return levels

        return from_quarters(*walk(visit))[..., : size[0], : size[1]]

    def _push_nibbles(self, mixture: LogisticMixture, flat: Tensor, where: Tensor) -> None:
        rows, levels = rows_of(mixture, where), flat[where]
        upper = torch.floor(levels / 16.0)
        self._push(levels - 16.0 * upper, self.tables.lower(rows, upper))
        self._push(upper, self.tables.upper(rows))

    def _pop_nibbles(self, mixture: LogisticMixture, flat: Tensor, where: Tensor) -> None:
        rows = rows_of(mixture, where)
        upper = self._pop(self.tables.upper(rows))
        flat[where] = 16.0 * upper + self._pop(self.tables.lower(rows, upper))

    def _push_window(self, mixture: LogisticMixture, flat: Tensor, window: list[Tensor], where: Tensor) -> None:
        first, last = window[0][where], window[1][where]
        self._push(flat[where] - first, self.tables.window(rows_of(mixture, where), first, last))

    def _pop_window(self, mixture: LogisticMixture, flat: Tensor, window: list[Tensor], where: Tensor) -> None:
        first, last = window[0][where], window[1][where]
        flat[where] = first + self._pop(self.tables.window(rows_of(mixture, where), first, last))

    def _push(self, symbols: Tensor, frequencies: Tensor) -> None:
        self.stack.push_symbols(symbols.to("cpu", torch.int32).numpy(), frequencies.cpu().numpy())

    def _pop(self, frequencies: Tensor) -> Tensor:
        return torch.from_numpy(self.stack.pop_symbols(frequencies.cpu().numpy())).to(frequencies)
