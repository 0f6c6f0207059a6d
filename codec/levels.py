"""Levels y_k to and from the stack, under their mixtures of discretized logistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from ..bitstream.stack import Stack
from ..models.frequencies import PART, WINDOW, Curves, MixtureTables, frequencies
from ..models.likelihoods import CHANNELS, LogisticMixture, PhaseMixtures, Visit
from ..models.pyramid import Size
from ..models.transforms import from_quarters, pad_even, quarters
from .corrections import Conditions, Context, count_of, feature_steps, pop_correction, push_correction, surroundings
from .fitting import Observations, Search, fit

Walk = Callable[[Visit], list[Tensor]]  # a likelihood with its context given
Places = Tensor | slice  # indices of pixels, or all


def places_of(mask: Tensor) -> Places:
    """Where a mask is set."""
    return slice(None) if mask.all() else mask.flatten().nonzero()[:, 0]


class Inside:
    """Which pixels of the 2x2 blocks lie inside a level of odd size; the others are not coded."""

    def __init__(self, size: Size, device: torch.device):
        rows, columns = (torch.arange(side + side % 2, dtype=torch.int64, device=device) < side for side in size)
        self.quarters = quarters((rows[:, None] & columns)[None, None])
        self.whole = torch.stack(self.quarters).all(0)

    def keep(self, quarter: int, samples: Tensor, outside: Tensor) -> Tensor:
        """The samples of a quarter's pixels that lie inside, something else for the others."""
        return torch.where(self.quarters[quarter], samples, outside)

    def split(self, quarter: int, windowed: bool) -> tuple[Places, Places]:
        """Which of a quarter's pixels have a window of possible samples, and which are coded without one.

        Only blocks that lie inside entirely give their mean's window.
        """
        inside = self.quarters[quarter]
        whole = inside & self.whole if windowed else torch.zeros_like(inside)
        return places_of(whole), places_of(inside & ~whole)


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
        self.quarter = quarter
        self.mixtures = mixtures
        self.known = known
        self.whole, self.parts = inside.split(quarter, mixtures.window is not None)
        self.blocks = inside.whole.flatten().nonzero()[:, 0]
        self._sample: tuple[Tensor, Context] | None = None

    def push(self, turn: int, samples: Tensor, search: Search | None) -> None:
        """Push a channel, the `turn`th, of samples (1, 3, h, w), those of the channels before it being known.

        The mixtures are corrected as `search` finds, if there is one.
        """
        mixture, window = self._distribution(turn, samples)
        flat = samples[:, self.channels[turn]].flatten()
        correction = None
        if self.mixtures.mean is not None and search is not None:
            chosen, context = self._chosen(search.samples)
            conditions = self._conditions(context, turn, samples[0].flatten(1)[:, chosen])
            limits = None if window is None else (window[0][chosen], window[1][chosen])
            seen = Observations(mixture.at(chosen), conditions, flat[chosen], limits)
            correction = fit(seen, len(self.blocks), search)
            if correction is not None:
                mixture = correction.apply(mixture, self._conditions(self.context, turn, samples[0].flatten(1)))
        self._push_samples(self.tables.curves(mixture.at(self.parts)), flat[self.parts])
        if window is not None:
            first, last = window[0][self.whole], window[1][self.whole]
            self._push(flat[self.whole] - first, self.tables.curves(mixture.at(self.whole)).window(first, last))
        if self.mixtures.mean is not None:
            push_correction(self.stack, correction)

    def pop(self, turn: int, samples: Tensor) -> Tensor:
        """Inverse of `push`: the channel (h, w), given the channels before it; what is not coded stays as it is."""
        mixture, window = self._distribution(turn, samples)
        channel = samples[0, self.channels[turn]]
        flat = channel.flatten().clone()
        if self.mixtures.mean is not None:
            correction = pop_correction(self.stack, count_of(self.quarter, self.known, turn))
            if correction is not None:
                mixture = correction.apply(mixture, self._conditions(self.context, turn, samples[0].flatten(1)))
        if window is not None:
            first, last = window[0][self.whole], window[1][self.whole]
            flat[self.whole] = first + self._pop(self.tables.curves(mixture.at(self.whole)).window(first, last))
        flat[self.parts] = self._pop_samples(self.tables.curves(mixture.at(self.parts)))
        return flat.view(channel.shape)

    @cached_property
    def context(self) -> Context:
        """What corrects the phase's mixtures; only where y_k is given."""
        mean = cast(Tensor, self.mixtures.mean)
        around = surroundings(self.quarter, self.known, mean)
        return Context(around, feature_steps(self.mixtures.features), mean[0].flatten(1))

    def _chosen(self, count: int) -> tuple[Tensor, Context]:
        """At most `count` pixels of blocks that lie inside, in no order: where a correction is sought."""
        if self._sample is None:
            generator = torch.Generator("cpu").manual_seed(0)
            order = torch.randperm(len(self.blocks), generator=generator, dtype=torch.int64, device="cpu")
            chosen = self.blocks[order[:count].to(self.blocks.device)]
            self._sample = chosen, self.context.at(chosen)
        return self._sample

    def _conditions(self, context: Context, turn: int, samples: Tensor) -> Conditions:
        return context.conditions(self.channels[turn], self.channels[:turn], samples)

    def _distribution(self, turn: int, samples: Tensor) -> tuple[LogisticMixture, tuple[Tensor, Tensor] | None]:
        """A channel's mixtures (components, h * w), and the windows of its samples."""
        c = self.channels[turn]
        m = self.mixtures.channel(c, samples)
        mixture = LogisticMixture(*(v[0].flatten(1) for v in (m.logits, m.means, m.log_scales)))
        if self.mixtures.window is None:
            return mixture, None
        first, last = self.mixtures.window
        return mixture, (first[0, c].flatten(), last[0, c].flatten())

    def _push_samples(self, curves: Curves, samples: Tensor) -> None:
        place = (samples - curves.first).clamp_(0.0, WINDOW - 1.0)
        chosen = torch.floor(place / PART)
        outer, first, last = curves.beyond(place)
        if len(outer):
            beyond, far = curves.at(outer), samples[outer]
            upper = torch.floor(far / 16.0)
            self._push(far - 16.0 * upper, beyond.lower(upper, first, last))
            self._push(upper, beyond.upper(first, last))
        parts = curves.parts()
        self._push(place - PART * chosen, curves.part(parts, chosen))
        self._push(chosen, parts)

    def _pop_samples(self, curves: Curves) -> Tensor:
        parts = curves.parts()
        chosen = self._pop(parts)
        place = PART * chosen + self._pop(curves.part(parts, chosen))
        samples = curves.first + place
        outer, first, last = curves.beyond(place)
        if len(outer):
            beyond = curves.at(outer)
            upper = self._pop(beyond.upper(first, last))
            samples[outer] = 16.0 * upper + self._pop(beyond.lower(upper, first, last))
        return samples

    def _push(self, symbols: Tensor, mass: Tensor) -> None:
        self.stack.push_symbols(symbols.to("cpu", torch.int32).numpy(), frequencies(mass).cpu().numpy())

    def _pop(self, mass: Tensor) -> Tensor:
        return torch.from_numpy(self.stack.pop_symbols(frequencies(mass).cpu().numpy())).to(mass)


class LevelCoder:
    """Pushes and pops levels y_k of integer samples, (1, 3, h, w); of grey pictures only one channel.

    Args:
        tables: of the model.
        stack: to push to or pop from.
        grey: the three channels are the same.
        search: how `push` looks for corrections; None for not at all.
    """

    def __init__(self, tables: MixtureTables, stack: Stack, grey: bool, search: Search | None = None):
        self.tables = tables
        self.stack = stack
        self.search = search
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
                phase.push(turn, samples, self.search)

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
