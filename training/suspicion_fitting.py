"""Training of the network that tells statistics of photos from those of other pictures: seconds on one core."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..gate.suspicion import Suspicion, inputs
from ..gate.typicality import Values

NETWORKS = 3  # whose mean is taken
HIDDEN = 48
STEPS, BATCH = 1200, 256
RATE, DECAY = 3e-3, 0.1  # AdamW's; the rate falls to nothing
NOISE = 0.2  # deviations, added to the values at every step
SEED = 0


def fit_suspicion(photos: Values, others: Values) -> Suspicion:
    """Of scaled statistics of photos, (n, d), and of other pictures, (m, d); both count as much."""
    samples = [torch.from_numpy(inputs(part)).float() for part in (photos, others)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        nets = [train(*samples) for _ in range(NETWORKS)]
    bias = torch.stack([last.bias for _, last in nets]).sum(0)
    return Suspicion(
        to_values(torch.cat([first.weight for first, _ in nets])),
        to_values(torch.cat([first.bias for first, _ in nets])),
        to_values(torch.cat([*(last.weight[0] for _, last in nets), bias]) / NETWORKS),
    )


def train(photos: Tensor, others: Tensor) -> tuple[nn.Linear, nn.Linear]:
    """The layers of a network that gives photos positive logits, others negative ones."""
    first, last = nn.Linear(photos.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
    net = nn.Sequential(first, nn.ReLU(), last)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    labels = torch.arange(BATCH) % 2
    for _ in range(STEPS):
        drawn = [part[torch.randint(len(part), (BATCH // 2,))] for part in (others, photos)]
        batch = torch.stack(drawn, 1).flatten(0, 1)
        logits = net(batch + NOISE * torch.randn_like(batch)).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, labels.float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
    return first, last


def to_values(parameter: Tensor) -> Values:
    return parameter.detach().double().numpy()
