"""What models of the family take as codecs: bits-back over chains of images against -ELBO, and bytes of every tier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...bitstream.container import Variable
from ...codec.family import chain, roads
from ...codec.family.family_model import FamilyModel
from ...codec.tiers import SPECS
from ...errors import InputError
from ...family.gaussians import seeded
from ...family.objective import bits_per_dimension

DRAWS = 10  # of the latents, for the ELBO
ALONE = 4  # images that are coded each for itself


def code(model: FamilyModel, images: Tensor, seed: int) -> dict[str, Any]:
    """Measure a chain of images, uint8 (n, 3, side, side), and some of them alone.

    Returns:
        bits per dimension: `elbo`, negative; `chain`, a file of all images; `net`, the same less what bits-back
        borrowed; `alone`, the mean of files of one image. `borrowed`, in bits. `bytes`, the mean of an image's codes by
        tier.
    """
    pixels = [each.permute(1, 2, 0).contiguous().numpy() for each in images]
    stack, accounts = model.compute(lambda: chain.encode(model, pixels))
    borrowed = next(entry.bits for entry in accounts[-1] if entry.variable is Variable.BORROWED)
    coded = 8 * len(stack.to_bytes())
    few = pixels[:ALONE]
    tiers: dict[str, float] = {}
    for spec in SPECS.values():
        try:
            lengths = [len(roads.encode(model, spec, each).codes) for each in few]
        except InputError:  # a VAE has no y
            continue
        tiers[spec.name] = sum(lengths) / len(lengths)
    return {
        "images": len(images),
        "elbo": round(float(_elbo(model, images, seed)), 4),
        "chain": round(coded / images.numel(), 4),
        "net": round((coded - borrowed) / images.numel(), 4),
        "alone": round(8 * tiers["lossless"] / images[0].numel(), 4),
        "borrowed": borrowed,
        "bytes": {name: round(value, 1) for name, value in tiers.items()},
    }


@torch.inference_mode()
def _elbo(model: FamilyModel, images: Tensor, seed: int) -> Tensor:
    noise = seeded(seed)
    pictures = [model.network.represent(part.double()) for part in torch.split(images, 1)]
    known = [(y, model.network.posteriors(y)) for y in pictures]
    draws = [model.network.draw_terms(y, own, noise).elbo for _ in range(DRAWS) for y, own in known]
    return bits_per_dimension(torch.cat(draws), images).mean()
