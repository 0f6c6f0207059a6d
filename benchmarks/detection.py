"""The gate on photos and on what are none: `python -m svcodec.benchmarks.detection --data ../shared/data -o OUT`.

The folder --data holds the Kodak images in kodak/, mnist-test.npz and fashion-mnist.npz; --cameras one of photos as
cameras stored them. Writes results.json and table.md: how many photos the gate flags, by the makers of the cameras;
how many of each kind of other pictures (`impostors`), made of Kodak images and of the same at 0.1 megapixels; and what
share of the time of an encode it takes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.metrics import roc_auc_score

from .. import Codec
from ..arrays import Pixels
from ..program import OneCommand
from ..training.gate_fitting import maker_of
from ..training.photos import is_image
from .conditions import machine, read_photos
from .impostors import makers
from .recorded import record, record_text, table

SMALL = (384, 256)  # longer and shorter side of 0.1 megapixels
TIMED = 9
HEAD = ("detected", "AUROC")

Scores = npt.NDArray[np.float64]


def scores(codec: Codec, pictures: Iterable[Pixels]) -> Scores:
    """(n,), greater for photos."""
    return np.array([codec.gate.assess(pixels).score for pixels in pictures])


def compare(photos: Scores, others: Scores, threshold: float) -> dict[str, float]:
    """The share of others that are flagged, and how well any threshold would tell them from the photos."""
    labels = np.arange(len(photos) + len(others)) < len(photos)
    auroc = float(roc_auc_score(labels, np.concatenate([photos, others])))
    return {"detected": float(np.mean(others < threshold)), "AUROC": auroc}


def of_cameras(codec: Codec, folder: Path) -> dict[str, Any]:
    """The photos that are flagged, and how many there are, by the camera's maker."""
    count, flagged, found = Counter[str](), Counter[str](), {}
    for path in sorted(path for path in folder.rglob("*") if is_image(path.name)):
        with Image.open(path) as image:
            maker, pixels = maker_of(image), np.array(image.convert("RGB"))
        found[path.name] = scores(codec, [pixels])[0]
        count[maker] += 1
        flagged[maker] += bool(found[path.name] < codec.gate.calibration.threshold)
    by_maker = {maker: {"photos": count[maker], "flagged": flagged[maker]} for maker in sorted(count)}
    return {"photos": count.total(), "flagged": flagged.total(), "makers": by_maker, "scores": found}


def cost(codec: Codec, photo: Pixels) -> dict[str, float]:
    """Median seconds of an assessment and of an encode at the defaults, one after another in turn."""
    ways: dict[str, Callable[[], object]] = {"gate": lambda: codec.assess(photo), "encode": lambda: codec.encode(photo)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TIMED):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


def shrunk(photo: Pixels) -> Pixels:
    """A photo at 0.1 megapixels."""
    image = Image.fromarray(photo)
    size = SMALL if image.width >= image.height else SMALL[::-1]
    return np.array(image.resize(size, Image.Resampling.LANCZOS))


def report(results: dict[str, Any]) -> str:
    """Markdown: what was flagged and what it cost, and a row for each kind of picture."""
    sizes = results["sizes"]
    rows = [
        [kind, *(cell for size in sizes for cell in (f"{sizes[size]['kinds'][kind][name]:.3g}" for name in HEAD))]
        for kind in next(iter(sizes.values()))["kinds"]
    ]
    lines = [f"Threshold {results['threshold']:.3f}. Photos that are flagged:", ""]
    for name, found in [*sizes.items(), *(("cameras", results["cameras"]),) * ("cameras" in results)]:
        lines.append(f"- {name}: {found['flagged']} of {found['photos']}")
    lines += ["", table(rows, ["pictures", *(f"{size}: {name}" for size in sizes for name in HEAD)]), ""]
    for size, found in sizes.items():
        seconds = found["seconds"]
        lines.append(f"- {size}: {seconds['gate']:.4f} s, an encode {seconds['encode']:.3f} s ({results['machine']})")
    return "\n".join(lines) + "\n"


@click.command(cls=OneCommand, help=__doc__)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--cameras", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Photos as stored.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
def main(data: Path, cameras: Path | None, output: Path) -> None:
    codec = Codec()
    threshold = codec.gate.calibration.threshold
    results: dict[str, Any] = {"machine": machine(), "threshold": threshold, "sizes": {}}
    kodak = list(read_photos(data / "kodak").values())
    for size, photos in (("Kodak", kodak), ("0.1 megapixels", [shrunk(photo) for photo in kodak])):
        of_photos = scores(codec, photos)
        found: dict[str, Any] = {
            "photos": len(photos),
            "flagged": int(np.sum(of_photos < threshold)),
            "scores": of_photos.tolist(),
            "seconds": cost(codec, photos[0]),
            "kinds": {},
        }
        for index, (kind, make) in enumerate(makers(data).items()):
            made = (make(photo, np.random.default_rng((index, i))) for i, photo in enumerate(photos))
            found["kinds"][kind] = compare(of_photos, scores(codec, made), threshold)
            click.echo(f"{size}, {kind}: {found['kinds'][kind]['detected']:.0%}", err=True)
        results["sizes"][size] = found
    if cameras:
        results["cameras"] = of_cameras(codec, cameras)
    output.mkdir(parents=True, exist_ok=True)
    record(output / "results.json", results)
    text = report(results)
    record_text(output / "table.md", text)
    click.echo(text)


if __name__ == "__main__":
    main()
