"""How typical a picture is of photos: the density of its tiles' statistics, by mixtures fitted on photos.

    p_VAE: the ELBO's terms at every tile (`statistics.elbo_terms`)
    p_FE(f_x | f_phi) = p(f_x | C_phi) p(f_phi | C_phi)      equation 3 of Poklukar et al.

with f the jigsaw network's features of a tile and of the decoded tile, phi, and C_phi the component of a mixture over
features that is the likeliest to have given f_phi. Their product, equation 4, is a likelihood, which is high for blank
pictures. The score is instead the density of its factors, which is low for whatever photos are not like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..selfvae import Ladder
from ..transforms import LEVEL_CENTRE, LEVEL_UNIT, pyramid
from .jigsaw import Jigsaw
from .mixture import Mixture
from .statistics import NAMES, elbo_terms, tiles

REDUCTION = 2  # the jigsaw network sees a tile at 1/2^REDUCTION of its side
LAYER = 2  # whose features are taken


def thumbnails(image: Tensor) -> Tensor:
    """Tiles as the jigsaw network sees them: levels 0..255, (b, 3, h, w), to units of it, (b, 3, h / 4, w / 4)."""
    return (pyramid(image.round(), REDUCTION)[-1] - LEVEL_CENTRE) / LEVEL_UNIT


@dataclass(frozen=True)
class Scale:
    """Brings statistics to mean 0 and variance 1; arrays are float64 (d,)."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Scale:
        """Of values (n, d)."""
        return cls(values.mean(0), values.std(0) + 1e-3)

    def __call__(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.deviation


def feature_likelihood(mixture: Mixture, given: Tensor, decoded: Tensor) -> Tensor:
    """log p_FE of equation 3, in nats per dimension: (n,) of the features of tiles and of decoded tiles, (n, d)."""
    chosen = mixture.heaviest(decoded)[:, None]
    log_p = mixture.component_log_densities(given) + mixture.component_log_densities(decoded)
    return log_p.gather(1, chosen)[:, 0] / (2 * given.shape[1])
