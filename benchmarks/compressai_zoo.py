"""svcodec's tiers as models of CompressAI's zoo, so that its evaluation script runs on them:

python -m svcodec.benchmarks.compressai_zoo pretrained FOLDER -a svcodec-standard -q 20,60,100
"""

from __future__ import annotations

import sys
from typing import Any

import compressai.zoo
import numpy as np
import torch
from compressai.registry import register_model
from compressai.utils.eval_model import __main__ as eval_model
from torch import Tensor, nn

from ..codec.codec import Codec

NAMES = ("svcodec-sketch", "svcodec-standard", "svcodec-high")  # the tiers that take a quality


class SvcodecModel(nn.Module):
    """One tier at one quality in CompressAI's convention.

    Args:
        tier: of svcodec.
        quality: 1..100.
    """

    def __init__(self, tier: str, quality: int):
        super().__init__()
        self.codec = Codec()
        self.network = self.codec.model.network
        self.tier, self.quality = tier, quality

    def update(self, force: bool = False) -> bool:
        """Nothing to update: a model file holds its tables."""
        return False

    @torch.no_grad()
    def compress(self, x: Tensor) -> dict[str, Any]:
        """Pictures (n, 3, h, w) in 0..1 to {"strings": [[a whole .svc file each]], "shape": (h, w)}."""
        levels = (x * 255).round().clamp(0, 255).to("cpu", torch.uint8).permute(0, 2, 3, 1).numpy()
        strings = [self.codec.encode(picture, tier=self.tier, quality=self.quality) for picture in levels]
        return {"strings": [strings], "shape": x.shape[-2:]}

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: Any) -> dict[str, Tensor]:
        """Inverse of `compress`: {"x_hat": (n, 3, h, w) in 0..1}."""
        pictures = [np.asarray(self.codec.decode(data).convert("RGB")) for data in strings[0]]
        return {"x_hat": torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255}


def _register(name: str) -> None:
    tier = name.removeprefix("svcodec-")

    def load(quality: int, metric: str = "mse", pretrained: bool = True, progress: bool = True) -> SvcodecModel:
        return SvcodecModel(tier, quality)

    compressai.zoo.image_models[name] = load
    register_model(name)(type(f"Svcodec{tier.title()}", (SvcodecModel,), {}))


for _name in NAMES:
    _register(_name)

if __name__ == "__main__":
    eval_model.main(sys.argv[1:])
