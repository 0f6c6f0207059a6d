"""Integer frequencies of mixtures of discretized logistics, the same on every machine.

The logistic function, the exponential of the logits and the inverse scales come from tables of integers that travel
with the model. What remains is elementwise IEEE arithmetic and sums of integers below 2^24, which float32 holds.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .likelihoods import COMPONENTS, MAX_LOG_SCALE, MIN_LOG_SCALE, LogisticMixture

STEPS = 256  # of the logistic function's table, per unit of its argument
REACH = 12  # the table covers arguments within +-12
ONE = 1 << 14  # its value for a probability of one
LOGIT_STEPS = 32  # of the exponential's table, per unit of a logit
LARGEST_WEIGHT = 255  # of the likeliest component
SCALE_STEPS = 8  # scales are powers of 2^(1/8)
FLOOR = 16.0  # least frequency of a symbol: keeps what the tables round to nothing affordable
OPEN = 1e5  # in levels: beyond the reach of every scale
ROWS = 1 << 13  # mixtures worked on at a time: what fits the cache


class MixtureTables:
    """Turns parameters of mixtures into frequencies for the entropy coder.

    A level takes two symbols, its upper and then its lower four bits; where at most four levels are possible it takes
    one. Frequencies are float32 integers, (n, 16) or (n, 4), for the n sub-pixels in row-major order.
    """

    def __init__(self, sigmoid: Tensor, weights: Tensor, inverse_scales: Tensor):
        self.sigmoid = sigmoid.float()
        self.weights = weights.float()
        self.inverse_scales = inverse_scales.float() * 2.0**-16

    @classmethod
    def generate(cls) -> "MixtureTables":
        """Compute the tables, once, when a model is exported."""
        argument = torch.arange(-REACH * STEPS, REACH * STEPS + 1, dtype=torch.float64) / STEPS
        sigmoid = torch.round(ONE * torch.sigmoid(argument))
        sigmoid[0], sigmoid[-1] = 0, ONE
        weights = torch.round(LARGEST_WEIGHT * torch.exp(-torch.arange(8 * LOGIT_STEPS, dtype=torch.float64) / LOGIT_STEPS))
        count = round((MAX_LOG_SCALE - MIN_LOG_SCALE) * SCALE_STEPS) + 1
        log_scales = MIN_LOG_SCALE + torch.arange(count, dtype=torch.float64) / SCALE_STEPS
        return cls(sigmoid, weights, torch.round(torch.exp2(16 - log_scales)))

    def arrays(self) -> dict[str, Tensor]:
        """The tables as int32, as they travel with the model."""
        return {
            "sigmoid": self.sigmoid.to(torch.int32),
            "weights": self.weights.to(torch.int32),
            "inverse_scales": (self.inverse_scales * 2.0**16).to(torch.int32),
        }

    def upper(self, mixture: LogisticMixture) -> Tensor:
        """Frequencies of a level's upper four bits."""
        edges = torch.arange(0.0, 257.0, 16.0)[:, None] - 0.5
        return self._frequencies(mixture, lambda rows: edges)

    def lower(self, mixture: LogisticMixture, upper: Tensor) -> Tensor:
        """Frequencies of the lower four bits, given the upper ones (n,)."""
        steps = torch.arange(17.0)[:, None] - 0.5
        return self._frequencies(mixture, lambda rows: upper[rows] * 16.0 + steps)

    def window(self, mixture: LogisticMixture, first: Tensor, last: Tensor) -> Tensor:
        """Frequencies of the at most four levels first .. last, (n,) each."""
        steps = torch.arange(5.0)[:, None] - 0.5
        return self._frequencies(mixture, lambda rows: torch.minimum(first[rows] + steps, last[rows] + 0.5))

    def _frequencies(self, mixture: LogisticMixture, edges_of: Callable[[slice], Tensor]) -> Tensor:
        """Mass between edges, (edges, n) or (edges, 1) in levels for a slice of the rows; the lists' ends are open."""
        logits, means = mixture.logits, mixture.means
        scales = ((mixture.log_scales - MIN_LOG_SCALE) * SCALE_STEPS + 0.5).floor().int()
        decay = ((logits.amax(0) - logits) * LOGIT_STEPS + 0.5).floor().clamp_max(len(self.weights) - 1).int()
        out = []
        for start in range(0, max(1, logits.shape[1]), ROWS):
            rows = slice(start, start + ROWS)
            edges = edges_of(rows)
            edges = torch.where(edges <= -0.5, -OPEN, torch.where(edges >= 255.5, OPEN, edges))
            total: Tensor | float = 0.0
            for c in range(COMPONENTS):
                inverse = self.inverse_scales[scales[c, rows]]
                argument = (edges - means[c, rows]) * (inverse * STEPS)
                index = argument.round_().clamp_(-REACH * STEPS, REACH * STEPS).add_(REACH * STEPS).int()
                total = total + self.sigmoid[index] * self.weights[decay[c, rows]]
            out.append((total.diff(dim=0) + FLOOR).T)
        return torch.cat(out)
