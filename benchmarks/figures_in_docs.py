"""The figures of README and docs, from the committed results: `python -m svcodec.benchmarks.figures_in_docs`.

Run it in the repository's root. It writes what each function below returns between the marks in PAGES that name the
function; with `--check` it writes nothing, and fails where a page differs.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cogapp import Cog
from tabulate import tabulate

from ..bitstream.container import Tier
from ..codec.tiers import SPECS
from .rate_distortion.curves import Curve, bd_rate, measured, published

RESULTS = Path("benchmarks/results")
PAGES = ("README.md", "docs/results.md", "docs/gate.md", "docs/likelihood.md")
SUB_PIXELS = 768 * 512 * 3  # of a Kodak image
table = functools.partial(tabulate, tablefmt="github", disable_numparse=True)  # of rows and a head

CODED = {
    Tier.SKETCH: "u",
    Tier.PREVIEW: "u, y_3",
    Tier.STANDARD: "u, z_3, z_2, z_1",
    Tier.HIGH: "u, y_3, z_3, z_2, z_1",
    Tier.LOSSLESS: "u, y_3, y_2, y_1, x",
}
LOSSY = {
    "jpeg": "JPEG (optimised, progressive)",
    "mozjpeg": "MozJPEG's scans",
    "webp": "WebP",
    "avif": "AVIF (4:4:4, speed 6)",
    "jpeg2000": "JPEG 2000",
    "jxl": "JPEG XL (effort 7)",
    "heic": "HEIC (HEVC intra 4:4:4, x265)",
    "bpg-444": "BPG 4:4:4, published",
    "vtm": "VTM (VVC), published",
    "bmshj2018-factorized": "bmshj2018-factorized, published",
    "bmshj2018-hyperprior": "bmshj2018-hyperprior, published",
    "mbt2018-mean": "mbt2018-mean, published",
    "cheng2020-anchor": "cheng2020-anchor, published",
    "qarv": "QARV, published",
}
LOSSLESS = {
    "svcodec-lossless": "svcodec `lossless`",
    "png": "PNG",
    "webp-lossless": "WebP (method 6)",
    "jxl-lossless": "JPEG XL (effort 7)",
}
STANDARD = "svcodec-standard"
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


def _json(name: str) -> Any:
    return json.loads((RESULTS / name).read_text("utf-8"))


@functools.cache
def _curves() -> dict[str, Curve]:
    names = [path.stem for path in sorted((RESULTS / "kodak").glob("*.json"))]
    return {curve.name: curve for curve in (*measured(RESULTS / "kodak", names), *published())}


def _bd_rate(anchor: str, metric: Any = "psnr") -> str:
    delta = bd_rate(_curves()[anchor], _curves()[STANDARD], metric)
    return "-" if delta is None else f"{delta.pchip:+.1f}%"


def _mean_seconds(times: tuple[float, ...]) -> str:
    return f"{sum(times) / len(times):.2f} s" if times else "-"


def tiers() -> str:
    """Size, quality and time of every tier at its default quality."""
    means, seconds = _json("kodak-tiers.json")["means"], _json("kodak-speed.json")["seconds"]
    rows = []
    for tier, spec in SPECS.items():
        mean, took = means[spec.name], seconds[spec.name]
        rows.append(
            (
                f"`{spec.name}`",
                CODED[tier],
                f"{mean['bpp'] * SUB_PIXELS / 3 / 8:,.0f} bytes",
                f"{mean['bpp']:.3f}",
                "exact" if mean["psnr"] is None else f"{mean['psnr']:.2f} dB",
                f"{took['encode']:.2f} s",
                f"{took['decode']:.2f} s",
            )
        )
    return table(rows, ("tier", "what is coded", "mean file", "bits per pixel", "PSNR", "encoding", "decoding"))


def low_jpeg() -> str:
    """What JPEG takes for the quality of the lowest tiers."""
    mean = _json("kodak-tiers.json")["means"]["jpeg quality 5"]
    return f"JPEG at quality 5 takes {mean['bpp']:.3f} bits per pixel for {mean['psnr']:.2f} dB."


def standing() -> str:
    """The most telling BD-rates and the lossless rates in two sentences."""
    against = [f"{_bd_rate(name)} against {label}" for name, label in (("jpeg", "JPEG"), ("webp", "WebP"))]
    against += [f"{_bd_rate('avif')} against AVIF", f"{_bd_rate('vtm')} against VTM (VVC, published)"]
    rates = {name: f"{_curves()[name].bpp[0] / 3:.2f}" for name in LOSSLESS}
    return (
        f"BD-rate of `standard` by PSNR (less is better): {', '.join(against[:2])},\n{', '.join(against[2:])}.\n"
        f"`lossless` takes {rates['svcodec-lossless']} bits per sub-pixel, JPEG XL {rates['jxl-lossless']}, "
        f"WebP {rates['webp-lossless']}, PNG {rates['png']}."
    )


def slowness() -> str:
    """How long a Kodak image takes."""
    result = _json("kodak-speed.json")
    standard, lossless = (result["seconds"][name] for name in ("standard", "lossless"))
    return (
        f"- It is slow. On {result['threads']} threads a photo of 768 x 512 pixels takes {standard['encode']:.2f} s to "
        f"encode in `standard`,\n  {lossless['encode']:.2f} s in `lossless`; JPEG takes hundredths of a second."
    )


def bd_rates() -> str:
    """BD-rates of `standard` against every codec, and that codec's seconds."""
    rows = []
    for name, label in LOSSY.items():
        curve = _curves()[name]
        times = (_mean_seconds(curve.encoding), _mean_seconds(curve.decoding))
        rows.append((label, _bd_rate(name), _bd_rate(name, "ms_ssim"), *times))
    return table(rows, ("against", "PSNR", "MS-SSIM", "its encoding", "its decoding"))


