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
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import TIERS, Codec
from ..bitstream.stack import Stack, symbol_bits
from ..codec import coder
from ..codec.model import Model
from ..codec.tiers import spec_of
from ..models import density
from ..models.details import Draw, Group
from ..models.exact import exact_arithmetic
from ..models.selfvae import DEPTH, EXACT_QUALITY, LEVELS, visit_true
from ..models.transforms import pyramid, to_levels, to_opponent, to_rgb
from .conditions import Photos, machine, read_photos
from .metrics import psnr
from .peers import pillow_codecs


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
            data = codec.encode(photo, tier)
            decoded = np.asarray(codec.decode(data))
            if tier == "lossless" and not np.array_equal(decoded, photo):
                raise SystemExit(f"{name}: lossless is not")
            images[name][tier] = (len(data), psnr(decoded, photo), photo[..., 0].size)
        data = jpeg.encode(photo, jpeg.settings[0])
        images[name]["jpeg quality 5"] = (len(data), psnr(jpeg.decode(data), photo), photo[..., 0].size)
    ordered = sum(
        [sizes[tier][0] for tier in TIERS] == sorted({sizes[tier][0] for tier in TIERS}) for sizes in images.values()
    )
    means = {tier: mean_point([sizes[tier] for sizes in images.values()]) for tier in next(iter(images.values()))}
    sizes_of = {name: {tier: point[0] for tier, point in sizes.items()} for name, sizes in images.items()}
    return {"images strictly ordered": ordered, "of": len(images), "means": means, "bytes": sizes_of}


def lossless(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Bits per sub-pixel with and without z, of the codes alone."""
    results: dict[str, list[float]] = {"codes without z": [], "codes with z": []}
    for photo in photos.values():
        with exact_arithmetic():
            for key, details in (("codes without z", False), ("codes with z", True)):
                stack, _ = coder.encode(codec.model, spec_of("lossless"), None, photo, details)
                results[key].append(stack.bits / photo.size)
    return {"bits per sub-pixel": {key: float(np.mean(values)) for key, values in results.items()}, "images": results}


class MeasuringStack(Stack):
    """A stack that adds up -log2 of the integer frequencies of what is pushed, less what is popped."""

    ideal = 0.0

    def push_symbols(self, symbols: Any, frequencies: Any) -> None:
        self.ideal += symbol_bits(symbols, frequencies)
        super().push_symbols(symbols, frequencies)

    def push_residuals(self, values: Any, scales: Any, offsets: Any = None) -> None:
        self.ideal += self.tables.residual_bits(values, scales, offsets)
        super().push_residuals(values, scales, offsets)

    def push_uniform(self, values: Any, bits: int) -> None:
        self.ideal += len(values) * bits
        super().push_uniform(values, bits)

    def pop_uniform(self, count: int, bits: int) -> NDArray[np.int32]:
        self.ideal -= count * bits
        return super().pop_uniform(count, bits)


def overhead(photos: Photos, codec: Codec) -> dict[str, Any]:
    """File bits against the sum of -log2 of the integer frequencies, for every tier and image."""
    worst: dict[str, float] = {}
    inside = 0
    for photo in photos.values():
        for tier in TIERS:
            stack = MeasuringStack(codec.model.residuals)
            tile_coder = coder.TileCoder(codec.model, stack, grey=False)
            image = to_levels(photo, codec.model.device)
            with exact_arithmetic():
                if tier == "lossless":
                    stack.seal(0)
                    tile_coder.push_exact(image, coder.Ledger(), details=False)
                else:
                    spec = spec_of(tier)
                    tile_coder.push_lossy(spec, spec.quality or EXACT_QUALITY, image, coder.Ledger())
            bits = 8 * len(codec.encode(photo, tier))
            inside += bits <= 1.005 * stack.ideal + 8 * 64
            worst[tier] = max(worst.get(tier, 0.0), (bits - stack.ideal) / 8)
    return {"within 1.005 times + 64 bytes": inside, "of": len(photos) * len(TIERS), "most extra bytes": worst}


def negative_elbo(model: Model, image: Tensor) -> float:
    """-ELBO of a picture (1, 3, h, w) of even size in bits, u and z drawn from their posteriors.

    Latents and y_K by the float model; the levels below by the frequencies of their corrected likelihoods.
    """
    network, ladder = model.network, model.network.ladder
    levels = pyramid(image, DEPTH)
    targets = [to_opponent(level) for level in levels]
    sizes = [(level.shape[2], level.shape[3]) for level in levels]
    at = torch.tensor([EXACT_QUALITY])
    bits: list[Tensor] = []

    def draw_at(k: int, level: Tensor) -> Draw:
        inferred = ladder.infer(k, targets, level, at)

        def draw(group: Group, mean: Tensor, log_scale: Tensor) -> Tensor:
            z = group.take(inferred) + torch.rand_like(mean) - 0.5
            bits.append(density.bits((z - mean).abs(), log_scale).sum((1, 2)))
            return z

        return draw

    mean, features = ladder.flow.draw(at, sizes, draw_at)
    network.gist_likelihood(to_rgb(mean), features, visit_true(levels[LEVELS], bits))
    features = ladder.gist(levels[LEVELS], at)[1]
    stack = MeasuringStack(model.residuals)
    tile_coder = coder.TileCoder(model, stack, grey=False)
    for k in range(LEVELS, 0, -1):
        details, _ = ladder.level(k).draw(targets[k], features, at, draw_at(k, targets[k]))
        tile_coder.levels.push(partial(network.level_likelihood, k, levels[k], details), levels[k - 1])
        features = tile_coder._next_features(k, targets[k], targets[k - 1], features, at)
    return float(torch.stack(bits).sum()) + stack.ideal


def chain(photos: Photos, codec: Codec) -> dict[str, Any]:
    """Bits-back of u and z over all images on one stack: net bits against -ELBO."""
    stack, elbo = Stack(codec.model.residuals), 0.0
    stack.seal(0)
    tile_coder = coder.TileCoder(codec.model, stack, grey=False)
    rows = []
    torch.manual_seed(0)
    for name, photo in photos.items():
        image = to_levels(photo, codec.model.device)
        before, ledger = stack.bits, coder.Ledger()
        with exact_arithmetic():
            tile_coder.push_exact(image, ledger, details=True)
            elbo += negative_elbo(codec.model, image)
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
            data = codec.encode(photo, tier)
            middle = time.perf_counter()
            codec.decode(data)
            encoding.append(middle - start)
            decoding.append(time.perf_counter() - middle)
        results[tier] = {"encode": float(np.median(encoding)), "decode": float(np.median(decoding))}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "svcodec", "--help"], check=True, capture_output=True)
    return {"seconds": results, "import and --help": time.perf_counter() - start, "threads": torch.get_num_threads()}


PARTS: dict[str, Callable[[Photos, Codec], dict[str, Any]]] = {
    part.__name__: part for part in (tiers, lossless, overhead, chain, speed)
}


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="folder for the results")
def main(folder: Path, parts: tuple[str, ...], output: Path) -> None:
    codec = Codec()
    photos = read_photos(folder)
    output.mkdir(parents=True, exist_ok=True)
    for name in parts or PARTS:
        result = {
            "model": f"{codec.model.name} {codec.model.hash.hex()}",
            "machine": machine(),
            **PARTS[name](photos, codec),
        }
        (output / f"kodak-{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        means = {key: value for key, value in result.items() if key not in ("images", "bytes")}
        click.echo(json.dumps({"part": name, **means}, indent=1))


if __name__ == "__main__":
    main()
