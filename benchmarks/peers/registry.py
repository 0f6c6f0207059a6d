"""All codecs that are compared, by the names they have on the command line and in results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...codec.tiers import TIERS
from . import compressai_models, heic, jpegxl, mozjpeg, ours, pillow_codecs
from .halved import SUFFIX, halved
from .peer import Peer, Setting, settings_of

# From some 0.03 bits per pixel of the whole photo to where the codec needs no halving
_HALVED: dict[str, tuple[Setting, ...]] = {
    "jpeg": settings_of("quality", 3, 5, 8, 12, 20, 30),
    "webp": settings_of("quality", 0, 1, 5, 10, 20, 30),
    "avif": settings_of("quality", 0, 10, 20, 30, 40, 50),
    "jxl": settings_of("distance", 25, 18, 13, 9, 6, 4),
    "heic": settings_of("quality", 1, 10, 20, 30, 40),
}


def _halved(name: str) -> Peer:
    return halved(_MAKERS[name](), _HALVED[name])


_MAKERS: dict[str, Callable[[], Peer]] = {
    **{f"{ours.PREFIX}{tier}": partial(ours.tier_peer, tier) for tier in TIERS},
    f"{ours.PREFIX}standard-psnr": partial(ours.tier_peer, "standard", tune="psnr"),
    "jpeg": pillow_codecs.jpeg,
    "mozjpeg": mozjpeg.mozjpeg,
    "webp": pillow_codecs.webp,
    "avif": pillow_codecs.avif,
    "jpeg2000": pillow_codecs.jpeg2000,
    "jxl": jpegxl.lossy,
    "heic": heic.heic,
    "png": pillow_codecs.png,
    "webp-lossless": pillow_codecs.webp_lossless,
    "jxl-lossless": jpegxl.lossless,
    **{
        f"{compressai_models.PREFIX}{model}": partial(compressai_models.model_peer, model)
        for model in compressai_models.MODELS
    },
    **{f"{name}{SUFFIX}": partial(_halved, name) for name in _HALVED},
}

NAMES = tuple(_MAKERS)
LOW = tuple(f"{name}{SUFFIX}" for name in _HALVED)  # for low rates only
LOSSLESS = (f"{ours.PREFIX}lossless", "png", "webp-lossless", "jxl-lossless")


def make(name: str) -> Peer:
    """The codec of a name in NAMES. Raises MissingPackageError where what it needs is not installed."""
    return _MAKERS[name]()
