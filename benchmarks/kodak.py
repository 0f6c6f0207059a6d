"""The tiers and what the bitstream costs, measured: `python -m svcodec.benchmarks.kodak FOLDER -o benchmarks/results`.

FOLDER holds the 24 Kodak images. Each part prints a table and writes one JSON file; name parts to run only these.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from .. import TIERS, Codec, inspect
from ..bitstream.stack import Stack
from ..codec.ledger import Ledger
from ..codec.measures import psnr
from ..errors import InputError
from ..models.arithmetic import exact_arithmetic
from ..models.transforms import to_samples
from ..program import OneCommand
from .bits_back import ChainCoder, measured_stacks, negative_elbo
from .conditions import Photos, machine, named, read_photos
from .peers import pillow_codecs
from .recorded import record

EFFORTS = (1, 5, 9)


def mean_point(points: list[tuple[int, float, int]]) -> dict[str, float | None]:
    """Mean bits per pixel and PSNR of (bytes, dB, pixels) of all images; None for the PSNR of equal pictures."""
    decibels = float(np.mean([decibels for _, decibels, _ in points]))
    return {
        "bpp": float(np.mean([8 * size / pixels for size, _, pixels in points])),
        "psnr": None if math.isinf(decibels) else decibels,
    }


def tiers(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Bytes and PSNR of every tier at its default; JPEG's lowest useful quality beside them."""
    images: dict[str, Any] = {}
    jpeg = pillow_codecs.jpeg()
    for name, photo in photos.items():
        images[name] = {}
        for tier in TIERS:
            data = codec.encode(photo, tier=tier)
            decoded = np.asarray(codec.decode(data))
            if tier == "lossless" and not np.array_equal(decoded, photo):
                raise SystemExit(f"{name}: lossless is not")
            images[name][tier] = (len(data), psnr(decoded, photo), photo[..., 0].size)
        data = jpeg.encode(photo, {"quality": 5})
        images[name]["jpeg quality 5"] = (len(data), psnr(jpeg.decode(data), photo), photo[..., 0].size)
    ordered = sum(
        [sizes[tier][0] for tier in TIERS] == sorted({sizes[tier][0] for tier in TIERS}) for sizes in images.values()
    )
    means = {tier: mean_point([sizes[tier] for sizes in images.values()]) for tier in next(iter(images.values()))}
    sizes_of = {name: {tier: point[0] for tier, point in sizes.items()} for name, sizes in images.items()}
    return {"images strictly ordered": ordered, "of": len(images), "means": means, "bytes": sizes_of}


def overhead(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Bits of the file, flats aside, against the sum of -log2 of the integer frequencies, by tier and image."""
    worst: dict[str, float] = {}
    inside = 0
    for photo in photos.values():
        for tier in TIERS:
            with measured_stacks() as ideal:
                data = codec.encode(photo, tier=tier)
            bits = 8 * (len(data) - inspect(data).sections.get("flats", 0))
            inside += bits <= 1.005 * sum(ideal) + 8 * 64
            worst[tier] = max(worst.get(tier, 0.0), (bits - sum(ideal)) / 8)
    return {"within 1.005 times + 64 bytes": inside, "of": len(photos) * len(TIERS), "most extra bytes": worst}


def chain(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Bits-back of u and z over all images on one stack: net bits against -ELBO."""
    stack, elbo = Stack(codec.photo_model.residuals), 0.0
    stack.seal(0)
    chained = ChainCoder(codec.photo_model, stack, grey=False)
    rows = []
    torch.manual_seed(0)
    for name, photo in photos.items():
        image = to_samples(photo, codec.photo_model.device)
        before, ledger = stack.bits, Ledger()
        with exact_arithmetic():
            chained.push(image, ledger)
            elbo += negative_elbo(codec.photo_model, image)
        codings = {entry.variable.name: entry.coding.name for entry in ledger.account()}
        rows.append({"image": name, "net bits": stack.bits - before, "codings": codings})
    net = stack.bits - 32
    return {"net bits": net, "-ELBO": elbo, "net / -ELBO": net / elbo, "images": rows}


def speed(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Median seconds to encode and decode one image, and to import the package and print the help."""
    results: dict[str, Any] = {}
    for tier in TIERS:
        encoding, decoding = [], []
        for photo in list(photos.values())[::4]:
            start = time.perf_counter()
            data = codec.encode(photo, tier=tier)
            middle = time.perf_counter()
            codec.decode(data)
            encoding.append(middle - start)
            decoding.append(time.perf_counter() - middle)
        results[tier] = {"encode": float(np.median(encoding)), "decode": float(np.median(decoding))}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "svcodec", "--help"], check=True, capture_output=True)
    return {"seconds": results, "import and --help": time.perf_counter() - start, "threads": torch.get_num_threads()}


def efforts(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Mean bits per sub-pixel of `lossless` and median seconds for one image, at the least, default and most effort."""
    found: dict[int, list[tuple[float, float, float]]] = {effort: [] for effort in EFFORTS}
    for photo in photos.values():
        for effort, of_effort in found.items():
            start = time.perf_counter()
            data = codec.encode(photo, tier="lossless", effort=effort)
            middle = time.perf_counter()
            decoded = codec.decode(data)
            end = time.perf_counter()
            if not np.array_equal(np.asarray(decoded), photo):
                raise SystemExit("lossless is not")
            of_effort.append((8 * len(data) / photo.size, middle - start, end - middle))
    result = {}
    for effort, of_effort in found.items():
        bits, encoding, decoding = zip(*of_effort, strict=True)
        seconds = {"encode": float(np.median(encoding)), "decode": float(np.median(decoding))}
        result[str(effort)] = {"bits per sub-pixel": float(np.mean(bits)), **seconds}
    return {"efforts": result, "threads": torch.get_num_threads()}


PARTS: dict[str, Callable[[Photos, Codec], dict[str, Any]]] = {
    part.__name__: part for part in (tiers, overhead, chain, speed, efforts)
}


@click.command(cls=OneCommand, help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="folder for the results")
def main(folder: Path, parts: tuple[str, ...], output: Path) -> None:
    codec = Codec()
    photos = read_photos(folder)
    if "chain" in (parts or PARTS):
        odd = [name for name, photo in photos.items() if any(side % 16 for side in photo.shape[:2])]
        if odd:
            raise InputError(f"{odd[0]} has sides that are no multiples of 16, as `chain` takes them: name other parts")
    output.mkdir(parents=True, exist_ok=True)
    for name in parts or PARTS:
        result = {
            "model": named(codec.photo_model),
            "machine": machine(),
            **PARTS[name](photos, codec),
        }
        record(output / f"kodak-{name}.json", result)
        means = {key: value for key, value in result.items() if key not in ("images", "bytes")}
        click.echo(json.dumps({"part": name, **means}, indent=1))


if __name__ == "__main__":
    main()
