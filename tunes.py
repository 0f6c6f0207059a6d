"""What a lossy picture may be tuned for: a byte in files, the index of tables in models."""

from __future__ import annotations

from enum import IntEnum


class Tune(IntEnum):
    """By what the difference between a decoded picture and its original is judged."""

    PSNR = 0  # squared error
    SSIM = 1  # structure, as the eye sees it: MS-SSIM and SSIMULACRA 2, with a share of squared error
