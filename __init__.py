"""svcodec: a learned image codec made of hierarchical self-supervised VAEs.

`encode` and `decode` turn pictures into .svc bytes and back, `decode_array` into arrays; `cut` leaves out what is fine.
`inspect` describes the bytes, `assess` the picture, `inspect_machine` the machine; `Codec` keeps a model for many of
them. `sample` draws pictures from the models of the first paper, `encode_chain` puts many into one file of theirs.
Importing this package also teaches Pillow the format.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import forks as _forks  # noqa: F401
from .codec import pillow_plugin as _pillow_plugin
from .errors import (
    CorruptError,
    DroppedWarning,
    InputError,
    MissingPackageError,
    ModelError,
    NotSvcError,
    OutlierWarning,
    OutOfMemoryError,
    RejectedError,
    StreamError,
    SvcodecError,
    TooLargeError,
    TruncatedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from .codec.arguments import GATES, MAX_PIXELS, SAMPLE_MODES, STRIPS
    from .codec.codec import Codec
    from .codec.cutting import cut
    from .codec.decoding import decode, decode_array, transcode
    from .codec.diagnosis import Machine, inspect_machine
    from .codec.encoding import assess, encode
    from .codec.family.chaining import decode_chain, encode_chain
    from .codec.inspection import Info, Judgement, Segment, inspect
    from .codec.model_files import register_model
    from .codec.pictures.writing import write_picture
    from .codec.sampling import sample
    from .codec.tiers import TIERS, TUNES
    from .gate.assessment import Assessment, Calibration

__version__ = "0.1.0"
__all__ = [
    "GATES",
    "MAX_PIXELS",
    "SAMPLE_MODES",
    "STRIPS",
    "TIERS",
    "TUNES",
    "Assessment",
    "Calibration",
    "Codec",
    "CorruptError",
    "DroppedWarning",
    "Info",
    "InputError",
    "Judgement",
    "Machine",
    "MissingPackageError",
    "ModelError",
    "NotSvcError",
    "OutOfMemoryError",
    "OutlierWarning",
    "RejectedError",
    "Segment",
    "StreamError",
    "SvcodecError",
    "TooLargeError",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "assess",
    "cut",
    "decode",
    "decode_array",
    "decode_chain",
    "encode",
    "encode_chain",
    "inspect",
    "inspect_machine",
    "register_model",
    "sample",
    "transcode",
    "write_picture",
]

# What is imported when it is first used: torch takes seconds, and most of a shell's commands don't need it.
_LAZY = {
    "GATES": "codec.arguments",
    "MAX_PIXELS": "codec.arguments",
    "STRIPS": "codec.arguments",
    "Assessment": "gate.assessment",
    "Calibration": "gate.assessment",
    "assess": "codec.encoding",
    "Codec": "codec.codec",
    "cut": "codec.cutting",
    "decode": "codec.decoding",
    "decode_array": "codec.decoding",
    "encode": "codec.encoding",
    "decode_chain": "codec.family.chaining",
    "encode_chain": "codec.family.chaining",
    "Machine": "codec.diagnosis",
    "inspect_machine": "codec.diagnosis",
    "Info": "codec.inspection",
    "Judgement": "codec.inspection",
    "Segment": "codec.inspection",
    "inspect": "codec.inspection",
    "register_model": "codec.model_files",
    "SAMPLE_MODES": "codec.arguments",
    "sample": "codec.sampling",
    "TIERS": "codec.tiers",
    "TUNES": "codec.tiers",
    "transcode": "codec.decoding",
    "write_picture": "codec.pictures.writing",
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
