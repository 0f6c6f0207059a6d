"""Training of the classifier of jigsaw puzzles, whose features the gate and the experiment on Fashion-MNIST take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .jigsaw import TILES, Jigsaw, permutations


@dataclass(frozen=True)
class Recipe:
    """Settings of a training of `Jigsaw`."""

    optimizer: type[torch.optim.Optimizer]
    options: dict[str, Any]  # the optimiser's, such as lr
    epochs: int
    batch: int = 128
    standardise: bool = False  # inputs to mean 0 and variance 1, with the statistics of the training images


APPENDIX_A = Recipe(torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}, epochs=200)
PHOTOS = Recipe(torch.optim.AdamW, {"lr": 1e-3}, epochs=200, standardise=True)  # appendix A's learns nothing on photos


def train_jigsaw(images: Tensor, recipe: Recipe, seed: int, tile: int = 7) -> Iterator[tuple[Jigsaw, dict[str, float]]]:
    """Train the classifier of permutations, an epoch at each step of the iterator.

    Args:
        images: float (n, channels, h, w).
        recipe: the settings.
        seed: of torch's generator, which draws weights, permutations and places of tiles.
        tile: side of a tile in pixels.

    Yields:
        the network, in evaluation mode after the last epoch, with the epoch's mean `loss` in nats and its `accuracy`.

    Raises:
        ValueError: images that are too small for the tiles.
    """
    torch.manual_seed(seed)
    net = Jigsaw(images.shape[1], tile)
    orders = torch.from_numpy(permutations())
    if recipe.standardise:
        samples = net.puzzle(images, torch.arange(TILES)[None]).flatten(0, 1)
        net.mean.copy_(samples.mean(0))
        net.scale.copy_(samples.std(0).clamp_min(1e-3))
    optimizer = recipe.optimizer(net.parameters(), **recipe.options)
    for epoch in range(recipe.epochs):
        net.train()
        loss_sum = right = 0.0
        for batch in torch.split(torch.randperm(len(images)), recipe.batch):
            label = torch.randint(len(orders), (len(batch),))
            logits = net(net.puzzle(images[batch], orders[label]))
            loss = F.cross_entropy(logits, label)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += int((logits.argmax(1) == label).sum())
        if epoch == recipe.epochs - 1:
            net.eval()
        yield net, {"loss": loss_sum / len(images), "accuracy": right / len(images)}
