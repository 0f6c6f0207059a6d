"""Multiply-accumulates of the networks: what each codec computes for a pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
from torch import Tensor, nn

from .markdown import table
from .peers.peer import Peer

SIZE = (512, 768)  # of Kodak's images


class Count:
    """Multiply-accumulates so far."""

    macs = 0


@contextmanager
def counted(network: nn.Module) -> Iterator[Count]:
    """Counts the multiply-accumulates of all convolutions that run inside."""
    count = Count()

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.ConvTranspose2d):
            count.macs += inputs[0].numel() // inputs[0].shape[1] * module.weight.numel()
        elif isinstance(module, nn.Conv2d):
            count.macs += output.numel() // output.shape[1] * module.weight.numel()
        elif type(module).__name__ == "GDN":  # CompressAI's normalisation multiplies by a matrix over channels
            count.macs += output.numel() * output.shape[1]

    hooks = [module.register_forward_hook(add) for module in network.modules()]
    try:
        yield count
    finally:
        for hook in hooks:
            hook.remove()


def kilo_macs(networks: Mapping[str, nn.Module], work: Callable[[], object]) -> dict[str, float]:
    """Thousands of multiply-accumulates for each pixel of a picture of SIZE that `work` codes, network by network."""
    with ExitStack() as stack:
        counts = {name: stack.enter_context(counted(network)) for name, network in networks.items()}
        work()
    return {name: count.macs / (1000 * SIZE[0] * SIZE[1]) for name, count in counts.items()}


def macs_table(codecs: Sequence[Peer]) -> str:
    """kMAC per pixel to encode and to decode with the codecs that have networks, in Markdown."""
    picture = np.zeros((*SIZE, 3), np.uint8)  # quick to code; the networks compute the same for any other
    rows = []
    for peer in codecs:
        setting = peer.settings[len(peer.settings) // 2]  # which one makes no difference
        data = peer.encode(picture, setting)
        works: dict[str, Callable[[], object]] = {
            "encoding": partial(peer.encode, picture, setting),
            "decoding": partial(peer.decode, data),
        }
        for name, work in works.items():
            parts = kilo_macs(peer.networks, work)
            by_network = ", ".join(f"{part} {value:.1f}" for part, value in parts.items() if value)
            rows.append((peer.name, name, f"{sum(parts.values()):.1f}", by_network))
    return table(("codec", "work", "kMAC per pixel", "by network"), rows)
