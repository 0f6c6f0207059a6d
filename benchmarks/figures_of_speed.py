"""Figures of time for README and docs: each function returns Markdown, from the committed results."""

from __future__ import annotations

from .committed import RESULTS, read
from .large import WAYS
from .rate_distortion.curves import measured
from .rate_distortion.report import STANDARD, seconds
from .recorded import table


def slowness() -> str:
    """How long a Kodak image takes."""
    result = read("kodak-speed.json")
    standard, lossless = (result["seconds"][name] for name in ("standard", "lossless"))
    return (
        f"- It is slow. On {result['threads']} threads {standard['encode']:.2f} s encode a photo of 768 x 512 pixels "
        f"in `standard`, {lossless['encode']:.2f} s in `lossless`."
    )


def efforts() -> str:
    """What the efforts of `lossless` give and take."""
    result = read("kodak-efforts.json")
    rows = [
        (effort, f"{of['bits per sub-pixel']:.3f}", f"{of['encode']:.2f} s", f"{of['decode']:.2f} s")
        for effort, of in result["efforts"].items()
    ]
    return table(rows, (f"effort, {result['threads']} threads", "bits per sub-pixel", "encoding", "decoding"))


def against_compressai(folder: str = "kodak-two-threads") -> str:
    """Times of `standard` and of CompressAI's model of much the same work, on two threads."""
    ours, theirs = measured(RESULTS / folder, (STANDARD, "compressai-mbt2018-mean"))
    rows: list[tuple[str, ...]] = [
        (label, *seconds(curve))
        for label, curve in (("svcodec `standard`", ours), ("CompressAI's `mbt2018-mean`, quality 4", theirs))
    ]
    ratios = (
        f"{sum(theirs) / len(theirs) / (sum(ours) / len(ours)):.1f}"
        for ours, theirs in ((ours.encoding, theirs.encoding), (ours.decoding, theirs.decoding))
    )
    rows.append(("its time over ours", *ratios))
    return table(rows, (read(f"{folder}/{STANDARD}.json")["machine"], "encoding", "decoding"))


def against_compressai_capped() -> str:
    """The same on a machine without instructions for products of bytes."""
    return against_compressai("kodak-two-threads-avx2")


def kernels() -> str:
    """`standard` by every kernel at two sizes."""
    result = read("by-kernel.json")
    rows = [
        (
            size,
            f"`{kernel}`",
            *(f"{of[work]['median']:.2f} s" for work in ("encode", "decode")),
            f"{of['peak memory, MB']['median']:,.0f} MB",
        )
        for size, kernels in result["sizes"].items()
        for kernel, of in kernels.items()
    ]
    return table(rows, ("picture", "kernel", "encoding", "decoding", "peak memory"))


def beside_others() -> str:
    """`standard` inside other programs, alone and beside a busy process."""
    coding = read("host.json")["coding"]
    rows = [
        (host, *(f"{coding[beside][host][work]['median']:.2f} s" for beside in coding for work in ("encode", "decode")))
        for host in coding["alone"]
    ]
    head = [f"{work}, {beside}" for beside in ("alone", "beside a busy process") for work in ("encoding", "decoding")]
    return table(rows, ("program", *head))


def whole_command() -> str:
    """The whole `svcodec decode` and its parts."""
    found = read("host.json")["svcodec decode"]
    whole, parts = found["whole"], found["parts"]
    of_parts = ", ".join(f"{name} {of['median']:.2f}" for name, of in parts.items() if "not in the whole" not in name)
    return (
        f"The whole command takes {whole['clock']['median']:.2f} s ({whole['CPUs']['median']:.2f} s of CPUs).\n"
        f"Its parts, in seconds: {of_parts}."
    )


def large() -> str:
    """Seconds and memory of large pictures, in every way."""
    rows = [
        (
            f"`{tier}`",
            f"{size} MP",
            f"{of['bytes'] / 1e6:.2f} MB",
            *(f"{of[way]['seconds']:.1f} s" for way in WAYS),
            *(f"{of[way]['peak'] / 1e9:.2f} GB" for way in ("encode", "decode")),
        )
        for tier, sizes in read("large.json")["tiers"].items()
        for size, of in sizes.items()
    ]
    return table(rows, ("tier", "picture", "file", *WAYS, "memory, encoding", "memory, decoding"))


def throughput() -> str:
    """Megapixels a second of one and of two workers, by processes and on local clusters."""
    result = read("throughput.json")
    rows = [
        (
            way,
            workers,
            f"{found['megapixels a second']:.3f}",
            f"{found['megapixels a second'] / of_way['1']['megapixels a second']:.2f}",
            f"{found['seconds to the first']:.1f} s",
        )
        for way, of_way in result.items()
        if isinstance(of_way, dict)
        for workers, found in of_way.items()
    ]
    return table(rows, ("by", "workers", "megapixels a second", "times one worker", "to the first photo"))
