"""What the encoder found out about a picture ("Corrections")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .mixtures import Mixture
from .planes import neighbour_differences, repeat_edges
from .stack import Floats, Integers, Stack
from .stream import Malformed

SCALE, FEATURE_SCALE = 84, 68  # indices under which weights are coded
LIMIT = 2**10
FEATURES = 64


@dataclass(frozen=True)
class Known:
    """What all channels of a phase are corrected by.

    Attributes:
        level: y_k, (3, rows, columns).
        quarters: those that were coded before, by number; y_k outside the picture.
        features: h, integers (64, n).
        around: the neighbours less y_k, integers (neighbours, 3, n).
    """

    level: Floats
    quarters: dict[int, Floats]
    features: Integers
    around: Integers

    @classmethod
    def of(cls, quarter: int, level: Floats, quarters: dict[int, Floats], features: Floats) -> Known:
        """For a quarter, from the inputs of the phase's last convolution."""
        planes = [*neighbour_differences(level).reshape(8, *level.shape)]
        height, width = level.shape[1:]
        for step in range(9):
            y, x = quarter // 2 + step // 3 - 1, quarter % 2 + step % 3 - 1
            owner = y % 2 * 2 + x % 2
            if step != 4 and owner in quarters:
                i, j = y // 2 + 1, x // 2 + 1
                planes.append(repeat_edges(quarters[owner])[:, i : i + height, j : j + width] - level)
        steps = np.clip(np.floor(features * np.float32(16) + np.float32(0.5)), -255, 255)
        around = np.array(planes).reshape(len(planes), 3, -1)
        return cls(level, quarters, steps.reshape(FEATURES, -1).astype(np.int64), around.astype(np.int64))

    def differences(self, channel: int, before: tuple[int, ...], samples: Floats) -> Integers:
        """f of a channel, the samples (3, rows, columns) of those before it being known."""
        own = (samples - self.level).reshape(3, -1)[list(before)].astype(np.int64)
        around = self.around[:, [channel, *before]].reshape(-1, own.shape[1])
        return np.concatenate([around, own])


def pop_corrected(
    stack: Stack, mixture: Mixture, known: Known, channel: int, before: tuple[int, ...], samples: Floats
) -> Mixture:
    """A channel's mixtures, corrected if the stack says so."""
    present, featured = stack.pop_uniform(2, 1)
    if not present:
        return mixture
    f = known.differences(channel, before, samples)
    h = known.features if featured else known.features[:0]
    scales = np.repeat([SCALE, FEATURE_SCALE, SCALE], [len(f), 2 * len(h), 20])
    weights = stack.pop_residuals(scales)
    if (np.abs(weights) > LIMIT).any():
        raise Malformed("weights of a correction are out of range")
    w_f, w_h, v, own = np.split(weights, np.cumsum([len(f), len(h), len(h)]))
    # Each sum is of at most 64 products of at most 2^10 and 255: integers below 2^24, exact in binary32.
    of_f, of_h, of_v = ((part @ seen).astype(np.float32) for part, seen in ((w_f, f), (w_h, h), (v, h)))
    c, d, a, b, e = own.reshape(5, 4, 1).astype(np.float32) / np.float32(2**8)
    y = known.level[channel].ravel()
    mu, log_scales, step = mixture.means, mixture.log_scales, np.float32(2**-10)
    means = mu + ((mu - y) * c + ((of_f + of_h) * step + d))
    widened = log_scales + (log_scales * a + (of_v * step + b))
    return Mixture(mixture.logits + e, means, np.clip(widened, -3.5, 7))
