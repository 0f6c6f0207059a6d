"""What the photo model is trained for: losses of the ladder and of the likelihoods, and how they are validated."""

import math

import numpy as np
import torch
from torch import Tensor

from ..models.details import log_step
from ..models.pyramid import Pyramid
from ..models.selfvae import LEVELS, SelfVAE
from .loop import Objective


def trade_off(quality: Tensor) -> Tensor:
    """Lambda of a quality: at high rate, what a step of uniform quantisation is worth, 12 * 3 / (2 ln 2) / step^2."""
    return 18.0 / math.log(2.0) / torch.exp2(2.0 * log_step(quality))


def ladder_loss(model: SelfVAE, image: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    """Rate plus lambda times distortion over qualities drawn for each image, in a reconstruction mode drawn for all.

    Most steps train `standard`; some leave out the finest details (as `sketch` and `preview` do), some give y_K
    exactly (`high`) or every level (`lossless`).
    """
    quality = torch.from_numpy(rng.uniform(1.0, 100.0, len(image)).astype(np.float32)).to(image.device)
    mode = rng.random()
    dropped = int(rng.integers(1, LEVELS + 1)) if mode < 0.15 else 0
    exact = (LEVELS,) if 0.1 < mode < 0.25 else range(1, LEVELS + 1) if 0.25 < mode < 0.3 else ()
    picture, bits = model.ladder(image, quality, dropped, exact)
    bpp = bits.sum(0) / image[0, 0].numel()
    mse = (picture - image).square().mean((1, 2, 3))
    weight = trade_off(quality)
    if dropped:  # the picture cannot follow a high quality: no step should be spent on its being far off
        weight = weight.clamp_max(0.004)
    loss = ((bpp + weight * mse) * (trade_off(quality) / 0.01) ** -0.35).mean()
    return loss, {} if dropped else {"bpp": bpp.mean().item(), "log10 mse": mse.log10().mean().item()}


def likelihood_loss(model: SelfVAE, image: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    """Bits per sub-pixel of a level given the next, and in a quarter of the steps of the gist given u."""
    k = int(rng.choice(LEVELS, p=(0.7, 0.2, 0.1))) + 1
    size = image.shape[-1] // 2 if k == 1 else image.shape[-1]
    level = Pyramid.over(image[..., :size, :size], k - 1)[k - 1]
    details = model.draw_details(k, level) if rng.random() < 0.1 else None
    loss = (model.level_bits(k, level, details) / level[0].numel()).mean()
    figures = {f"level {k}" if details is None else f"level {k} given z": loss.item()}
    if rng.random() < 0.25:
        gist = Pyramid.over(image, LEVELS)[LEVELS]
        quality = torch.from_numpy(rng.uniform(1.0, 100.0, len(image)).astype(np.float32)).to(image.device)
        gist_bits = (model.gist_bits(gist, quality) / gist[0].numel()).mean()
        loss = loss + gist_bits
        figures["gist"] = gist_bits.item()
    return loss, figures


@torch.no_grad()
def validate_ladder(model: SelfVAE, photos: Tensor) -> dict[str, float | str]:
    """Mean rate and PSNR on held-out photos at four qualities, and of `sketch`; `score` sums rate plus distortion."""
    report: dict[str, float | str] = {}
    score = 0.0
    for name, q, dropped in (("10", 10, 0), ("40", 40, 0), ("70", 70, 0), ("95", 95, 0), ("sketch", 50, LEVELS)):
        quality = torch.full((len(photos),), float(q), device=photos.device)
        torch.manual_seed(0)
        picture, bits = model.ladder(photos, quality, dropped)
        bpp = bits.sum(0).mean().item() / photos[0, 0].numel()
        mse = (picture.clamp(0, 255).round() - photos).square().mean((1, 2, 3))
        psnr = (10 * torch.log10(255.0**2 / mse)).mean().item()
        report[name] = f"{bpp:.3f} bpp {psnr:.2f} dB"
        if not dropped:
            # 1 dB is worth about 6% of the rate: relative cost, comparable between qualities
            score += math.log(bpp) - psnr * math.log(10) / 10 * 0.6
    return {"score": round(score / 4, 4), **report}


@torch.no_grad()
def validate_likelihoods(model: SelfVAE, photos: Tensor) -> dict[str, float | str]:
    """Bits per sub-pixel of x on held-out photos, level by level; `score` is their sum with u left out."""
    pyramid = Pyramid.over(photos, LEVELS)
    report = {}
    for k in range(1, LEVELS + 1):
        report[f"y_{k - 1}"] = model.level_bits(k, pyramid[k - 1]).mean().item() / photos[0].numel()
    quality = torch.full((len(photos),), 50.0, device=photos.device)
    report[f"y_{LEVELS}"] = model.gist_bits(pyramid[LEVELS], quality).mean().item() / photos[0].numel()
    return {key: round(value, 4) for key, value in {"score": sum(report.values()), **report}.items()}


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("ladder", ("ladder",), ladder_loss, validate_ladder),
        Objective("likelihoods", ("level_likelihood", "gist_likelihood"), likelihood_loss, validate_likelihoods),
    )
}
