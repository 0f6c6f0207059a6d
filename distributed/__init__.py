"""Many files: coders that can be pickled, and what hands files to them, on one machine or on many."""

from .coders import Decoder, Encoder
from .outcome import Outcome, Result, Task

__all__ = ["Decoder", "Encoder", "Outcome", "Result", "Task"]
