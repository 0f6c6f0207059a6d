"""The gate on photos and on what are none: `python -m svcodec.benchmarks.detection --data ../shared/data -o OUT`.

The folder --data holds the Kodak images in kodak/, mnist-test.npz and fashion-mnist.npz. Writes results.json and
table.md: how many photos the gate flags at its threshold, and how many of each kind of other pictures (`impostors`).
Beside it stand two scores at the threshold that flags as many of these photos: the ELBO, and the ELBO corrected by the
picture's complexity, its length as a lossless WebP (Serra et al. 2020, "Input complexity and out-of-distribution
detection with likelihood-based generative models").
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from tabulate import tabulate

from .. import Codec
from ..arrays import Pixels
from ..gate import statistics
from ..models.details import trade_off
from ..training.photos import Photos
from .conditions import machine, read_photos
from .impostors import makers

SCORES = ("gate", "ELBO", "ELBO + complexity")
PER_KIND = 24  # at least
TIMED = 9

Scores = npt.NDArray[np.float64]


def elbo(values: torch.Tensor) -> float:
    """Mean over the tiles, in bits per pixel, of what `statistics` took apart: less rate and weighted distortion."""
    named = dict(zip(statistics.NAMES, values.T, strict=False))
    rates = [value.exp2() - statistics.RATE_FLOOR for name, value in named.items() if name.startswith("rate")]
    errors = [value.exp2() - statistics.DISTORTION_FLOOR for name, value in named.items() if name.startswith("dist")]
    weight = trade_off(torch.tensor(statistics.QUALITY))
    return -float((torch.stack(rates).sum(0) + weight * torch.stack(errors).sum(0) / 3).mean())


def complexity(pixels: Pixels) -> float:
    """Bits per pixel of a lossless WebP."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", lossless=True, method=0)
    return 8 * stream.tell() / (pixels.shape[0] * pixels.shape[1])


def scores(codec: Codec, pictures: Iterable[Pixels]) -> Scores:
    """(n, 3), for each picture those of SCORES; greater for photos."""
    found = []
    for pixels in pictures:
        values = codec.gate.measure(pixels)
        bound = elbo(values)
        found.append((codec.gate.judge(values).score, bound, bound + complexity(pixels)))
    return np.array(found)


def compare(photos: Scores, others: Scores, threshold: float) -> dict[str, dict[str, float]]:
    """Detection rate and AUROC of every score."""
    result = {}
    share = float(np.mean(photos[:, 0] < threshold))
    for index, name in enumerate(SCORES):
        limit = threshold if name == "gate" else np.quantile(photos[:, index], share, method="higher")
        scores = np.concatenate([photos[:, index], others[:, index]])
        auroc = float(roc_auc_score(np.arange(len(scores)) < len(photos), scores))
        result[name] = {"detected": float(np.mean(others[:, index] < limit)), "AUROC": auroc}
    return result


def seconds(codec: Codec, photo: Pixels) -> float:
    """Median time of an assessment, in seconds."""
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        codec.assess(photo)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def table(results: dict[str, Any]) -> str:
    """Markdown: a row for each kind of picture."""
    head = [f"{name}: {figure}" for name in SCORES for figure in ("detected", "AUROC")]
    rows = [
        [kind, str(row["number"])]
        + [cell for name in SCORES for cell in (f"{row[name]['detected']:.0%}", f"{row[name]['AUROC']:.3f}")]
        for kind, row in results["kinds"].items()
    ]
    lines = [
        f"{results['flagged photos']} of {results['photos']} photos are flagged ({results['false alarms']:.1%}); "
        f"threshold {results['threshold']:.3f} nats per dimension.",
        "",
        tabulate(rows, ["pictures", "number", *head], tablefmt="github", disable_numparse=True),
        "",
        f"One picture of {results['size']} takes {results['seconds']:.2f} s ({results['machine']}).",
    ]
    return "\n".join(lines) + "\n"


@click.command(help=__doc__)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--held-out", type=click.Path(exists=True, path_type=Path), help="Training photos; takes held-out ones.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
def main(data: Path, held_out: Path | None, output: Path) -> None:
    codec = Codec()
    if held_out:
        tensors = Photos([held_out], statistics.TILE).held_out
        photos = [np.ascontiguousarray(photo.permute(1, 2, 0).numpy()) for photo in tensors]
    else:
        photos = list(read_photos(data / "kodak").values())
    of_photos = scores(codec, photos)
    threshold = codec.gate.calibration.threshold
    flagged = int(np.sum(of_photos[:, 0] < threshold))
    results: dict[str, Any] = {
        "model": f"{codec.model.name} {codec.model.hash.hex()}",
        "machine": machine(),
        "threshold": threshold,
        "photos": len(photos),
        "flagged photos": flagged,
        "false alarms": flagged / len(photos),
        "scores of photos": of_photos[:, 0].tolist(),
        "size": "x".join(map(str, photos[0].shape[1::-1])),
        "seconds": seconds(codec, photos[0]),
        "kinds": {},
    }
    step = max(1, len(photos) // PER_KIND)
    sources = (photos[::step] * PER_KIND)[:PER_KIND]
    for index, (kind, make) in enumerate(makers(data).items()):
        others = scores(codec, (make(photo, np.random.default_rng((index, i))) for i, photo in enumerate(sources)))
        row = {"number": len(others), **compare(of_photos, others, threshold), "scores": others[:, 0].tolist()}
        results["kinds"][kind] = row
        click.echo(f"{kind}: {row['gate']['detected']:.0%}", err=True)
    output.mkdir(parents=True, exist_ok=True)
    (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (output / "table.md").write_text(table(results))
    click.echo(table(results))


if __name__ == "__main__":
    main()
