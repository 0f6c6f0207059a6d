"""Small models of the family, with weights as a first batch leaves them, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from svcodec.family import stored
from svcodec.family.configuration import Configuration
from svcodec.family.hierarchy import Hierarchy, build
from svcodec.family.objective import initialise

SIDE = 8
SIZES = {"latent_side": 4, "latent_channels": 4, "width": 8, "layers": 1, "blocks": 1, "couplings": 4, "logistics": 2}


def picture(height: int, width: int) -> np.ndarray:
    """Smooth, with some noise: uint8 (height, width, 3)."""
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack([128 + 90 * np.sin(columns / 3), 9 * rows + columns, 200 - 5 * rows], axis=-1)
    return np.clip(smooth + np.random.default_rng(0).normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def network_of(*transforms: str, prior: str = "realnvp") -> Hierarchy:
    """An untrained model of pictures of SIDE pixels a side, whose RealNVP is not the identity."""
    torch.manual_seed(0)
    network = build(Configuration(SIDE, transforms, prior, gaussians=3, **SIZES)).requires_grad_(False)
    x = torch.from_numpy(picture(32, 32)).permute(2, 0, 1).float()
    initialise(network, x.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).permute(1, 2, 0, 3, 4).flatten(0, 1))
    for name, parameter in network.named_parameters():
        if "prior.couplings" in name and name.endswith("output.gain"):
            parameter.fill_(0.2)
    return network


def written(network: Hierarchy, folder: Path) -> Path:
    """A model's file, own-family.safetensors."""
    path = folder / "own-family.safetensors"
    stored.save(network, path)
    return path
