"""What a run has finished: networks, mixtures and scores, kept so that an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn
from tqdm import tqdm

from ...errors import InputError
from ...files import write_whole
from ...gate.mixture import Mixture

Net = TypeVar("Net", bound=nn.Module)


class Store:
    """A folder with `settings.json`, `nets/NAME.safetensors` and `scores/NAME.safetensors`."""

    def __init__(self, folder: Path, settings: dict[str, Any]):
        """Raises InputError where the folder holds a run of other settings."""
        self.folder = folder
        text = (json.dumps(settings, indent=1) + "\n").encode()
        file = folder / "settings.json"
        if not file.exists():
            write_whole(file, text)
        elif file.read_bytes() != text:
            raise InputError(f"{folder} holds a run of other settings: take another folder")

    def tensors(self, path: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """The tensors in a file, made and written first where it is missing."""
        file = self.folder / f"{path}.safetensors"
        if not file.exists():
            tensors = {key: tensor.contiguous() for key, tensor in make().items()}
            write_whole(file, safetensors.torch.save(tensors))
        return safetensors.torch.load_file(file)

    def network(self, name: str, empty: Net, training: Iterator[tuple[Net, dict[str, float]]], epochs: int) -> Net:
        """A trained network in evaluation mode, which takes no gradients.

        Args:
            empty: a network of the same architecture, which is filled and returned.
            training: yields the network and its figures at each epoch; run where the network is not stored.
        """

        def train() -> dict[str, Tensor]:
            net: nn.Module = empty
            with tqdm(training, name, total=epochs) as progress:
                for trained, figures in progress:
                    net = trained
                    progress.set_postfix(figures)
            return net.state_dict()

        empty.load_state_dict(self.tensors(f"nets/{name}", train))
        return empty.eval().requires_grad_(False)

    def mixture(self, name: str, fit: Callable[[], Mixture]) -> Mixture:
        """A fitted mixture."""
        return Mixture.from_tensors(self.tensors(f"nets/{name}", lambda: fit().to_tensors()))

    def scores(self, name: str, score: Callable[[Tensor], Tensor], sets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores of several sets of images, float64 (n,) each; all draw the same random numbers."""

        def compute() -> dict[str, Tensor]:
            values = {}
            for key, images in tqdm(sets.items(), name):
                torch.manual_seed(0)
                values[key] = score(images).double()
            return values

        return self.tensors(f"scores/{name}", compute)
