"""Pictures of any size as models of the family take them: the square in the middle, scaled."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def square(image: Image.Image, side: int) -> Tensor:
    """The largest square in the middle of an RGB image, scaled: uint8 (3, side, side)."""
    width, height = image.size
    least = min(width, height)
    left, top = (width - least) // 2, (height - least) // 2
    image = image.crop((left, top, left + least, top + least))
    if least != side:
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
