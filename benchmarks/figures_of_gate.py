"""Figures of the gate and of the experiment behind it: each function returns Markdown, from the committed results."""

from __future__ import annotations

from .committed import read, table

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


def gate() -> str:
    """The share of each kind of pictures that the gate and two other scores flag."""
    kodak, held_out = read("gate/results.json"), read("gate-held-out/results.json")
    columns = [(kodak, "gate"), (held_out, "gate"), (kodak, "ELBO"), (kodak, "ELBO + complexity")]
    photos = f"{kodak['flagged photos']} of {kodak['photos']}"
    rows = [("photos (false alarms)", photos, f"{held_out['flagged photos']} of {held_out['photos']}", photos, photos)]
    for kind in kodak["kinds"]:
        shares = [results["kinds"][kind][score]["detected"] for results, score in columns]
        rows.append((kind, *(f"{100 * share:.0f}" for share in shares)))
    return table(rows, ("pictures", "gate, Kodak", "gate, held-out", "ELBO, Kodak", "ELBO + complexity, Kodak"))


def likelihood() -> str:
    """AUROCs of Fashion-MNIST against MNIST."""
    detectors = read("fashion-mnist/results.json")["detectors"]
    rows = [
        (label, *(f"{100 * detectors[vae][name]['auroc']:.1f}" for name in DETECTORS))
        for vae, label in (("V1", "V1, Bernoulli"), ("V2", "V2, Gaussian"))
    ]
    return table(rows, ("", *("p_FE alone" if name == "p_FE" else name for name in DETECTORS)))
