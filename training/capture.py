"""A training step as one CUDA graph: thousands of small kernels that the host starts at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Figures = dict[str, Tensor]  # 0-dimensional, on the device

WARM_UP = 3  # steps before a graph is captured, in which libraries choose their kernels and constants are made


def captured(step: Callable[[], Figures], device: torch.device) -> Callable[[], Figures]:
    """`step`, replayed from a CUDA graph where the device can do that, or else as it is.

    A step that can be captured asks nothing of the host: it draws from the device's generator, has the same shapes
    every time, reads no result and sends the device no tensor. What it returns, and the gradients it leaves, are then
    the same tensors after every replay, with new values.
    """
    if device.type != "cuda":
        return step
    aside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream(device).wait_stream(aside)
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    before = generator.clone_state()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            figures = step()
    except RuntimeError as error:
        torch.cuda.synchronize(device)
        generator.graphsafe_set_state(before)  # the other one still waits for the capture's end
        print(f"steps run one by one: {error}", flush=True)
        return step

    def replay() -> Figures:
        graph.replay()
        return figures

    return replay
