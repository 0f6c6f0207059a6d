"""Checkpoints of trainings: read, and held against the network that they are to be of."""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import InputError

_BROKEN = (  # what torch raises for other files
    *(pickle.UnpicklingError, struct.error, ArithmeticError, AssertionError, AttributeError, EOFError),
    *(LookupError, RuntimeError, TypeError, ValueError),
)

_VALUES: dict[str, Callable[[Any], bool]] = {  # whether something can be what a checkpoint has by that name
    "net": lambda value: isinstance(value, dict),
    "average": lambda value: isinstance(value, dict),
    "optimizer": lambda value: isinstance(value, list),
    "step": lambda value: type(value) is int and value >= 0,
    "minutes": lambda value: type(value) is float and 0 <= value < math.inf,
}


def read(checkpoint: Path, *needed: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a training wrote: `net` and `average`, states of networks; `optimizer`; `step`; `minutes`.

    Raises InputError where there is no such file, or it is something else, without what is needed of these.
    """
    if not checkpoint.exists():
        raise InputError(f"there is no {checkpoint}: train the {checkpoint.stem} first")
    try:
        state = torch.load(checkpoint, map_location=device, weights_only=True)
    except _BROKEN as error:
        told = "" if isinstance(error, LookupError) else str(error).partition(". ")[0]  # it would be a number
        raise InputError(f"{checkpoint} can't be read as a checkpoint: {told or type(error).__name__}") from error
    if not isinstance(state, dict) or not all(name in state and _VALUES[name](state[name]) for name in needed):
        raise InputError(f"{checkpoint} is no checkpoint of a training")
    return state


def parts_of(net: nn.Module, parts: Collection[str]) -> dict[str, Any]:
    """The state of some of a network's children, by names in the network."""
    return {name: value for name, value in net.state_dict().items() if name.split(".")[0] in parts}


def load_parts(net: nn.Module, parts: Collection[str], state: Mapping[str, Any], checkpoint: Path) -> None:
    """Inverse of `parts_of`. Raises InputError, which names the checkpoint, for the state of another network."""
    own, given = (
        {name: getattr(value, "shape", None) for name, value in of.items()} for of in (parts_of(net, parts), state)
    )
    if own != given:
        raise InputError(f"{checkpoint} is of another network")
    net.load_state_dict(state, strict=False)


def load_average(net: nn.Module, parts: Collection[str], checkpoint: Path) -> None:
    """Load the averaged weights of the parts that a checkpoint is of. Raises InputError as `read` and `load_parts`."""
    load_parts(net, parts, read(checkpoint, "average")["average"], checkpoint)
