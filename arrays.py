"""The two types of arrays that all rooms share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # samples 0..255 of a picture, (h, w, 3) or (h, w), or of one channel
Integers = npt.NDArray[np.int32]  # whole numbers to and from the entropy coder
