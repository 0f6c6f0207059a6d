"""Levels y_k to and from the stack, under their mixtures of discretized logistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..bitstream.stack import Stack
from ..models.frequencies import MixtureTables
from ..models.likelihoods import CHANNELS, LogisticMixture, PhaseMixtures, Visit
from ..models.pyramid import Size
from ..models.transforms import from_quarters, pad_even, quarters
from .corrections import Conditions, feature_steps, pop_correction, push_correction, surroundings
from .fitting import fit

Walk = Callable[[Visit], list[Tensor]]  # a likelihood with its context given


class Inside:
    """Which pixels of the 2x2 blocks lie inside a level of odd size; the others are not coded."""

    def __init__(self, size: Size, device: torch.device):
        rows, columns = (torch.arange(side + side % 2, dtype=torch.int64, device=device) < side for side in size)
        self.quarters = quarters((rows[:, None] & columns)[None, None])
        self.whole = torch.stack(self.quarters).all(0)

    def keep(self, quarter: int, samples: Tensor, outside: Tensor) -> Tensor:
        """The samples of a quarter's pixels that lie inside, something else for the others."""
        return torch.where(self.quarters[quarter], samples, outside)

    def split(self, quarter: int, windowed: bool) -> tuple[Tensor, Tensor]:
        """Indices of a quarter's pixels that have a window of possible samples, and of those coded without one.

        Only blocks that lie inside entirely give their mean's window.
        """
        inside = self.quarters[quarter]
        whole = inside & self.whole if windowed else torch.zeros_like(inside)
        return whole.flatten().nonzero()[:, 0], (inside & ~whole).flatten().nonzero()[:, 0]


Known = dict[int, Tensor]  # quarters coded so far, integer samples (1, 3, h, w) each


class PhaseCoder:
    """Pushes and pops the samples of one phase, channel by channel.

    Args:
        tables, stack: as for `LevelCoder`.
        channels: in the order in which they are coded.
        inside: what is coded.
        quarter: of the phase.
        mixtures: of its pixels.
        known: the quarters of the phases before.
    """

    def __init__(
        self,
        tables: MixtureTables,
        stack: Stack,
        channels: tuple[int, ...],
        inside: Inside,
        quarter: int,
        mixtures: PhaseMixtures,
        known: Known,
    ):
        self.tables = tables
        self.stack = stack
        self.channels = channels
        self.mixtures = mixtures
        self.blocks = slice(None) if inside.whole.all() else inside.whole.flatten().nonzero()[:, 0]
        self.whole, self.parts = inside.split(quarter, mixtures.window is not None)
        if mixtures.mean is not None:
            self.around = surroundings(quarter, known, mixtures.mean)
            self.features = feature_steps(mixtures.features)

    def push(self, turn: int, samples: Tensor) -> None:
        """Push a channel, the `turn`th, of samples (1, 3, h, w), those of the channels before it being known."""
        mixture, conditions, window = self._distribution(turn, samples)
        flat = samples[:, self.channels[turn]].flatten()
        correction = None
        if conditions is not None:
            here = self.blocks
            limits = None if window is None else (window[0][here], window[1][here])
            correction = fit(mixture.at(here), conditions.at(here), flat[here], limits)
            mixture = mixture if correction is None else correction.apply(mixture, conditions)
        self._push_nibbles(mixture.at(self.parts), flat[self.parts])
        if window is not None:
            first, last = window[0][self.whole], window[1][self.whole]
            self._push(flat[self.whole] - first, self.tables.window(mixture.at(self.whole), first, last))
        if conditions is not None:
            push_correction(self.stack, correction)

    def pop(self, turn: int, samples: Tensor) -> Tensor:
        """Inverse of `push`: the channel (h, w), given the channels before it; what is not coded stays as it is."""
        mixture, conditions, window = self._distribution(turn, samples)
        channel = samples[0, self.channels[turn]]
        flat = channel.flatten().clone()
        if conditions is not None:
            correction = pop_correction(self.stack, len(conditions.differences))
            mixture = mixture if correction is None else correction.apply(mixture, conditions)
        if window is not None:
            first, last = window[0][self.whole], window[1][self.whole]
            flat[self.whole] = first + self._pop(self.tables.window(mixture.at(self.whole), first, last))
        flat[self.parts] = self._pop_nibbles(mixture.at(self.parts))
        return flat.view(channel.shape)

    def _distribution(
        self, turn: int, samples: Tensor
    ) -> tuple[LogisticMixture, Conditions | None, tuple[Tensor, Tensor] | None]:
        """A channel's mixtures (components, h * w), what corrects them, and the windows of its samples."""
        c, before = self.channels[turn], self.channels[:turn]
        m = self.mixtures.channel(c, samples)
        mixture = LogisticMixture(*(v[0].flatten(1) for v in (m.logits, m.means, m.log_scales)))
        conditions = window = None
        if (mean := self.mixtures.mean) is not None:
            here = (samples - mean)[0, list(before)].flatten(1)
            differences = torch.cat([self.around[:, (c, *before)].flatten(0, 1), here])
            conditions = Conditions(differences, self.features, mean[0, c].flatten())
        if self.mixtures.window is not None:
            first, last = self.mixtures.window
            window = first[0, c].flatten(), last[0, c].flatten()
        return mixture, conditions, window

    def _push_nibbles(self, mixture: LogisticMixture, samples: Tensor) -> None:
        upper = torch.floor(samples / 16.0)
        self._push(samples - 16.0 * upper, self.tables.lower(mixture, upper))
        self._push(upper, self.tables.upper(mixture))

    def _pop_nibbles(self, mixture: LogisticMixture) -> Tensor:
        upper = self._pop(self.tables.upper(mixture))
        return 16.0 * upper + self._pop(self.tables.lower(mixture, upper))

    def _push(self, symbols: Tensor, frequencies: Tensor) -> None:
        self.stack.push_symbols(symbols.to("cpu", torch.int32).numpy(), frequencies.cpu().numpy())

    def _pop(self, frequencies: Tensor) -> Tensor:
        return torch.from_numpy(self.stack.pop_symbols(frequencies.cpu().numpy())).to(frequencies)


class LevelCoder:
    """Pushes and pops levels y_k of integer samples, (1, 3, h, w); of grey pictures only one channel.

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
            samples = inside.keep(quarter, true[quarter], mixtures.base)
            visited.append((quarter, mixtures, samples))
            return samples

        walk(visit)
        for i, (quarter, mixtures, samples) in reversed(list(enumerate(visited))):
            known = {q: inside.keep(q, true[q], mixtures.mean) for q, _, _ in visited[:i] if mixtures.mean is not None}
            phase = PhaseCoder(self.tables, self.stack, self.channels, inside, quarter, mixtures, known)
            for turn in reversed(range(len(self.channels))):
                phase.push(turn, samples)

    def pop(self, walk: Walk, size: Size, device: torch.device) -> Tensor:
        """Pop a level of that size: (1, 3, *size)."""
        inside = Inside(size, device)
        known: Known = {}

        def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
            phase = PhaseCoder(self.tables, self.stack, self.channels, inside, quarter, mixtures, known)
            samples = mixtures.base.clone()
            for turn, c in enumerate(self.channels):
                samples[:, c] = phase.pop(turn, samples)
            if len(self.channels) == 1:
                samples = inside.keep(quarter, samples[:, self.channels[0], None].expand_as(samples), mixtures.base)
            if mixtures.mean is not None:
                known[quarter] = inside.keep(quarter, samples, mixtures.mean)
            return samples

        return from_quarters(*walk(visit))[..., : size[0], : size[1]]
