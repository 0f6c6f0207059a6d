"""What the photo model is trained for: losses of the ladder and of the likelihoods, and how they are validated."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.blocks import Rate
from ..models.details import trade_off
from ..models.photo import LEVELS, PhotoNetwork
from ..models.pyramid import Pyramid
from ..tunes import Tune
from .capture import Figures
from .distortion import flat_error, ms_ssim, squared_error, ssim_distortion
from .loop import Objective

FLAT_WEIGHT = 7.0  # of the squared error of flat areas, beside that of all: there the least error is seen
LEAST_ERROR = 1e-4  # squared; smaller ones count as this in the log
DISTORTIONS = {Tune.PSNR: squared_error, Tune.SSIM: ssim_distortion}


def ladder_loss(model: PhotoNetwork, image: Tensor) -> tuple[Tensor, Figures]:
    """Rate plus lambda times distortion over qualities and reconstruction modes drawn for each image.

    Most images train `standard`; some leave out the finest details (as `sketch` and `preview` do), some are given y_K
    exactly (`high`) or every level (`lossless`). Tunes take turns from image to image.
    """
    rate = random_rate(image)
    mode = torch.rand_like(rate.quality)
    levels = torch.rand_like(mode).mul(LEVELS).floor().long() + 1
    dropped = levels * (mode < 0.1)
    gist, all_levels = (mode > 0.08) & (mode < 0.15), (mode > 0.15) & (mode < 0.18)
    given = LEVELS + 1 - gist.long() - LEVELS * all_levels.long()
    picture, bits = model.ladder(image, rate, dropped, given)
    plain = (dropped == 0) & (given > LEVELS)
    bpp = bits.sum(0) / image[0, 0].numel()
    error = squared_error(picture, image)
    distortion = error.clone()
    for tune, measure in DISTORTIONS.items():
        of_tune = slice(tune, None, len(Tune))
        # far off, and exact where it is not the picture's, structure tells little: squared error trains what is left
        measured = measure(picture[of_tune], image[of_tune])
        distortion[of_tune] = torch.where(plain[of_tune], measured, error[of_tune])
    distortion = distortion + FLAT_WEIGHT * flat_error(picture, image)
    weight = trade_off(rate.quality)
    # a picture without details cannot follow a high quality: no step should be spent on its being far off
    weight = torch.where(dropped > 0, weight.clamp_max(0.004), weight)
    loss = ((bpp + weight * distortion) * (trade_off(rate.quality) / 0.01) ** -0.45).mean()
    share = plain / plain.sum().clamp_min(1)
    log_error = error.clamp_min(LEAST_ERROR).log10()
    return loss, {"bpp": (bpp.detach() * share).sum(), "log10 mse": (log_error.detach() * share).sum()}


def random_rate(image: Tensor) -> Rate:
    """A quality drawn for each image of a batch, and the tunes in turn."""
    quality = 1.0 + 99.0 * torch.rand(len(image), dtype=torch.float32, device=image.device)
    return Rate(quality, torch.arange(len(image), device=image.device) % len(Tune))


def likelihood_loss(model: PhotoNetwork, image: Tensor) -> tuple[Tensor, Figures]:
    """Bits per sub-pixel of a level given the next, and in a quarter of the steps of the gist given u."""
    level, details, gist = torch.rand(3, device="cpu").tolist()
    k = 1 + (level > 0.7) + (level > 0.9)
    size = image.shape[-1] // 2 if k == 1 else image.shape[-1]
    finer = Pyramid.over(image[..., :size, :size], k - 1)[k - 1]
    drawn = model.draw_details(k, finer) if details < 0.1 else None
    loss = (model.level_bits(k, finer, drawn) / finer[0].numel()).mean()
    figures = {f"level {k}" if drawn is None else f"level {k} given z": loss.detach()}
    if gist < 0.25:
        top = Pyramid.over(image, LEVELS)[LEVELS]
        gist_bits = (model.gist_bits(top, random_rate(image)) / top[0].numel()).mean()
        loss = loss + gist_bits
        figures["gist"] = gist_bits.detach()
    return loss, figures


@torch.no_grad()
def validate_ladder(model: PhotoNetwork, photos: Tensor) -> dict[str, float | str]:
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


def _figures(model: PhotoNetwork, photos: Tensor, rate: Rate, dropped: int) -> tuple[float, float, float]:
    """Bits per pixel, PSNR and MS-SSIM in dB, means over the photos."""
    picture, bits = model.ladder(photos, rate, dropped)
    decoded = picture.clamp(0, 255).round()
    psnr = 10 * torch.log10(255.0**2 / squared_error(decoded, photos))
    similarity = -10 * torch.log10((1 - ms_ssim(decoded, photos)).clamp_min(1e-6))
    return bits.sum(0).mean().item() / photos[0, 0].numel(), psnr.mean().item(), similarity.mean().item()


@torch.no_grad()
def validate_likelihoods(model: PhotoNetwork, photos: Tensor) -> dict[str, float | str]:
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
        Objective(
            "likelihoods",
            ("level_likelihood", "gist_likelihood"),
            likelihood_loss,
            validate_likelihoods,
            alike=False,  # they draw what to train
        ),
    )
}
