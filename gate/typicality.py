"""How typical tiles of a picture are of photos: the density of their statistics, by a mixture fitted on photos.

    p_VAE: the ELBO's terms at every tile (`statistics.statistics`)
    p_FE(f_x | f_phi) = p(f_x | C_phi) p(f_phi | C_phi)      equation 3 of Poklukar et al.

with f the jigsaw network's features of a tile, x, and of the decoded tile, phi, and C_phi the component of a mixture
over features that is the likeliest to have given f_phi. Their product, equation 4, is a likelihood, which is high for
blank pictures. The score is instead the density of its factors, which is low for whatever photos are not like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.pyramid import Pyramid
from ..models.selfvae import Ladder
from ..models.transforms import SAMPLE_CENTRE, SAMPLE_UNIT
from .feature_likelihood import FeatureLikelihood, log_fe
from .jigsaw import HIDDEN, Jigsaw
from .mixture import Mixture
from .statistics import statistics

REDUCTION = 2  # halvings of a tile before the jigsaw network sees it
LAYER = 4  # whose features are taken
FEATURE_COMPONENTS = 4
COMPONENTS = 1  # of the values: more did not tell photos better


def thumbnails(image: Tensor) -> Tensor:
    """Tiles as the jigsaw network sees them: samples 0..255, float (b, 3, h, w), to units of it, (b, 3, h/4, w/4)."""
    return (Pyramid.over(image.round(), REDUCTION)[REDUCTION] - SAMPLE_CENTRE) / SAMPLE_UNIT


def measure(of_features: FeatureLikelihood, ladder: Ladder, image: Tensor) -> Tensor:
    """What is judged of tiles: `statistics`, and asinh of log p_FE in nats per dimension; asinh tames its long tail.

    Args:
        image: integer samples 0..255, float (b, 3, TILE, TILE).

    Returns:
        float64 (b, d), on the CPU.
    """
    found, decoded = statistics(ladder, image)
    chosen, of_decoded = of_features.decoded(thumbnails(decoded.cpu()))
    log_p = log_fe(of_features.components(thumbnails(image.cpu())), chosen[:, None], of_decoded[:, None])
    return torch.cat([found.cpu(), torch.asinh(log_p / (2 * HIDDEN[LAYER - 1]))], 1)


@dataclass(frozen=True)
class Typicality:
    """What scores tiles.

    Attributes:
        of_features: p_FE.
        mean, deviation: of the values that `measure` finds in tiles of photos, float64 (d,).
        of_values: their density, once brought to mean 0 and variance 1.
    """

    of_features: FeatureLikelihood
    mean: Tensor
    deviation: Tensor
    of_values: Mixture

    @classmethod
    def fit(cls, of_features: FeatureLikelihood, values: Tensor) -> Typicality:
        """Of the values, float64 (n, d), of n tiles of photos."""
        mean, deviation = values.mean(0), values.std(0)
        return cls(of_features, mean, deviation, Mixture.fit((values - mean) / deviation, COMPONENTS))

    def score(self, values: Tensor) -> Tensor:
        """Log densities, in nats per dimension: float64 (n,) of the values, float64 (n, d), of n tiles."""
        return self.of_values.log_density((values - self.mean) / self.deviation) / values.shape[1]

    def to_tensors(self) -> dict[str, Tensor]:
        """The arrays by name, as a gate's file stores them: the network's as float16, the mixtures' as float32."""
        parts = {
            "jigsaw": {name: value.half() for name, value in self.of_features.jigsaw.state_dict().items()},
            "features": as_floats(self.of_features.mixture.to_tensors()),
            "values": as_floats(self.of_values.to_tensors()),
            "scale": as_floats({"mean": self.mean, "deviation": self.deviation}),
        }
        return {f"{part}.{name}": value.contiguous() for part, group in parts.items() for name, value in group.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Typicality:
        """Inverse of `to_tensors`. Raises KeyError, TypeError or RuntimeError for other tensors."""

        def part(prefix: str) -> dict[str, Tensor]:
            names = [name for name in tensors if name.startswith(prefix)]
            return {name.removeprefix(prefix): tensors[name].double() for name in names}

        jigsaw = Jigsaw(channels=3).requires_grad_(False).eval()
        jigsaw.load_state_dict(part("jigsaw."))
        features = FeatureLikelihood(jigsaw, Mixture.from_tensors(part("features.")), LAYER)
        return cls(features, **part("scale."), of_values=Mixture.from_tensors(part("values.")))


def as_floats(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.float() for name, value in tensors.items()}
