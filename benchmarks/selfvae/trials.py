"""The run of a plan: trains what is not trained, measures what is not measured, writes tables and figures.

Every model has its checkpoint, log and file in the folder, and what was measured of it as NAME-measured.json with the
model file's hash: a run that was interrupted goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...bitstream.container import MODEL_HASH_BYTES
from ...codec.family.family_model import FamilyModel
from ...family import stored
from ...family.hierarchy import Hierarchy, count_weights
from ...training.checkpoints import read
from ...training.datasets import ImageSet
from ...training.family_training import configuration_of, family_settings, train_family
from ..recorded import record, record_text, table
from .chains import code
from .evaluation import measure, rows
from .feature_distance import Metric
from .plan import Plan

CODED = ("elbo", "chain", "net", "alone")
GAP, TITLE, LEAST_SIDE = 2, 14, 64  # pixels on a figure


def run(plan: Plan, images: ImageSet, folder: Path, metric: Metric) -> None:
    """Train and measure the plan's models, and write results.json, table.md and the figures."""
    found = {}
    figures: dict[str, list[tuple[str, Tensor]]] = {"figure-4": [], "figure-6": [], "figure-12": []}
    for name in plan.models:
        network, found[name] = examine(plan, name, images, folder, metric)
        with torch.inference_mode():
            shown = rows(network, images, plan, found[name]["rates"])
        for figure, parts in zip(figures, (shown.generations, shown.reconstructions, shown.edits), strict=True):
            figures[figure] += [(f"{name}: {title}", pictures) for title, pictures in parts.items()]
    results = {"plan": asdict(plan), "metric": metric.name, "models": found}
    record(folder / "results.json", results)
    record_text(folder / "table.md", tables(plan, metric.name, found))
    for figure, titled in figures.items():
        panel(titled).save(folder / f"{figure}.png")


def examine(plan: Plan, name: str, images: ImageSet, folder: Path, metric: Metric) -> tuple[Hierarchy, dict[str, Any]]:
    """Train and measure one model, unless that is done: the model, and what was found."""
    settings = family_settings(plan.minutes, plan.seed, plan.batch, plan.bf16)
    configuration = configuration_of(name, plan.side, plan.size)
    file = train_family(name, configuration, images, folder, settings)
    content = file.read_bytes()
    network = stored.from_bytes(content, name, "cuda" if torch.cuda.is_available() else "cpu")
    digest = hashlib.sha256(content).hexdigest()
    key = {"plan": asdict(plan) | {"models": [name]}, "metric": metric.network, "model": digest}
    kept = folder / f"{name}-measured.json"
    try:
        known = json.loads(kept.read_bytes()) if kept.exists() else {}
    except ValueError:  # it was damaged
        known = {}
    if not isinstance(known, dict) or known.get("key") != key:
        model = FamilyModel(name, bytes.fromhex(digest)[:MODEL_HASH_BYTES], content, "cpu", file)
        coded = code(model, images.testing[: plan.chained], plan.seed)
        known = {"key": key, "found": {**measure(network, images, plan, metric.features), "coded": coded}}
        record(kept, known)
    trained = read(folder / f"{name}.pt", "step", "minutes")
    spent = {"steps": trained["step"], "minutes": round(trained["minutes"], 1)}
    return network, {"weights": count_weights(configuration), **spent, **known["found"]}


def tables(plan: Plan, metric: str, found: dict[str, dict[str, Any]]) -> str:
    """Table 1, what the modes take, and the terms of -ELBO, in Markdown."""
    first = [
        [
            name,
            f"{model['weights'] / 1e6:.2f}",
            f"{model['minutes']:.0f}",
            f"{model['steps']:,}",
            *(f"{mean:.3f} ± {error:.3f}" for mean, error in (model["elbo"], model["likelihood"])),
            f"{model['distance']:.2f}",
        ]
        for name, model in found.items()
    ]
    head = ["model", "million weights", "minutes", "steps", "bpd, ELBO", f"bpd, IW-{plan.importance_samples}", metric]
    taken = [
        [name, mode, f"{rate:.1%}", f"{model['errors'].get(mode, 0.0):.2f}"]
        for name, model in found.items()
        for mode, rate in model["rates"].items()
    ]
    terms = [[name, term, f"{value:.4f}"] for name, model in found.items() for term, value in model["terms"].items()]
    coded = [
        [name, str(each["images"]), *(f"{each[key]:.4f}" for key in CODED), f"{each['borrowed']:,}"]
        for name, each in ((name, model["coded"]) for name, model in found.items())
    ]
    original = 3 * plan.side**2
    files = [
        [name, tier, f"{size:.0f}", f"{size / original:.1%}"]
        for name, model in found.items()
        for tier, size in model["coded"]["bytes"].items()
    ]
    counts = next(iter(found.values()))["pictures"]
    return "\n".join(
        [
            f"{plan.data} at {plan.side} x {plan.side}: {counts['tested']} test images, {counts['generated']} "
            f"generated; means and standard errors. IW-{plan.importance_samples} is the ELBO less what importance "
            f"sampling gains on {counts['weighed']} of the images.\n",
            table(first, head),
            "\nWhat a mode takes from a picture by the model, in shares of eight bits per sub-pixel, and the root of "
            "its mean squared error:\n",
            table(taken, ["model", "mode", "information", "error"]),
            "\nBits-back over a chain of images, bits per dimension; bits borrowed for the first one:\n",
            table(coded, ["model", "images", "-ELBO", "chain", "less borrowed", "alone", "borrowed"]),
            f"\nBytes of one image's codes, of {original:,}:\n",
            table(files, ["model", "tier", "bytes", "of the original"]),
            "\nTerms of -ELBO in bits per dimension:\n",
            table(terms, ["model", "term", "bits"]),
            "",
        ]
    )


def panel(titled: Sequence[tuple[str, Tensor]]) -> Image.Image:
    """Rows of pictures, integers 0..255 (n, 3, side, side), with their titles above."""
    side = titled[0][1].shape[-1]
    scale = max(1, LEAST_SIDE // side)
    width = max(len(pictures) for _, pictures in titled) * (side * scale + GAP)
    whole = Image.new("RGB", (width, len(titled) * (side * scale + GAP + TITLE)), "white")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(TITLE - 3)
    for row, (title, pictures) in enumerate(titled):
        top = row * (side * scale + GAP + TITLE)
        draw.text((1, top), title, "black", font)
        for column, picture in enumerate(pictures.to("cpu", torch.uint8)):
            image = Image.fromarray(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()))
            large = image.resize((side * scale, side * scale), Image.Resampling.NEAREST)
            whole.paste(large, (column * (side * scale + GAP), top + TITLE))
    return whole
