"""Figures of the gate and of the experiment behind it: each function returns Markdown, from the committed results."""

from __future__ import annotations

from pathlib import Path

from ..gate.gate import Gate
from .committed import read
from .recorded import table

PACKAGED = Path("gate/photos.safetensors")
HEAD = ("maker", "photos", "flagged")
DETECTORS = (
    "ELBO",
    "p_VAE, PR",
    "p_VAE, APO",
    "p_FEVAE, PR",
    "p_FEVAE, APO",
    "p_FE",
    "likelihood ratio",
    "input complexity",
    "likelihood regret",
)


def gate_training() -> str:
    """What the package's gate was calibrated by."""
    calibration = Gate.from_bytes(PACKAGED.read_bytes(), PACKAGED.name).calibration
    about = calibration.photos.partition(",")[0]
    return f"It knows {about}, in {calibration.pictures} versions; its threshold is {calibration.threshold:.3f}."


def gate() -> str:
    """The share of each kind of pictures that the gate flags."""
    results = read("gate/results.json")
    sizes = list(results["sizes"].values())
    found = [*sizes, results["cameras"]]
    rows = [("photos (false alarms)", *(f"{part['flagged']} of {part['photos']}" for part in found))]
    for kind in sizes[0]["kinds"]:
        rows.append((kind, *(f"{100 * part['kinds'][kind]['detected']:.0f}" for part in sizes), ""))
    return table(rows, ("pictures", *results["sizes"], "camera originals"))


def gate_by_maker() -> str:
    """The camera originals that the gate flags, by the camera's maker."""
    makers = read("gate/results.json")["cameras"]["makers"]
    return table([(maker or "unknown", part["photos"], part["flagged"]) for maker, part in makers.items()], HEAD)


def gate_cost() -> str:
    """What the gate takes, beside an encode."""
    results = read("gate/results.json")
    lines = []
    for size, part in results["sizes"].items():
        gate, encode = part["seconds"]["gate"], part["seconds"]["encode"]
        lines.append(f"{size}: {1000 * gate:.1f} ms, {gate / encode:.1%} of an encode in `standard`")
    return f"{'; '.join(lines)} ({results['machine']})."


def likelihood() -> str:
    """AUROCs of Fashion-MNIST against MNIST."""
    detectors = read("fashion-mnist/results.json")["detectors"]
    rows = [
        (label, *(f"{100 * detectors[vae][name]['auroc']:.1f}" for name in DETECTORS))
        for vae, label in (("V1", "V1, Bernoulli"), ("V2", "V2, Gaussian"))
    ]
    return table(rows, ("", *("p_FE alone" if name == "p_FE" else name for name in DETECTORS)))
