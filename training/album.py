"""Random crops of photos that lie in a device's memory and are softened there: the host is asked nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

GRAPHICS = 0.15  # of all crops show no photo
MAX_NOISE = 3.0  # largest standard deviation, in sample units
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
CR, CB = 1.402, 1.772  # red and blue less luma, for each step of JPEG's Cr and Cb
INTERPOLATIONS = tuple(itertools.product(("bilinear", "bicubic"), (False, True)))  # and whether corners are aligned


class Album:
    """Photos and graphics one after the other in one tensor, drawn in proportion to their areas.

    Args:
        photos: uint8 (3, h, w) each.
        graphics: likewise; what is never softened.
        device: where they are to lie.
    """

    def __init__(self, photos: Sequence[Tensor], graphics: Sequence[Tensor], device: torch.device):
        pictures = [*photos, *graphics]
        self.samples = torch.cat([picture.flatten(1) for picture in pictures], 1).to(device)
        sides = torch.tensor([picture.shape[1:] for picture in pictures], dtype=torch.int64)
        areas = sides.prod(1)
        self.sides = sides.to(device)
        self.starts = (areas.cumsum(0) - areas).to(device)
        parts = areas.double().tensor_split([len(photos)])
        shares = [share * part / part.sum() for share, part in zip((1 - GRAPHICS, GRAPHICS), parts, strict=True)]
        reached = torch.cat(shares).cumsum(0)
        self.share = (reached / reached[-1]).float().to(device)
        self.photos = len(photos)

    @torch.no_grad()
    def crops(self, count: int, size: int) -> Tensor:
        """Integers, float (count, 3, size, size): half flipped, half transposed, half of those of photos softened."""
        device = self.samples.device
        which = torch.searchsorted(self.share, torch.rand(count, device=device)).clamp_max(len(self.share) - 1)
        corner = (torch.rand(count, 2, device=device) * (self.sides[which] - size + 1)).long()
        ahead = torch.arange(size, device=device)
        rows, columns = (torch.where(_coin(count, device, 2), ahead, ahead.flip(0)) for _ in range(2))
        turned = _coin(count, device, 3)
        down = corner[:, 0, None, None] + torch.where(turned, rows[:, None, :], rows[:, :, None])
        across = corner[:, 1, None, None] + torch.where(turned, columns[:, :, None], columns[:, None, :])
        places = self.starts[which][:, None, None] + down * self.sides[which, 1][:, None, None] + across
        crops = self.samples[:, places].transpose(0, 1).float()
        softened = (which < self.photos)[:, None, None, None] & _coin(count, device)
        return torch.where(softened, soften(crops), crops)


def soften(samples: Tensor) -> Tensor:
    """Downscaled photos as cameras and scanners give them: soft, noisy, or of half the resolution in colour.

    Sensors see one colour at each pixel, lenses blur, JPEG and Photo CD halve the resolution of chroma: pixels of
    downscaled photos are far sharper than this.

    Args:
        samples: integers, float (b, 3, h, w).

    Returns:
        likewise: half of them a part, enlarged up to twofold, with noise; half with their chroma at half resolution.
    """
    count, device = len(samples), samples.device
    soft = torch.where(_coin(count, device), _enlarged(samples), samples)
    soft = torch.where(_coin(count, device), _halved_chroma(soft), soft)
    return soft.round().clamp(0, 255)


def _enlarged(samples: Tensor) -> Tensor:
    """Their upper left parts, of 0.5 to 1 times the sides, at the size of the whole, with noise."""
    count, device = len(samples), samples.device
    scale = 0.5 + 0.5 * torch.rand(count, 1, device=device)
    zero = torch.zeros_like(scale)
    maps = torch.stack([torch.cat([scale, zero, scale - 1], 1), torch.cat([zero, scale, scale - 1], 1)], 1)
    grid = F.affine_grid(maps, list(samples.shape), align_corners=False)
    linear, cubic = (
        F.grid_sample(samples, grid, mode, padding_mode="border", align_corners=False)
        for mode in ("bilinear", "bicubic")
    )
    noise = torch.randn_like(samples) * (MAX_NOISE * torch.rand(count, 1, 1, 1, device=device))
    return torch.where(_coin(count, device), linear, cubic) + noise


def _halved_chroma(samples: Tensor) -> Tensor:
    """With chroma at half the resolution, interpolated, at random on one of the usual grids.

    Half of the time luma and chroma are integers, as in a JPEG, else as fine as in a scan that is rounded only once.
    """
    count, device = len(samples), samples.device
    luma = (LUMA[0] * samples[:, 0] + LUMA[1] * samples[:, 1] + LUMA[2] * samples[:, 2])[:, None]
    half = F.avg_pool2d(samples[:, ::2] - luma, 2, ceil_mode=True)
    sizes = samples.shape[2:]
    ways = torch.stack([F.interpolate(half, sizes, mode=mode, align_corners=way) for mode, way in INTERPOLATIONS])
    red, blue = ways[torch.randint(len(ways), (count,), device=device), torch.arange(count, device=device)].unbind(1)
    fine = torch.cat([luma, red[:, None], blue[:, None]], 1)
    rounded = torch.stack([luma[:, 0].round(), (red / CR).round() * CR, (blue / CB).round() * CB], 1)
    luma, red, blue = torch.where(_coin(count, device), rounded, fine).unbind(1)
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    return luma[:, None] + torch.stack([red, green, blue], 1)


def _coin(count: int, device: torch.device, dimensions: int = 4) -> Tensor:
    """True for half of them: (count, 1, .., 1)."""
    return torch.rand(count, *[1] * (dimensions - 1), device=device) < 0.5
