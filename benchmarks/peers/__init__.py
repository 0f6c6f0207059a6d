"""The codecs that are compared: what each is called, its settings, and how it encodes and decodes."""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, features

from ...arrays import Pixels
from ...codec.codec import Codec
from ...codec.tiers import TIERS, spec_of
from ...errors import MissingPackageError
from ...models.selfvae import LEVELS
from .peer import Peer, Setting

QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


def _with_pillow(
    name: str, image_format: str, feature: str | None, settings: list[dict[str, Any]], **always: Any
) -> Peer:
    """A codec of Pillow's. Raises MissingPackageError where this build of Pillow lacks it."""
    if feature is not None and not features.check(feature):
        raise MissingPackageError(f"{name}: this build of Pillow has no {image_format}")
    version = features.version(feature) if feature else None

    def encode(pixels: Pixels, setting: Setting) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, image_format, **always, **setting)
        return buffer.getvalue()

    options = "".join(f", {key} {value}" for key, value in always.items())
    return Peer(name, f"{image_format} {version or ''} by Pillow{options}", tuple(settings), encode, _open)


def _open(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def _at(key: str, *values: float) -> list[dict[str, Any]]:
    return [{key: value} for value in values]


def _imagecodecs_jxl(name: str, settings: list[dict[str, Any]]) -> Peer:
    jpegxl = _import("imagecodecs", name)
    return Peer(
        name,
        f"JPEG XL, {jpegxl.jpegxl_version()} by imagecodecs, effort 7",
        tuple(settings),
        lambda pixels, setting: bytes(jpegxl.jpegxl_encode(pixels, effort=7, numthreads=1, **setting)),
        lambda data: np.asarray(jpegxl.jpegxl_decode(data, numthreads=1)),
    )


def _mozjpeg(name: str) -> Peer:
    optimiser = _import("mozjpeg_lossless_optimization", name)
    jpeg = make("jpeg")
    return Peer(
        name,
        f"{jpeg.description}, scans optimised by MozJPEG",
        jpeg.settings,
        lambda pixels, setting: bytes(optimiser.optimize(jpeg.encode(pixels, setting))),
        jpeg.decode,
    )


def _heic(name: str) -> Peer:
    heif = _import("pillow_heif", name)
    heif.register_heif_opener()
    peer = _with_pillow(name, "HEIF", None, _at("quality", 1, 10, 20, 30, 40, 50, 60, 70, 80, 90), chroma=444)
    encoder = heif.libheif_info()["HEIF"]
    return Peer(name, f"HEVC intra 4:4:4, {encoder}, by pillow-heif", peer.settings, peer.encode, peer.decode)


@functools.cache
def our_codec() -> Codec:
    """svcodec with its default model, loaded once."""
    return Codec()


def _ours(tier: str) -> Peer:
    spec = spec_of(tier)
    model = our_codec().model
    ladder = model.network.ladder
    return Peer(
        f"{OURS}{tier}",
        f"svcodec, tier {tier}, model {model.name} ({model.hash.hex()})",
        tuple(_at("quality", *QUALITIES)) if spec.quality else ({},),
        lambda pixels, setting: our_codec().encode(pixels, tier=tier, **setting),
        lambda data: np.asarray(our_codec().decode(data)),
        {
            **{f"z{k}": ladder.level(k) for k in range(1, LEVELS + 1)},
            "u": ladder.flow,
            "levels": model.network.level_likelihood,
            f"y{LEVELS}": model.network.gist_likelihood,
        },
    )


def _theirs(model: str) -> Peer:
    name = f"{OTHERS}{model}"
    _import("compressai", name)
    from . import compressai_models as compressai_peers

    return compressai_peers.make(name, model)


def _import(package: str, peer: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(f'{peer} needs the package {package}: pip install "svcodec[bench]"') from error


OURS = "svcodec-"  # what the names of our tiers begin with
OTHERS = "compressai-"  # and those of CompressAI's models

_MAKERS: dict[str, Callable[[], Peer]] = {
    **{f"{OURS}{tier}": functools.partial(_ours, tier) for tier in TIERS},
    "jpeg": lambda: _with_pillow(
        "jpeg",
        "JPEG",
        "jpg",
        _at("quality", 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95),
        optimize=True,
        progressive=True,
    ),
    "mozjpeg": lambda: _mozjpeg("mozjpeg"),
    "webp": lambda: _with_pillow(
        "webp", "WEBP", "webp", _at("quality", 1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95), method=6
    ),
    "avif": lambda: _with_pillow(
        "avif", "AVIF", "avif", _at("quality", 10, 20, 30, 40, 50, 60, 70, 80, 90), speed=6, subsampling="4:4:4"
    ),
    "jpeg2000": lambda: _with_pillow(
        "jpeg2000",
        "JPEG2000",
        "jpg_2000",
        _at("quality_layers", *([rate] for rate in (200, 100, 60, 40, 30, 20, 15, 10, 7))),  # type: ignore[arg-type]
        irreversible=True,
        quality_mode="rates",
    ),
    "jxl": lambda: _imagecodecs_jxl("jxl", _at("distance", 15, 10, 7, 5, 3.5, 2.5, 1.8, 1.2, 0.8, 0.5)),
    "heic": lambda: _heic("heic"),
    "png": lambda: _with_pillow("png", "PNG", "zlib", [{}], optimize=True),
    "webp-lossless": lambda: _with_pillow("webp-lossless", "WEBP", "webp", [{}], lossless=True, method=6, quality=100),
    "jxl-lossless": lambda: _imagecodecs_jxl("jxl-lossless", [{"lossless": True}]),
    **{
        f"{OTHERS}{model}": functools.partial(_theirs, model)
        for model in ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
    },
}

NAMES = tuple(_MAKERS)
LOSSLESS = ("svcodec-lossless", "png", "webp-lossless", "jxl-lossless")


def make(name: str) -> Peer:
    """The codec of a name in NAMES. Raises MissingPackageError where what it needs is not installed."""
    return _MAKERS[name]()
