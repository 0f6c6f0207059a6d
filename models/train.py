"""Training of the photo model: `python -m svcodec.models.train SOURCE... --out FOLDER`.

Needs torch, numpy and pillow only; takes a GPU where there is one; goes on from its last checkpoint.
"""

import argparse
import contextlib
import copy
import json
import math
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .data import Photos
from .details import log_step
from .export import from_integers
from .selfvae import LEVELS, SelfVAE
from .transforms import pyramid

WARMUP_STEPS = 200
EMA_DECAY = 0.999
CHECKPOINT_SECONDS = 240


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
    """Bits per sub-pixel of a level given the next, and of the gist given u."""
    k = int(rng.choice(LEVELS, p=(0.7, 0.2, 0.1))) + 1
    size = image.shape[-1] // 2 if k == 1 else image.shape[-1]
    level = pyramid(image[..., :size, :size], k - 1)[-1]
    details = model.draw_details(k, level) if rng.random() < 0.1 else None
    level_bits = (model.level_bits(k, level, details) / level[0].numel()).mean()
    gist = pyramid(image, LEVELS)[-1]
    quality = torch.from_numpy(rng.uniform(1.0, 100.0, len(image)).astype(np.float32)).to(image.device)
    gist_bits = (model.gist_bits(gist, quality) / gist[0].numel()).mean()
    name = f"level {k}" if details is None else f"level {k} given z"
    return level_bits + 0.25 * gist_bits, {name: level_bits.item(), "gist": gist_bits.item()}


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
    levels = pyramid(photos, LEVELS)
    report = {}
    for k in range(1, LEVELS + 1):
        report[f"y_{k - 1}"] = model.level_bits(k, levels[k - 1]).mean().item() / photos[0].numel()
    quality = torch.full((len(photos),), 50.0, device=photos.device)
    report[f"y_{LEVELS}"] = model.gist_bits(levels[LEVELS], quality).mean().item() / photos[0].numel()
    return {key: round(value, 4) for key, value in {"score": sum(report.values()), **report}.items()}


# What each task trains, on which loss, and how it is validated.
TASKS = {
    "ladder": (("ladder",), ladder_loss, validate_ladder),
    "likelihoods": (("level_likelihood", "gist_likelihood"), likelihood_loss, validate_likelihoods),
}


def rate_schedule(step: int, done: float, decay: float) -> float:
    """Factor of the step size: a short rise, then level, then half a cosine over the last `decay` of the time."""
    tail = max(0.0, (done - 1.0 + decay) / decay) if decay else 0.0
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(0.01, 0.5 * (1.0 + math.cos(math.pi * tail)))


class Optimizer:
    """Muon for the 3x3 convolutions, as matrices of output channels against fan-in; Adam for everything else."""

    def __init__(self, parameters: Collection[nn.Parameter], muon_rate: float, adam_rate: float):
        self.convolutions = [value for value in parameters if value.ndim == 4 and value.shape[-1] > 1]
        # in the same memory: the model's weights are channels_last
        self.matrices = [
            nn.Parameter(value.detach().permute(0, 2, 3, 1).view(len(value), -1)) for value in self.convolutions
        ]
        convolutions = set(self.convolutions)
        self.parts = (
            torch.optim.Muon(self.matrices, lr=muon_rate, weight_decay=0.0),
            torch.optim.Adam([value for value in parameters if value not in convolutions], lr=adam_rate),
        )
        self.rates = (muon_rate, adam_rate)

    def step(self, factor: float) -> None:
        """Take a step with `factor` times the step sizes."""
        for convolution, matrix in zip(self.convolutions, self.matrices, strict=True):
            matrix.grad = None if convolution.grad is None else convolution.grad.permute(0, 2, 3, 1).flatten(1)
        for part, rate in zip(self.parts, self.rates, strict=True):
            part.param_groups[0]["lr"] = rate * factor
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def load_average(model: SelfVAE, checkpoint: Path) -> None:
    """Load the averaged weights of the parts that a checkpoint's task trained."""
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"], strict=False)


def load_weights(model: SelfVAE, path: Path) -> None:
    """Load the weights of a model file, off their grids."""
    import safetensors.torch  # only here: training from scratch does without

    model.load_state_dict(from_integers(safetensors.torch.load_file(path)).state_dict())


def train(task: str, photos: Photos, folder: Path, args: argparse.Namespace) -> None:
    """Train one task's parts for `args.minutes`, writing checkpoints, averaged weights and a log to `folder`."""
    parts, loss_of, validate = TASKS[task]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = SelfVAE()
    if args.start:
        load_weights(net, args.start)
    for other in TASKS:
        if other != task and (folder / f"{other}.pt").exists():
            load_average(net, folder / f"{other}.pt")
    net = net.to(device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    trained = {name: value for name, value in net.named_parameters() if name.split(".")[0] in parts}
    for parameter in trained.values():
        parameter.requires_grad_(True)
    average = copy.deepcopy(net).requires_grad_(False).eval()
    averaged = {name: value for name, value in average.named_parameters() if name in trained}
    optimizer = Optimizer(trained.values(), args.muon_rate, args.rate)
    step = 0
    checkpoint, log = folder / f"{task}.pt", folder / f"{task}.jsonl"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(state["net"], strict=False)
        average.load_state_dict(state["average"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    rng = np.random.default_rng((args.seed, step))
    torch.manual_seed(int(rng.integers(2**31)))
    held_out = photos.validation(16).to(device)
    started = saved = time.monotonic()
    recent: list[dict[str, float]] = []

    def save() -> None:
        state = {"net": trained, "average": averaged, "optimizer": optimizer.state_dict(), "step": step}
        partial = checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)
        keys = sorted({key for figures in recent for key in figures})
        means = {key: round(float(np.mean([figures[key] for figures in recent if key in figures])), 4) for key in keys}
        minutes = round((time.monotonic() - started) / 60, 1)
        entry = {"step": step, "minutes": minutes, **means, **validate(average, held_out)}
        with log.open("a") as out:
            out.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)
        recent.clear()

    while (done := (time.monotonic() - started) / 60 / args.minutes) < 1.0:
        image = photos.batch(args.batch, args.crop, rng).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16) if args.bf16 else contextlib.nullcontext():
            loss, figures = loss_of(net, image, rng)
        net.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(trained.values(), args.clip)
        if torch.isfinite(norm):
            optimizer.step(rate_schedule(step, done, args.decay))
        step += 1
        recent.append({"loss": loss.item(), "norm": float(norm), **figures})
        with torch.no_grad():
            keep = min(EMA_DECAY, step / (step + 50))
            torch._foreach_lerp_(list(averaged.values()), list(trained.values()), 1 - keep)
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step == 100:
            saved = time.monotonic()
            save()
    save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("sources", nargs="+", type=Path, help="folders of images or of zip archives of images")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and logs")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--rate", type=float, default=8e-4, help="Adam's step size")
    parser.add_argument("--muon-rate", type=float, default=0.01, help="Muon's step size, for 3x3 convolutions")
    parser.add_argument("--start", type=Path, help="a model file to start from, as long as there is no checkpoint")
    parser.add_argument("--decay", type=float, default=0.4, help="last part of the time, in which the rate falls")
    parser.add_argument("--clip", type=float, default=2.0, help="largest norm of the gradient")
    parser.add_argument("--bf16", action="store_true", help="convolutions in bfloat16: faster where supported")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    photos = Photos(args.sources, smallest=args.crop)
    print(f"{len(photos.training)} photos to train on, {len(photos.held_out)} held out", flush=True)
    train(args.task, photos, args.out, args)


if __name__ == "__main__":
    main()
