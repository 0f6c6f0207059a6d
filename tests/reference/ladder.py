"""u and z, and the means that they give the levels ("The ladder")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .planes import Size, from_quarters, unfold, varied
from .stack import Floats, Integers, Stack
from .weights import BYTE, FINE, FINE_RECTIFIED, Model

Booleans = npt.NDArray[np.bool_]

TRUNKS = {1: 2, 2: 2, 3: 2, 4: 3, 5: 2, 6: 2}  # blocks by k
# Channels of the groups, and of what parity row plus column is there.
GROUPS = (((0, 3), 0), ((0, 3), 1), ((6,), None), ((1, 4, 7, 2, 5, 8), None))
SHIFT_SCALE = 44


@dataclass
class Latents:
    """Where latents come from.

    Attributes:
        stack: None where they are not coded.
        bits_back: the offsets that were popped, to be pushed back; None where latents are coded directly.
    """

    stack: Stack | None
    bits_back: list[Integers] | None = None

    def draw_within(self, inside: Booleans, mean: Floats, log_scale: Floats) -> Floats:
        """Latents of a group, (channels, n), where `inside` (n,) is set, and their mean elsewhere."""
        z = mean.copy()
        z[:, inside] = self.draw(mean[:, inside], log_scale[:, inside])
        return z

    def draw(self, mean: Floats, log_scale: Floats) -> Floats:
        """Latents of a group, (channels, n)."""
        if self.stack is None:
            return mean
        scales = np.floor((log_scale + np.float32(5)) * np.float32(8) + np.float32(0.5)).astype(np.int64)
        if self.bits_back is None:
            shifts = self.stack.pop_residuals(np.full(len(scales), SHIFT_SCALE))
            scales = np.clip(scales + shifts[:, None], 0, 112)
            return mean + self.stack.pop_residuals(scales.ravel()).reshape(mean.shape).astype(np.float32)
        offsets = self.stack.pop_uniform(mean.size, 4)
        self.bits_back.append(offsets)
        residuals = self.stack.pop_residuals(scales.ravel(), offsets).astype(np.float32)
        return mean + (residuals + offsets.astype(np.float32) / np.float32(16)).reshape(mean.shape)

    def give_back(self) -> None:
        """Push the offsets back."""
        while self.bits_back:
            self.stack.push_uniform(self.bits_back.pop(), 4)


@dataclass(frozen=True)
class Ladder:
    """The networks at one quality and tune, for a picture whose levels have these sizes."""

    model: Model
    quality: int
    tune: int
    sizes: list[Size]

    def gist(self, latents: Latents) -> tuple[Floats, Floats]:
        """u: the mean of y_3 and the features of level 4."""
        level, features = self.coarse(latents)
        for k in (5, 4):
            level, features = self.step(k, level, features, latents)
        return level, features

    def coarse(self, latents: Latents) -> tuple[Floats, Floats]:
        """y_5 and the features of level 6."""
        return self.step(6, self._top(latents), None, latents)

    def _top(self, latents: Latents) -> Floats:
        """y_6."""
        name, at = "ladder.flow.top", (self.quality, self.tune)
        gain, log_gain = self.model.gains(name, *at)
        mean = sixteenths(self.model.at(f"{name}.mean", *at) * gain)
        log_scale = np.clip(self.model.at(f"{name}.log_scale", *at) + log_gain, -5, 9)
        shape = (3, *self.sizes[6])
        z = latents.draw(*(np.broadcast_to(part, shape).reshape(3, -1) for part in (mean, log_scale)))
        return z.reshape(shape) / gain

    def step(
        self, k: int, level: Floats, above: Floats | None, latents: Latents, inside: Booleans | None = None
    ) -> tuple[Floats, Floats]:
        """From y_k and the features of level k + 1 to y_{k-1} and those of level k.

        Latents are drawn where `inside` (h, w) is set, which is everywhere without it, and their mean elsewhere.
        """
        model, at = self.model, (self.quality, self.tune)
        name = f"ladder.levels.{k - 1}" if k <= 3 else f"ladder.flow.levels.{k - 4}"
        size, finer = self.sizes[k], self.sizes[k - 1]
        features = model.convolve(f"{name}.from_level", level, FINE)
        if above is not None:
            features = features + unfold(model.convolve(f"{name}.from_coarser.conv", above, BYTE), size)
        features = model.trunk(f"{name}.trunk", model.scale(f"{name}.trunk_scale", features, *at), TRUNKS[k])
        details = np.zeros((9, *size), np.float32)
        shown = np.tile(varied(level), (3, 1, 1))
        inside = np.ones(size, bool) if inside is None else inside
        for j, (channels, _) in enumerate(GROUPS):
            own, surprise = self._group(name, j, features, shown, latents, inside)
            details[list(channels)] += own
            seen = np.concatenate([own, surprise * np.float32(1 / 4)])
            features = model.convolve(f"{name}.absorb.{j}", seen, FINE) + features
        features = model.trunk(f"{name}.decoder", model.scale(f"{name}.decoder_scale", features, *at), 2)
        p, q, r = (details * np.float32(1 / 2)).reshape(3, 3, *size)
        upper, lower = level + q, level - q
        below = from_quarters([upper + (p + r), upper - (p + r), lower + (p - r), lower - (p - r)], finer)
        correction = unfold(model.convolve(f"{name}.correction", features, FINE_RECTIFIED), finer)
        return below + correction * varied(below), features

    def _group(
        self, name: str, j: int, features: Floats, shown: Booleans, latents: Latents, inside: Booleans
    ) -> tuple[Floats, Floats]:
        """Details and surprise of a group's channels."""
        channels, parity = list(GROUPS[j][0]), GROUPS[j][1]
        m, size = len(channels), features.shape[1:]
        gain, log_gain = (part[channels] for part in self.model.gains(name, self.quality, self.tune))
        hidden = self.model.convolve(f"{name}.priors.{j}.hidden", features, BYTE)
        a, b, t = np.split(self.model.convolve(f"{name}.priors.{j}.out", hidden, FINE_RECTIFIED), [m, 2 * m])
        s = np.rint(np.clip(t * np.float32(2), -3, 3) * np.float32(8)) / np.float32(8)
        # 2^s in binary64 is good enough: none lies near the middle between two multiples of 2^-12.
        f = (np.rint(np.exp2(s.astype(np.float64)) * 2**12) / 2**12).astype(np.float32)
        mean = sixteenths(a * shown[channels] * gain * f)
        log_scale = np.clip(b * np.float32(4) - np.float32(3) + log_gain + s, -5, 9)
        places = places_of(parity, size)
        here, log_here = (part.reshape(m, -1)[:, places] for part in (mean, log_scale))
        z = latents.draw_within(inside.ravel()[places], here, log_here)
        return put(z, places, size) / (f * gain), put(z - here, places, size)


def sixteenths(mean: Floats) -> Floats:
    """Rounded to sixteenths, ties to even."""
    return np.rint(mean * np.float32(16)) / np.float32(16)


def places_of(parity: int | None, size: Size) -> Integers:
    """Of a group, as indices of pixels, in the order in which they are coded."""
    index = np.arange(size[0] * size[1]).reshape(size)
    if parity is None:
        return index.ravel()
    return np.concatenate([index[0::2, parity::2].ravel(), index[1::2, 1 - parity :: 2].ravel()])


def put(values: Floats, places: Integers, size: Size) -> Floats:
    """Planes with values at these places and zeros elsewhere."""
    planes = np.zeros((len(values), size[0] * size[1]), np.float32)
    planes[:, places] = values
    return planes.reshape(-1, *size)
