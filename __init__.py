"""svcodec: a learned image codec made of hierarchical self-supervised VAEs.

`encode` and `decode` turn pictures into .svc bytes and back; importing this package also teaches Pillow the format.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .codec import pillow_plugin as _pillow_plugin
from .errors import (
    CorruptError,
    InputError,
    MissingPackageError,
    ModelError,
    NotSvcError,
    OutlierWarning,
    RejectedError,
    StreamError,
    SvcodecError,
    TruncatedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from .codec.codec import Codec, assess, decode, encode
    from .codec.inspection import Info, Judgement, Segment, inspect
    from .codec.tiers import TIERS
    from .gate.assessment import Assessment

__version__ = "0.1.0"
__all__ = [
    "TIERS",
    "Assessment",
    "Codec",
    "CorruptError",
    "Info",
    "InputError",
    "Judgement",
    "MissingPackageError",
    "ModelError",
    "NotSvcError",
    "OutlierWarning",
    "RejectedError",
    "Segment",
    "StreamError",
    "SvcodecError",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "assess",
    "decode",
    "encode",
    "inspect",
]

# What is imported when it is first used: torch takes seconds, and most of a shell's commands don't need it.
_LAZY = {
    "Assessment": "gate.assessment",
    "assess": "codec.codec",
    "Codec": "codec.codec",
    "decode": "codec.codec",
    "encode": "codec.codec",
    "Info": "codec.inspection",
    "Judgement": "codec.inspection",
    "Segment": "codec.inspection",
    "inspect": "codec.inspection",
    "TIERS": "codec.tiers",
}

_pillow_plugin.register()


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
