"""A second decoder of .svc files, which follows docs/format.md and nothing else: slow, short, to be read beside it.

It shares nothing with svcodec, neither code nor the libraries that do its work: NumPy, zlib and Pillow, for the WebP
and PNG inside a file, are all. So the tests can hold svcodec against what the page says.
"""

from .pictures import decode
from .stream import Malformed
from .weights import Model

__all__ = ["Malformed", "Model", "decode"]
