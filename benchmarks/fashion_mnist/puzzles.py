"""Training of the classifier of jigsaw puzzles by appendix A."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from .jigsaw import Jigsaw, permutations

EPOCHS = 200
BATCH = 128


def train_jigsaw(
    images: Tensor, seed: int, epochs: int = EPOCHS, batch: int = BATCH
) -> Iterator[tuple[Jigsaw, dict[str, float]]]:
    """Train the classifier of permutations, an epoch at each step of the iterator.

    Args:
        images: float (n, 1, h, w).
        seed: of torch's generator, which draws weights, permutations and places of tiles.
        epochs: passes over the images.
        batch: of images in a step.

    Yields:
        the network, in evaluation mode after the last epoch, with the epoch's mean `loss` in nats and its `accuracy`.

    Raises:
        ValueError: images that are too small for the tiles.
    """
    torch.manual_seed(seed)
    net = Jigsaw()
    orders = torch.from_numpy(permutations())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for epoch in range(epochs):
        net.train()
        loss_sum = right = 0.0
        for chosen in torch.split(torch.randperm(len(images)), batch):
            label = torch.randint(len(orders), (len(chosen),))
            logits = net(net.puzzle(images[chosen], orders[label]))
            loss = F.cross_entropy(logits, label)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.item() * len(chosen)
            right += int((logits.argmax(1) == label).sum())
        if epoch == epochs - 1:
            net.eval()
        yield net, {"loss": loss_sum / len(images), "accuracy": right / len(images)}
