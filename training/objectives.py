"""What the photo model is trained for: losses of the ladder and of the likelihoods, and how they are validated."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..models.blocks import Rate
from ..models.details import trade_off
from ..models.pyramid import Pyramid
from ..models.selfvae import LEVELS, SelfVAE
from ..tunes import Tune
from .distortion import ms_ssim, squared_error, ssim_distortion
from .loop import Objective

DISTORTIONS = {Tune.PSNR: squared_error, Tune.SSIM: ssim_distortion}


def ladder_loss(model: SelfVAE, image: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    """Rate plus lambda times distortion over qualities drawn for each image, in a reconstruction mode drawn for all.

    Most steps train `standard`; some leave out the finest details (as `sketch` and `preview` do), some give y_K
    exactly (`high`) or every level (`lossless`). Tunes take turns from image to image.
    """
    rate = random_rate(image, rng)
    mode = rng.random()
    dropped = int(rng.integers(1, LEVELS + 1)) if mode < 0.1 else 0
    exact = (LEVELS,) if 0.08 < mode < 0.15 else range(1, LEVELS + 1) if 0.15 < mode < 0.18 else ()
    picture, bits = model.ladder(image, rate, dropped, exact)
    bpp = bits.sum(0) / image[0, 0].numel()
    distortion = bpp.new_zeros(len(image))
    for tune, measure in DISTORTIONS.items():
        of_tune = slice(tune, None, len(Tune))
        # far off, and exact where it is not the picture's, structure tells little: squared error trains what is left
        measure = squared_error if dropped or exact else measure
        distortion[of_tune] = measure(picture[of_tune], image[of_tune])
    weight = trade_off(rate.quality)
    if dropped:  # the picture cannot follow a high quality: no step should be spent on its being far off
        weight = weight.clamp_max(0.004)
    loss = ((bpp + weight * distortion) * (trade_off(rate.quality) / 0.01) ** -0.35).mean()
    if dropped:
        return loss, {}
    log_error = squared_error(picture.detach(), image).log10().mean()
    return loss, {"bpp": bpp.mean().item(), "log10 mse": log_error.item()}


def random_rate(image: Tensor, rng: np.random.Generator) -> Rate:
    """A quality drawn for each image of a batch, and the tunes in turn."""
    quality = torch.from_numpy(rng.uniform(1.0, 100.0, len(image)).astype(np.float32)).to(image.device)
    return Rate(quality, torch.arange(len(image), device=image.device) % len(Tune))


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
        gist_bits = (model.gist_bits(gist, random_rate(image, rng)) / gist[0].numel()).mean()
        loss = loss + gist_bits
        figures["gist"] = gist_bits.item()
    return loss, figures


@torch.no_grad()
def validate_ladder(model: SelfVAE, photos: Tensor) -> dict[str, float | str]:
    """Mean rate, PSNR and MS-SSIM in dB on held-out photos for every tune at four qualities, and of `sketch`.

    The score of a tune is its rate plus distortion: the mean of log(bpp) less 0.138 (MS-SSIM: 0.145) for each dB, since
    a dB is worth about so much of the rate; relative, and so comparable between qualities.
    """
    report: dict[str, float | str] = {}
    for tune in Tune:
        name = tune.name.lower()
        score = 0.0
        for q in (20, 45, 70, 95):
            bpp, psnr, similarity = _figures(model, photos, Rate.of(q, tune, len(photos), photos.device), 0)
            report[f"{name} {q}"] = f"{bpp:.3f} bpp {psnr:.2f} dB {similarity:.2f} dB"
            score += (math.log(bpp) - (0.138 * psnr if tune is Tune.PSNR else 0.145 * similarity)) / 4
        report[f"score {name}"] = round(score, 4)
    bpp, psnr, _ = _figures(model, photos, Rate.of(50, Tune.PSNR, len(photos), photos.device), LEVELS)
    return {**report, "sketch": f"{bpp:.3f} bpp {psnr:.2f} dB"}


def _figures(model: SelfVAE, photos: Tensor, rate: Rate, dropped: int) -> tuple[float, float, float]:
    """Bits per pixel, PSNR and MS-SSIM in dB, means over the photos."""
    picture, bits = model.ladder(photos, rate, dropped)
    decoded = picture.clamp(0, 255).round()
    psnr = 10 * torch.log10(255.0**2 / squared_error(decoded, photos))
    similarity = -10 * torch.log10((1 - ms_ssim(decoded, photos)).clamp_min(1e-6))
    return bits.sum(0).mean().item() / photos[0, 0].numel(), psnr.mean().item(), similarity.mean().item()


@torch.no_grad()
def validate_likelihoods(model: SelfVAE, photos: Tensor) -> dict[str, float | str]:
    """Bits per sub-pixel of x on held-out photos, level by level; `score` is their sum with u left out."""
    pyramid = Pyramid.over(photos, LEVELS)
    report = {}
    for k in range(1, LEVELS + 1):
        report[f"y_{k - 1}"] = model.level_bits(k, pyramid[k - 1]).mean().item() / photos[0].numel()
    rate = Rate.of(50, Tune.PSNR, len(photos), photos.device)
    report[f"y_{LEVELS}"] = model.gist_bits(pyramid[LEVELS], rate).mean().item() / photos[0].numel()
    return {key: round(value, 4) for key, value in {"score": sum(report.values()), **report}.items()}


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("ladder", ("ladder",), ladder_loss, validate_ladder),
        Objective("likelihoods", ("level_likelihood", "gist_likelihood"), likelihood_loss, validate_likelihoods),
    )
}
