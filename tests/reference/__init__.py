"""A second decoder of .svc files, written from docs/format.md alone: slow, short, and in the order of that page.

It shares nothing with svcodec, neither code nor the libraries that do its work: NumPy, zlib and Pillow, for the WebP
and PNG inside a file, are all. So the tests can hold svcodec against what the page says.
"""

from .pictures import decode
from .stream import Malformed
from .weights import Model

__all__ = ["Malformed", "Model", "decode"]
