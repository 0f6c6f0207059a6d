"""Time and memory that damaged streams take: `python -m svcodec.benchmarks.hostile COUNT`.

Streams of the demo's photo in every tier are cut short or have bytes overwritten, half of them with the checksum made
right again, or claim another size, up to the largest. Counts what is refused; reports the longest time and peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import zlib
from dataclasses import replace

import numpy as np

from .. import TIERS, Codec, SvcodecError
from ..bitstream.container import pack, unpack
from .conditions import demo_photo

SIZES = [(65535, 4096), (4096, 65535), (16384, 16384), (8192, 512), (1, 65535)]


def peak() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def damage(data: bytes, rng: np.random.Generator, seal: bool) -> bytes:
    """Cut the end off, or overwrite up to eight bytes; with `seal` the checksum is right all the same."""
    start, length = int(rng.integers(5, len(data))), int(rng.integers(1, 9))
    changed = data[:start] + (rng.bytes(length) + data[start + length :] if rng.random() < 0.7 else b"")
    return changed[:-4] + zlib.crc32(changed[:-4]).to_bytes(4, "little") if seal else changed


def main() -> None:
    count = int(sys.argv[1])
    rng = np.random.default_rng(0)
    codec = Codec()
    photo = demo_photo()[:160, :160]
    originals = {tier: codec.encode(photo, tier=tier) for tier in TIERS}
    pictures = {tier: codec.decode(data).tobytes() for tier, data in originals.items()}
    before = peak()
    streams = []
    for tier, data in originals.items():
        for size in SIZES:
            streams.append((tier, pack(replace(unpack(data), width=size[0], height=size[1]))))
        for i in range(count // len(originals)):
            streams.append((tier, damage(data, rng, seal=bool(i % 2))))
    refused = same = wrong = 0
    slowest = 0.0
    for tier, data in streams:
        start = time.perf_counter()
        try:
            if codec.decode(data, max_pixels=None).tobytes() == pictures[tier]:
                same += 1
            else:
                wrong += 1
        except SvcodecError:
            refused += 1
        slowest = max(slowest, time.perf_counter() - start)
    print(
        json.dumps(
            {
                "streams": len(streams),
                "refused": refused,
                "the very picture": same,
                "a wrong picture": wrong,
                "slowest, seconds": round(slowest, 2),
                "peak memory, MB": round(peak()),
                "of which before the first damaged stream, MB": round(before),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