def lowest_rates() -> str:
    """The quality of others at the rates of `sketch` and `preview`, where they go as low."""
    curves = _curves()
    sketch, preview = curves["svcodec-sketch"], curves["svcodec-preview"]
    default = _json("kodak-tiers.json")["means"]["sketch"]["bpp"]
    rates = (sketch.bpp[0], min(sketch.bpp, key=lambda rate: abs(rate - default)), sketch.bpp[-1])
    rows = []
    for ours, rate in (*((sketch, rate) for rate in rates), (preview, preview.bpp[0])):
        others = [curves[name] for name in ("jpeg", "webp", "avif", "heic", STANDARD)]
        decibels = [ours.psnr[ours.bpp.index(rate)], *(other.at_rate(rate, "psnr") for other in others)]
        row = ["-" if value is None else f"{value:.1f} dB" for value in decibels]
        rows.append((f"`{ours.name.removeprefix('svcodec-')}`, {rate:.3f}", *row))
    return table(rows, ("tier, bits per pixel", "the tier", "JPEG", "WebP", "AVIF", "HEIC", "`standard`"))


def lossless() -> str:
    """Bits per sub-pixel of the lossless codecs."""
    rows = []
    for name, label in LOSSLESS.items():
        curve = _curves()[name]
        times = (_mean_seconds(curve.encoding), _mean_seconds(curve.decoding))
        rows.append((label, f"{curve.bpp[0] / 3:.3f}", f"{curve.bpp[0]:.3f}", *times))
    return table(rows, ("codec", "bits per sub-pixel", "bits per pixel", "encoding", "decoding"))


def with_latents() -> str:
    """What `lossless` takes with z coded too."""
    chain = _json("kodak-chain.json")
    return (
        f"With z coded too, by bits-back over all images on one stack, it takes "
        f"{chain['net bits'] / SUB_PIXELS / len(chain['images']):.3f} bits per sub-pixel."
    )


def against_compressai() -> str:
    """Times of `standard` and of CompressAI's model of much the same work, on two threads."""
    ours, theirs = measured(RESULTS / "kodak-two-threads", (STANDARD, "compressai-mbt2018-mean"))
    rows = [
        (label, _mean_seconds(curve.encoding), _mean_seconds(curve.decoding))
        for label, curve in (("svcodec `standard`", ours), ("CompressAI's `mbt2018-mean`, quality 4", theirs))
    ]
    return table(rows, ("two threads", "encoding", "decoding"))


def bitstream() -> str:
    """What the bitstream costs beyond the model's probabilities."""
    tiers, overhead, chain = (_json(f"kodak-{name}.json") for name in ("tiers", "overhead", "chain"))
    return "\n".join(
        (
            f"- The tiers are strictly ordered by size on {tiers['images strictly ordered']} of {tiers['of']} images.",
            f"- A file is at most {max(overhead['most extra bytes'].values()):.0f} bytes longer than -log2 of the "
            "frequencies used, in any tier, on any image.",
            f"- Bits-back over all images on one stack takes {chain['net / -ELBO']:.5f} times the -ELBO.",
        )
    )


def gate() -> str:
    """The share of each kind of pictures that the gate and two other scores flag."""
    kodak, held_out = _json("gate/results.json"), _json("gate-held-out/results.json")
    columns = [(kodak, "gate"), (held_out, "gate"), (kodak, "ELBO"), (kodak, "ELBO + complexity")]
    photos = f"{kodak['flagged photos']} of {kodak['photos']}"
    rows = [("photos (false alarms)", photos, f"{held_out['flagged photos']} of {held_out['photos']}", photos, photos)]
    for kind in kodak["kinds"]:
        shares = [results["kinds"][kind][score]["detected"] for results, score in columns]
        rows.append((kind, *(f"{100 * share:.0f}" for share in shares)))
    return table(rows, ("pictures", "gate, Kodak", "gate, held-out", "ELBO, Kodak", "ELBO + complexity, Kodak"))


def likelihood() -> str:
    """AUROCs of Fashion-MNIST against MNIST."""
    detectors = _json("fashion-mnist/results.json")["detectors"]
    rows = [
        (label, *(f"{100 * detectors[vae][name]['auroc']:.1f}" for name in DETECTORS))
        for vae, label in (("V1", "V1, Bernoulli"), ("V2", "V2, Gaussian"))
    ]
    return table(rows, ("", *("p_FE alone" if name == "p_FE" else name for name in DETECTORS)))


FIGURES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        tiers,
        low_jpeg,
        standing,
        slowness,
        bd_rates,
        lowest_rates,
        lossless,
        with_latents,
        against_compressai,
        bitstream,
        gate,
        likelihood,
    )
}


def main() -> int:
    """Write the pages, or with `--check` compare them; the exit code."""
    prologue = "from svcodec.benchmarks.figures_in_docs import FIGURES\nsay = lambda name: cog.outl(FIGURES[name]())"
    how = ["--check", "--diff"] if "--check" in sys.argv[1:] else ["-r"]
    return int(Cog().main(["cog", *how, "-p", "import cog\n" + prologue, *PAGES]))


if __name__ == "__main__":
    sys.exit(main())
