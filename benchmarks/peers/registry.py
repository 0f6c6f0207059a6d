"""All codecs that are compared, by the names they have on the command line and in results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...codec.tiers import TIERS
from . import compressai_models, heic, jpegxl, mozjpeg, ours, pillow_codecs
from .peer import Peer

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
}

NAMES = tuple(_MAKERS)
LOSSLESS = (f"{ours.PREFIX}lossless", "png", "webp-lossless", "jxl-lossless")


def make(name: str) -> Peer:
    """The codec of a name in NAMES. Raises MissingPackageError where what it needs is not installed."""
    return _MAKERS[name]()
