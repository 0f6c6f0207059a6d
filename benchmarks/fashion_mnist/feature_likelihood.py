"""p_FE, the likelihood of an image's features of Poklukar et al., equation 3; in nats per image."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .jigsaw import Jigsaw
from .mixture import Mixture


@dataclass(frozen=True)
class FeatureLikelihood:
    """p_FE: a mixture over the features that a layer of a jigsaw classifier gives to training images.

    Images and decoded means are float (n, channels, h, w), prepared as those the classifier was trained on.
    """

    jigsaw: Jigsaw
    mixture: Mixture
    layer: int = 1

    def log_density(self, images: Tensor) -> Tensor:
        """log p(f_x) of images alone, under the whole mixture: float64 (n,)."""
        return self.mixture.log_density(self.jigsaw.features(images, self.layer))

    def components(self, images: Tensor) -> Tensor:
        """log p_FE(f_x | C) under every component: float64 (n, C)."""
        return self.mixture.component_log_densities(self.jigsaw.features(images, self.layer))

    def decoded(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """C_phi and log p_FE(f_phi | C_phi) of decoded means: int64 (n,), float64 (n,)."""
        densities = self.components(phi)
        chosen = (densities + self.mixture.log_weight).argmax(1)
        return chosen, densities.gather(1, chosen[:, None]).squeeze(1)


def log_fe(components: Tensor, chosen: Tensor, of_decoded: Tensor) -> Tensor:
    """Equation 3, log p_FE(f_x | f_phi) for k decoded means for each image.

    Args:
        components: (n, C), `FeatureLikelihood.components` of the images.
        chosen, of_decoded: (n, k) or (1, k), `FeatureLikelihood.decoded` of the means.

    Returns:
        float64 (n, k).
    """
    return components.gather(1, chosen.expand(len(components), -1)) + of_decoded
