"""What eight bits cost: `python -m svcodec.benchmarks.eight_bits MODEL CHECKPOINT PHOTOS... -o FILE`.

MODEL is a model file or a model's name, CHECKPOINT the ladder.pt that it was exported from, PHOTOS are those that it
was trained on, of which the held-out ones are measured. The network of the checkpoint computes in floats; rates are the
networks' own, of rounded latents. The result is the BD-rate of the model against the checkpoint for both tunes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

from ..codec.model_files import load_model, photo_model
from ..models.arithmetic import exact_arithmetic
from ..models.blocks import Rate
from ..models.photo import PhotoNetwork
from ..program import OneCommand
from ..training.checkpoints import load_average
from ..training.distortion import ms_ssim, squared_error
from ..training.objectives import OBJECTIVES
from ..training.photos import Photos, central_crop
from ..tunes import Tune
from .conditions import machine, named
from .metrics import ms_ssim_decibels
from .rate_distortion.curves import Curve, Metric, bd_rate
from .recorded import record, result_option

QUALITIES = (5, 20, 35, 50, 65, 80, 95)
SIDE = 256  # of the photos' middles
METRICS: tuple[Metric, ...] = ("psnr", "ms_ssim")


def curve(name: str, network: PhotoNetwork, photos: list[Tensor], tune: Tune) -> Curve:
    """A network's means over the photos at each quality.

    Args:
        network: in evaluation mode, in floats or on its grids.
        photos: uint8 (3, SIDE, SIDE).
        tune: whose tables to use.
    """
    points = []
    for quality in QUALITIES:
        rate = Rate.of(quality, tune, 1, torch.device("cpu"))
        figures = []
        for photo in photos:
            original = photo[None].float()
            picture, bits = network.ladder(original, rate)
            decoded = picture.clamp(0, 255).round()
            psnr = 10 * torch.log10(255.0**2 / squared_error(decoded, original))
            figures.append((bits.sum().item() / SIDE**2, psnr.item(), ms_ssim(decoded, original).item()))
        points.append(np.mean(figures, 0).tolist())
    rates, decibels, similarities = zip(*points, strict=True)
    return Curve(name, "", False, rates, {"psnr": decibels, "ms_ssim": tuple(map(ms_ssim_decibels, similarities))})


def cost(model: PhotoNetwork, floats: PhotoNetwork, photos: list[Tensor]) -> dict[str, Any]:
    """Both networks' curves and the BD-rates of the model, in percent, for every tune."""
    result: dict[str, Any] = {}
    for tune in Tune:
        with exact_arithmetic():
            pair = (curve("floats", floats, photos, tune), curve("eight bits", model, photos, tune))
        deltas = {metric: bd_rate(*pair, metric) for metric in METRICS}
        result[tune.name.lower()] = {
            "BD-rate": {metric: delta and delta.pchip for metric, delta in deltas.items()},
            **{one.name: {"bpp": one.bpp, **one.quality} for one in pair},
        }
    return result


@click.command(cls=OneCommand, help=__doc__)
@click.argument("model")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@result_option
def main(model: str, checkpoint: Path, photos: tuple[Path, ...], output: Path) -> None:
    exported, floats = photo_model(load_model(model)), PhotoNetwork().requires_grad_(False).eval()
    load_average(floats, OBJECTIVES["ladder"].parts, checkpoint)
    held_out = [central_crop(photo, SIDE) for photo in Photos(photos, SIDE).held_out]
    tunes = cost(exported.network, floats, held_out)
    result = {
        "model": named(exported),
        "machine": machine(),
        "photos": len(held_out),
        "qualities": QUALITIES,
        "tunes": tunes,
    }
    record(output, result)
    click.echo(json.dumps({tune: found["BD-rate"] for tune, found in tunes.items()}, indent=1))


if __name__ == "__main__":
    main()
