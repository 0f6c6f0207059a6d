"""CompressAI's models as peers, for their speed and multiply-accumulates.

Their weights are a download. Where it fails the same network is timed untrained, which says nothing of its rate or
quality, and the peer says so.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ...arrays import Pixels
from .peer import Peer, Setting, import_for

PREFIX = "compressai-"  # of the peers' names
MODELS = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
QUALITY = 4
STRIDE = 64  # of the coarsest latents: sides are padded to multiples of it


def model_peer(model: str) -> Peer:
    """A model of CompressAI's zoo. Raises MissingPackageError where CompressAI is not installed."""
    name = f"{PREFIX}{model}"
    load = import_for(name, "compressai.zoo", "compressai").image_models[model]
    try:
        network, trained = load(QUALITY, pretrained=True, progress=False), True
    except (OSError, RuntimeError):  # no network, or a download that was cut short
        network, trained = load(QUALITY, pretrained=False), False
    network.eval().requires_grad_(False).update()  # in inference mode nothing may ask for gradients, not even GDN

    @torch.inference_mode()
    def encode(pixels: Pixels, setting: Setting) -> bytes:
        height, width = pixels.shape[:2]
        x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
        out = network.compress(F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE)))
        return _pack((height, width, *out["shape"]), [strings[0] for strings in out["strings"]])

    @torch.inference_mode()
    def decode(data: bytes) -> Pixels:
        (height, width, *shape), strings = _unpack(data)
        x = network.decompress([[string] for string in strings], shape)["x_hat"][0, :, :height, :width]
        return np.ascontiguousarray((x * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())

    state = "pretrained" if trained else "untrained, so that only its times and multiply-accumulates mean anything"
    return Peer(
        name,
        f"{model}, quality {QUALITY}, CompressAI {version('compressai')}, {state}",
        ({"quality": QUALITY},),
        encode,
        decode,
        networks=dict(network.named_children()),
        trained=trained,
    )


def _pack(sizes: Sequence[int], strings: Sequence[bytes]) -> bytes:
    """The picture's and the latent's height and width, then each string after its length."""
    return struct.pack("<4H", *sizes) + b"".join(struct.pack("<I", len(string)) + string for string in strings)


def _unpack(data: bytes) -> tuple[tuple[Any, ...], list[bytes]]:
    """Inverse of `_pack`."""
    strings, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        strings.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return struct.unpack_from("<4H", data), strings
