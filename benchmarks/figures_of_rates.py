"""Figures of size and quality for README and docs: each function returns Markdown, from the committed results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..bitstream.container import Tier
from ..codec.tiers import SPECS
from .committed import KODAK, RESULTS, SUB_PIXELS, bd_rate_of, curves, read, trimmed
from .contact_sheet import SHEETS
from .peers.halved import SUFFIX
from .rate_distortion.curves import LABELS, Metric, told
from .rate_distortion.report import LOW_RATES, MISSING, SKETCH, STANDARD, TUNED, number, seconds, short
from .recorded import table

CODED = {
    Tier.SKETCH: "u, and perhaps z_3, z_2",
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
FOR: dict[str, Metric] = {"ssim": "ms_ssim", "psnr": "psnr"}  # the metric that each tune is for
EYE: tuple[Metric, ...] = ("ssimulacra2", "butteraugli")  # those that follow what people see
BEST: dict[str, tuple[str, Metric]] = {
    "BPG 4:4:4: PSNR": ("bpg-444", "psnr"),
    "BPG 4:4:4: MS-SSIM": ("bpg-444", "ms_ssim"),
    "VTM: PSNR": ("vtm", "psnr"),
    "VTM: MS-SSIM": ("vtm", "ms_ssim"),
    "AVIF: SSIMULACRA 2": ("avif", "ssimulacra2"),
    "JPEG XL: SSIMULACRA 2": ("jxl", "ssimulacra2"),
    "AVIF: Butteraugli": ("avif", "butteraugli"),
}  # of others, by each metric
LOSSLESS = {
    "svcodec-lossless": "svcodec `lossless`",
    "png": "PNG",
    "webp-lossless": "WebP (method 6)",
    "jxl-lossless": "JPEG XL (effort 7)",
}

IMAGES = Path("docs/images")
CID22 = "cid22"  # the folder of results on the second set of photos
SIXTEEN = {"svcodec": "svcodec `lossless`", "png": "PNG", "jxl": "JPEG XL (effort 7)"}


def tiers() -> str:
    """Size, quality and time of every tier at its default quality."""
    means, seconds = read("kodak-tiers.json")["means"], read("kodak-speed.json")["seconds"]
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
    mean = read("kodak-tiers.json")["means"]["jpeg quality 5"]
    return f"JPEG at quality 5 takes {mean['bpp']:.3f} bits per pixel for {mean['psnr']:.2f} dB."


def standing() -> str:
    """The most telling BD-rates, by what each tune is for and by what follows the eye, and the lossless rates."""
    against = {"jpeg": "JPEG", "avif": "AVIF", "bpg-444": "BPG 4:4:4", "vtm": "VTM (VVC)"}
    by_ssim, by_psnr = (_rates_against(against, TUNED[tune], metric) for tune, metric in FOR.items())
    run_here = {"jpeg": "JPEG", "webp": "WebP", "jxl": "JPEG XL", "avif": "AVIF", "heic": "HEIC"}
    seen = "".join(
        f"by {short(metric)}: {_rates_against(run_here, STANDARD, metric)};\n"
        for metric in EYE
        if metric in told([curves()["avif"]])
    )
    rates = {name: f"{curves()[name].bpp[0] / 3:.2f}" for name in LOSSLESS}
    return (
        f"BD-rate of `standard` (less is better) by MS-SSIM: {by_ssim};\n{seen}"
        f"tuned for PSNR, by PSNR: {by_psnr} (BPG and VTM as published).\n"
        f"`lossless` takes {rates['svcodec-lossless']} bits per sub-pixel, JPEG XL {rates['jxl-lossless']}, "
        f"WebP {rates['webp-lossless']}, PNG {rates['png']}."
    )


def _rates_against(others: dict[str, str], codec: str, metric: Metric) -> str:
    return ", ".join(f"{label} {bd_rate_of(codec, name, metric)}" for name, label in others.items())


def tunes() -> str:
    """BD-rates of `standard` with each tune against the best of others, by every metric."""
    rows = [
        (f"`standard`, tune `{tune}`", *(bd_rate_of(codec, name, metric) for name, metric in BEST.values()))
        for tune, codec in TUNED.items()
    ]
    return trimmed(rows, ("", *BEST))


def plots() -> str:
    """The plots, as far as there are any."""
    drawn = {metric: RESULTS / KODAK / f"{metric.replace('_', '-')}.png" for metric in LABELS}
    return "\n\n".join(
        f"![{short(metric)} against bits per pixel on Kodak](../{path.as_posix()})"
        for metric, path in drawn.items()
        if path.exists()
    )


def bd_rates() -> str:
    """BD-rates of `standard` with each tune against every codec, and that codec's seconds."""
    return _against(list(LOSSY), KODAK)


def _against(names: Sequence[str], folder: str) -> str:
    rows = []
    for name in names:
        curve = curves(folder)[name]
        deltas = [bd_rate_of(codec, name, metric, folder) for codec in TUNED.values() for metric in LABELS]
        rows.append((LOSSY[name], *deltas, *seconds(curve)))
    head = [f"`{tune}`: {short(metric)}" for tune in TUNED for metric in LABELS]
    return trimmed(rows, ("against", *head, "its encoding", "its decoding"))


