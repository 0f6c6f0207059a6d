"""Multiply-accumulates of the networks: what each codec computes for a pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from .conditions import tiled_photo
from .peers.peer import Peer
from .recorded import table

SIZE = (512, 768)  # of Kodak's images
FLOPS = 2  # of a multiply-accumulate
OF_BYTES = getattr(torch.ops.onednn, "qconv2d_pointwise", None)  # not every build of torch has it
CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten._convolution, OF_BYTES)


def counter() -> FlopCounterMode:
    """A counter of operations that knows convolutions of bytes too."""

    def of_bytes(x: Any, scale: Any, zero: Any, weight: Any, *others: Any, out_shape: Any, **named: Any) -> int:
        return conv_flop_count(x, weight, out_shape)

    return FlopCounterMode(display=False, custom_mapping={OF_BYTES: of_bytes} if OF_BYTES else {})


class Work(nn.Module):
    """Work with networks as one module, since FlopCounterMode names modules by their way from the one called first."""

    def __init__(self, networks: Mapping[str, nn.Module], work: Callable[[], object]):
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.work = work

    def forward(self) -> Any:
        return self.work()


def macs(networks: Mapping[str, nn.Module], work: Callable[[], object]) -> dict[str, int]:
    """Multiply-accumulates of the convolutions that `work` does in each network.

    A module may be called by itself or by one that it is part of, if all its calls are of one kind.
    """
    with counter() as counted:
        Work(networks, work)()
    flops = {
        name: sum(counts.get(operation, 0) for operation in CONVOLUTIONS)
        for name, counts in counted.get_flop_counts().items()
    }
    found = dict.fromkeys(networks, 0)
    for path in flops:
        root, *parts = path.split(".")
        above = [".".join([root, *parts[:end]]) for end in range(2, len(parts))]
        # what a module does is in the sum of each that was called around it
        if root == Work.__name__ and len(parts) >= 2 and not any(flops.get(name) for name in above):
            found[parts[1]] += flops[path] // FLOPS
    return found


def macs_table(codecs: Sequence[Peer]) -> str:
    """kMAC per pixel to encode and to decode with the codecs that have networks, in Markdown."""
    picture = tiled_photo(SIZE[1], SIZE[0])  # drawings are written without networks, which compute alike for photos
    rows = []
    for peer in codecs:
        setting = peer.settings[len(peer.settings) // 2]  # which one makes no difference
        data = peer.encode(picture, setting)
        works: dict[str, Callable[[], object]] = {
            "encoding": partial(peer.encode, picture, setting),
            "decoding": partial(peer.decode, data),
        }
        for name, work in works.items():
            parts = {part: count / (1000 * SIZE[0] * SIZE[1]) for part, count in macs(peer.networks, work).items()}
            by_network = ", ".join(f"{part} {value:.1f}" for part, value in parts.items() if value)
            rows.append((peer.name, name, f"{sum(parts.values()):.1f}", by_network))
    return table(rows, ("codec", "work", "kMAC per pixel", "by network"))
