"""Figures of hostile streams and of memory: each function returns Markdown, from the committed results."""

from __future__ import annotations

import math

from ..bitstream.container import Tier
from ..codec.memory import DECODING, ENCODING, needed
from .committed import read
from .footprint import PARTS
from .recorded import table

MEGAPIXELS = (12, 50, 200)
LAYERS = {
    "container": "for their container",
    "alpha": "for their alpha channel",
    "plain": "for their plain picture",
    "codes": "for their codes, which popped at random run out or end in no seal",
    "chain": "for the pictures of their chain",
    "networks": "by the networks",
}


def fuzzing() -> str:
    """What came of the hostile streams."""
    result = read("fuzz.json")
    tally = result["tally"]
    faults, refused = tally["faults"], tally["refused"]
    rows = [
        ("hostile streams", f"{tally['cases']:,}"),
        ("of which decoded by the networks, or tried to be", f"{tally['decodings']:,}"),
        *(
            (f"refused {where}", f"{sum(n for kind, n in refused.items() if kind.startswith(layer)):,}")
            for layer, where in LAYERS.items()
        ),
        ("read down to the codes, and not decoded", f"{tally['read']:,}"),
        ("decoded to the very picture", f"{tally['originals']:,}"),
        ("decoded to another picture, whose seal was right, or in part", f"{tally['others']:,}"),
        *(
            (kind, f"{faults.get(kind, 0):,}")
            for kind in ("wrong pictures", "foreign exceptions", "warnings", "too slow")
        ),
        ("different errors", f"{tally['answers']:,}"),
        ("slowest stream", f"{tally['slowest']:.1f} s"),
        ("memory at its peak, above that of a codec at rest", f"{tally['peak'] - tally['start']:,.0f} MB"),
    ]
    return table(rows, (f"seed {result['seed']}", "count"))


def footprint() -> str:
    """Memory of each tier for a pixel, and what svcodec reckons with for photos."""
    rows = []
    for tier, of_tier in read("footprint.json")["tiers"].items():
        for way, costs in (("encoding", ENCODING), ("decoding", DECODING)):
            cost = costs[Tier[tier.upper()]]
            sides = (math.isqrt(size * 10**6) for size in MEGAPIXELS)
            photos = (f"{needed(cost, side, side) / 1e9:.1f} GB" for side in sides)
            rows.append((f"`{tier}`, {way}", *(_bytes(of_tier[way].get(part, 0)) for part in PARTS), *photos))
    sizes = (f"{size} megapixels" for size in MEGAPIXELS)
    return table(rows, ("", *PARTS, *sizes))


def _bytes(count: float) -> str:
    return f"{count:.0f}" if count < 1e5 else f"{count / 1e6:.0f} MB"
