"""Bayesian Gaussian mixtures over features: fitted by scikit-learn, scored by torch alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

ADDED_VARIANCE = 1e-4


@dataclass(frozen=True)
class Mixture:
    """C Gaussians over d features with full covariance matrices, as scikit-learn's variational posterior gives them.

    log p(f | c) is the expectation of the log density under the posterior of the component's mean and precision, hence
    a little below a normalised density: log p(f | c) = offset_c - |f L_c - m_c|^2 / 2, with L_c the Cholesky factor of
    the precision. All arrays are float64.
    """

    log_weight: Tensor  # (C,), expected logarithms of the components' shares
    offset: Tensor  # (C,)
    factor: Tensor  # (C, d, d), L
    centre: Tensor  # (C, d), m = mean L

    @classmethod
    def fit(
        cls, features: Tensor, components: int = 15, seed: int = 0, added_variance: float = ADDED_VARIANCE
    ) -> Mixture:
        """Fit by variational inference; what is no argument here has scikit-learn's default.

        Args:
            features: float (n, d).
            components: C, at most n.
            seed: of the initial k-means.
            added_variance: to every variance, more than 0, since some features are constant.

        Raises:
            ValueError: fewer features than components.
        """
        from sklearn.mixture import BayesianGaussianMixture  # only here: scoring does without

        d = features.shape[1]
        fitted = BayesianGaussianMixture(n_components=components, reg_covar=added_variance, random_state=seed)
        fitted.fit(features.double().numpy())
        factor, mean = torch.from_numpy(fitted.precisions_cholesky_), torch.from_numpy(fitted.means_)
        freedom, precision = torch.from_numpy(fitted.degrees_of_freedom_), torch.from_numpy(fitted.mean_precision_)
        a, b = (torch.from_numpy(part) for part in fitted.weight_concentration_)
        # stick-breaking: E log w_c = E log v_c + sum of E log (1 - v_k) over k < c
        taken, left = torch.digamma(a) - torch.digamma(a + b), torch.digamma(b) - torch.digamma(a + b)
        log_weight = taken + left.cumsum(0) - left
        # E log |precision| of a Wishart distribution
        dimensions = torch.arange(d, dtype=torch.float64, device="cpu")
        log_wishart = torch.digamma((freedom[:, None] - dimensions) / 2).sum(1) + d * math.log(2)
        log_determinant = factor.diagonal(dim1=1, dim2=2).log().sum(1)
        offset = log_determinant + (log_wishart - d * (freedom.log() + math.log(2 * math.pi) + 1 / precision)) / 2
        return cls(log_weight, offset, factor, (mean[:, None] @ factor).squeeze(1))

    def component_log_densities(self, features: Tensor) -> Tensor:
        """log p(f | c) in nats: float64 (n, C) of float (n, d)."""
        values = features.double()
        square = [
            (values @ factor - centre).square().sum(1) for factor, centre in zip(self.factor, self.centre, strict=True)
        ]
        return self.offset - torch.stack(square, 1) / 2

    def log_density(self, features: Tensor) -> Tensor:
        """log p(f) in nats: float64 (n,) of float (n, d)."""
        return (self.component_log_densities(features) + self.log_weight).logsumexp(1)
