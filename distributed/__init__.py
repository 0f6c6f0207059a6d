"""Many files: coders that can be pickled, and what hands files to them, on one machine or on many."""

from .coders import Coder, Cutter, Decoder, Encoder
from .outcome import Result, Task

__all__ = ["Coder", "Cutter", "Decoder", "Encoder", "Result", "Task"]
