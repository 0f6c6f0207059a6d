"""svcodec's tiers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ...codec.codec import Codec
from ...codec.tiers import spec_of
from ...models.photo import LEVELS
from .peer import Peer, settings_of

PREFIX = "svcodec-"  # of the names of our tiers
QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


@functools.cache
def our_codec() -> Codec:
    """svcodec with its default model, loaded once."""
    return Codec()


def tier_peer(tier: str, **always: Any) -> Peer:
    """A tier of svcodec, at every tenth quality where it takes one; `always` are options of every encoding."""
    codec = our_codec()
    network = codec.photo_model.network
    options = "".join(f", {key} {value}" for key, value in always.items())
    return Peer(
        "-".join([f"{PREFIX}{tier}", *map(str, always.values())]),
        f"svcodec, tier {tier}{options}, model {codec.model.name} ({codec.model.hash.hex()})",
        settings_of("quality", *QUALITIES) if spec_of(tier).quality else ({},),
        lambda pixels, setting: codec.encode(pixels, tier=tier, **always, **setting),
        lambda data: np.asarray(codec.decode(data)),
        {
            **{f"z{k}": network.ladder.level(k) for k in range(1, LEVELS + 1)},
            "u": network.ladder.flow,
            "levels": network.level_likelihood,
            f"y{LEVELS}": network.gist_likelihood,
        },
    )
