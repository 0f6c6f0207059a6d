"""What all codecs that are compared have in common."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ...arrays import Pixels
from ...errors import MissingPackageError

Setting = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """One codec.

    Attributes:
        name: as in results and on the command line.
        description: what runs, with its version.
        settings: one for each point of its curve, in order of rate.
        encode: uint8 pixels (h, w, 3) at a setting to bytes.
        decode: and back.
        networks: by name, where the codec is learned.
        trained: its weights are there; if not, only its times and multiply-accumulates mean anything.
    """

    name: str
    description: str
    settings: tuple[Setting, ...]
    encode: Callable[[Pixels, Setting], bytes] = field(repr=False)
    decode: Callable[[bytes], Pixels] = field(repr=False)
    networks: Mapping[str, nn.Module] = field(default_factory=dict, repr=False)
    trained: bool = True


def settings_of(option: str, *values: Any) -> tuple[Setting, ...]:
    """A setting for each value of an option."""
    return tuple({option: value} for value in values)


def import_for(peer: str, module: str, extra: str = "bench") -> Any:
    """A module that a peer needs. Raises MissingPackageError, naming the extra of svcodec that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackageError(f'{peer} needs the package {package}: pip install "svcodec[{extra}]"') from error