def low_rates() -> str:
    """The quality of all codecs at low rates, and the plot, as far as there is one."""
    tiers, peers = (SKETCH, STANDARD), {"jpeg", "webp", "jxl", "avif", "heic"}
    codecs: dict[str, Sequence[str]] = {f"`{name.removeprefix('svcodec-')}`": (name,) for name in tiers}
    codecs |= {LOSSY[name].partition(" (")[0]: (name, f"{name}{SUFFIX}") for name in LOSSY if name in peers}
    rows = []
    for rate in LOW_RATES:
        for metric in told(curves()[name] for name in peers):
            best = [_best(names, rate, metric) for names in codecs.values()]
            rows.append((f"{rate:.2f}", LABELS[metric], *(number(value) for value in best)))
    plot = RESULTS / KODAK / "low-rates.png"
    drawn = f"\n\n![All measures at low rates on Kodak](../{plot.as_posix()})" if plot.exists() else ""
    return table(rows, ("bits per pixel", "measure", *codecs)) + drawn


def _best(names: Sequence[str], rate: float, metric: Metric) -> float | None:
    values = [curves()[name].at_rate(rate, metric) for name in names if name in curves()]
    return max((value for value in values if value is not None), default=None)


def more_photos() -> str:
    """BD-rates of `standard` with each tune against the codecs that were run on the second set of photos."""
    return _against([name for name in LOSSY if name in curves(CID22)], CID22)


def crops() -> str:
    """The sheets of crops beside other codecs."""
    paths = [IMAGES / name for name in SHEETS]
    for path in paths:
        path.stat()  # FileNotFoundError: not made yet
    return "\n\n".join(f"![Crops by svcodec, AVIF and JPEG XL](images/{path.name})" for path in paths)


def graphics() -> str:
    """What is not a photo, in `standard` and by others in about as many bytes."""
    rows = []
    for kind, found in read("graphics.json")["kinds"].items():
        for codec, figures in found.items():
            rows.append(
                (
                    kind,
                    "svcodec `standard`" if codec == STANDARD else LOSSY[codec].partition(" (")[0],
                    f"{figures['bytes']:,}",
                    "exact" if figures["psnr"] is None else f"{figures['psnr']:.1f} dB",
                    f"{figures['ssimulacra2']:.1f}",
                    MISSING if figures["flat"] is None else str(figures["flat"]),
                )
            )
    return table(rows, ("picture", "codec", "bytes", "PSNR", "SSIMULACRA 2", "off on flat areas, at most"))


def lossless() -> str:
    """Bits per sub-pixel of the lossless codecs."""
    rows = []
    for name, label in LOSSLESS.items():
        curve = curves()[name]
        times = seconds(curve)
        rows.append((label, f"{curve.bpp[0] / 3:.3f}", f"{curve.bpp[0]:.3f}", *times))
    return table(rows, ("codec", "bits per sub-pixel", "bits per pixel", "encoding", "decoding"))


def with_latents() -> str:
    """What `lossless` takes with z coded too."""
    chain = read("kodak-chain.json")
    return (
        f"With z coded too, by bits-back over all images on one stack, it takes "
        f"{chain['net bits'] / SUB_PIXELS / len(chain['images']):.3f} bits per sub-pixel."
    )


def bitstream() -> str:
    """What the bitstream costs beyond the model's probabilities."""
    tiers, overhead, chain = (read(f"kodak-{name}.json") for name in ("tiers", "overhead", "chain"))
    return "\n".join(
        (
            f"- The tiers are strictly ordered by size on {tiers['images strictly ordered']} of {tiers['of']} images.",
            f"- A file is at most {max(overhead['most extra bytes'].values()):.0f} bytes longer than -log2 of the "
            "frequencies used, in any tier, on any image, areas of one colour aside.",
            f"- Bits-back over all images on one stack takes {chain['net / -ELBO']:.5f} times the -ELBO.",
        )
    )


def eight_bits() -> str:
    """What rounding the networks to eight bits cost."""
    result = read("eight-bits.json")
    rows = [
        (f"`{tune}`", *(f"{result['tunes'][tune]['BD-rate'][metric]:+.1f}%" for metric in ("psnr", "ms_ssim")))
        for tune in result["tunes"]
    ]
    return table(rows, (f"tune, {result['photos']} photos", "PSNR", "MS-SSIM"))


def sixteen_bits() -> str:
    """Bits per sample of lossless pictures of sixteen bits."""
    rows = []
    for kind, found in read("sixteen.json")["kinds"].items():
        rates = {name: 8 * size / found["samples"] for name, size in found["bytes"].items()}
        rows.append((kind, *(f"{rates[name]:.3f}" for name in SIXTEEN), f"{rates['svcodec'] / rates['jxl'] - 1:+.1%}"))
    return table(rows, ("samples", *SIXTEEN.values(), "against JPEG XL"))
