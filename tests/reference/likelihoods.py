"""Levels that are coded exactly: their networks, phase by phase ("Likelihoods" and the order of phases)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .corrections import Known, pop_corrected
from .mixtures import Masses, Mixture
from .planes import Size, even, from_quarters, neighbour_differences, quarters, to_rgb
from .stack import Floats, Stack
from .weights import FINE, FINE_IN_GIST, Kind, Model, rectify

Mask = npt.NDArray[np.bool_]

PHASES = (0, 3, 1, 2)  # quarters in the order in which they are coded
CHANNELS = (1, 0, 2)  # green, red, blue
CENTRE, SPREAD = np.float32(128), np.float32(32)
OFFSETS = np.array([-4, np.float32(8 / 3) - np.float32(4), np.float32(4) - np.float32(8 / 3), 4], np.float32)


def pop_gist(model: Model, stack: Stack, mean: Floats, features: Floats, grey: bool) -> Floats:
    """y_3 from its mean in opponent colour and the features of level 4."""
    size = mean.shape[1:]
    guess = quarters(even(np.clip(to_rgb(mean), 0, 255)))
    context = [(guess[0] - CENTRE) / SPREAD, *((g - guess[0]) / SPREAD for g in guess[1:]), features]
    x = model.convolve("gist_likelihood.input", np.concatenate(context), FINE_IN_GIST)
    return _Phases(model, stack, "gist_likelihood", FINE_IN_GIST, grey).pop(x, 2, guess, None, size)


def pop_level(model: Model, stack: Stack, k: int, level: Floats, size: Size, grey: bool) -> Floats:
    """y_{k-1} from y_k."""
    name = "level_likelihood"
    centred = (level - CENTRE) / SPREAD
    x = model.convolve(f"{name}.input", centred, FINE)
    x = x + model.fractions(f"{name}.of_level", 10)[k - 1, :, None, None]
    moved = model.convolve(f"{name}.interpolate", neighbour_differences(centred), FINE) * SPREAD
    guess = [level + part for part in moved.reshape(4, *level.shape)]
    return _Phases(model, stack, name, FINE, grey).pop(x, 3, guess, level, size)


class _Phases:
    """The phases of a level. `kind` is that of its fine convolutions."""

    def __init__(self, model: Model, stack: Stack, name: str, kind: Kind, grey: bool):
        self.model, self.stack, self.name, self.kind = model, stack, name, kind
        self.channels = CHANNELS[:1] if grey else CHANNELS

    def pop(self, features: Floats, blocks: int, guess: list[Floats], level: Floats | None, size: Size) -> Floats:
        """A level of that size from features and guesses, y_k being known or not."""
        inside = insides(features.shape[1:], size)
        whole = inside[0] & inside[1] & inside[2] & inside[3]
        found: dict[int, Floats] = {}
        surprise = None
        features = self.model.trunk(f"{self.name}.trunk", features, blocks)
        rest = None if level is None else np.float32(4) * level
        for i, quarter in enumerate(PHASES):
            phase, base, known, cut = f"{self.name}.phases.{i}", guess[quarter], None, np.zeros_like(whole)
            if surprise is not None:
                features = features + self.model.convolve(f"{phase}.absorb", surprise / SPREAD, self.kind)
            features = self.model.trunk(f"{phase}.trunk", features, 2)
            inputs = rectify(features)
            if level is not None:
                others = rest
                for later in PHASES[i:]:
                    others = others - guess[later]
                base = base + others * np.float32(1 / (4 - i))
                before = {q: np.where(inside[q], samples, level) for q, samples in found.items()}
                known = Known.of(quarter, level, before, inputs)
                cut = whole if i == 3 else cut
            out = self.model.convolve(f"{phase}.out", inputs, self.kind)
            samples = self._pop_phase(out, base, known, inside[quarter], cut, rest)
            found[quarter], surprise = samples, samples - base
            rest = None if rest is None else rest - samples
        return from_quarters([found[quarter] for quarter in range(4)], size)

    def _pop_phase(
        self, out: Floats, base: Floats, known: Known | None, inside: Mask, cut: Mask, rest: Floats | None
    ) -> Floats:
        """Samples of a phase, the base outside the picture."""
        samples = base.copy()
        freely, cut = np.flatnonzero(inside & ~cut), np.flatnonzero(cut)
        for turn, channel in enumerate(self.channels):
            mixture = mixture_of(out, channel, base, samples)
            if known is not None:
                mixture = pop_corrected(self.stack, mixture, known, channel, self.channels[:turn], samples)
            values = samples[channel].ravel()
            if len(cut):
                r = rest[channel].ravel()[cut]
                first, last = np.clip(r - np.float32(2), 0, 255), np.clip(r + np.float32(1), 0, 255)
                edges = [first + np.float32(i) for i in range(5)]
                values[cut] = first + Masses.of(self.model, mixture.at(cut)).pop_cut(self.stack, edges, first, last)
            values[freely] = Masses.of(self.model, mixture.at(freely)).pop_windowed(self.stack)
            samples[channel] = values.reshape(inside.shape)
        if len(self.channels) == 1:
            samples = np.where(inside, samples[self.channels[0]], base)
        return samples


def insides(blocks: Size, size: Size) -> list[Mask]:
    """Of each quarter, which blocks' pixels lie within the size."""
    covered = np.zeros((1, 2 * blocks[0], 2 * blocks[1]), bool)
    covered[:, : size[0], : size[1]] = True
    return [quarter[0] for quarter in quarters(covered)]


def mixture_of(out: Floats, channel: int, base: Floats, samples: Floats) -> Mixture:
    """A channel's mixtures at all pixels, given the samples of the channels before it."""
    logits, means, scales, coefficients = out.reshape(4, 3, 4, -1)
    red, green, _ = (samples - base).reshape(3, -1)
    mean = base[channel].ravel() + means[channel] * SPREAD + OFFSETS[:, None]
    if channel == 0:
        mean = mean + coefficients[0] * green
    elif channel == 2:
        mean = mean + coefficients[1] * green + coefficients[2] * red
    log_scales = np.clip(scales[channel] * np.float32(2) + np.float32(2), -3.5, 7)
    return Mixture(logits[channel], mean, log_scales)
