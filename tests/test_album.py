"""Crops to train on: parts of the photos, of the right shares, softened as cameras and scanners do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from svcodec.training import pages
from svcodec.training.album import GRAPHICS, Album, soften
from svcodec.training.photos import Photos

CPU = torch.device("cpu")


def numbered(height: int, width: int, first: int) -> Tensor:
    """A picture whose samples tell where they are: rows in red, columns in green, the picture in blue."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    planes = torch.broadcast_tensors(rows, columns, torch.tensor(first))
    return torch.stack(planes).to(torch.uint8)


def test_crops_are_squares_of_the_pictures() -> None:
    torch.manual_seed(0)
    album = Album([], [numbered(40, 60, 1), numbered(90, 33, 2)], CPU)  # graphics are never softened
    crops = album.crops(200, 32)
    assert crops.dtype == torch.float32 and crops.shape == (200, 3, 32, 32)
    seen = set()
    for crop in crops:
        red, green, blue = crop
        assert blue.unique().numel() == 1
        turned = bool((red[0] != red[0, 0]).any())
        rows, columns = (red[0], green[:, 0]) if turned else (red[:, 0], green[0])
        height, width = ((40, 60), (90, 33))[int(blue[0, 0]) - 1]
        for places, side in ((rows, height), (columns, width)):
            assert set(places.diff().abs().tolist()) == {1.0}
            assert float(places.min()) >= 0 and float(places.max()) < side
        seen.add((int(blue[0, 0]), turned, bool(rows.diff()[0] < 0), bool(columns.diff()[0] < 0)))
    assert len(seen) == 16  # of both pictures, all eight ways


def test_pictures_are_drawn_by_their_areas() -> None:
    torch.manual_seed(0)
    flat = [torch.full((3, 32, side), value, dtype=torch.uint8) for side, value in ((32, 0), (96, 100), (64, 200))]
    album = Album(flat[:2], flat[2:], CPU)
    means = album.crops(4000, 32).mean((1, 2, 3))
    assert float((means > 150).float().mean()) == pytest.approx(GRAPHICS, abs=0.03)
    assert float((means < 50).float().mean()) == pytest.approx((1 - GRAPHICS) / 4, abs=0.03)


def test_photos_are_softened() -> None:
    torch.manual_seed(0)
    sharp = torch.randint(0, 256, (64, 3, 33, 47)).float()
    soft = soften(sharp)
    assert soft.shape == sharp.shape
    assert torch.equal(soft, soft.round()) and float(soft.min()) >= 0 and float(soft.max()) <= 255
    changed = (soft != sharp).flatten(1).any(1).float().mean()
    assert 0.5 < float(changed) < 0.95
    chroma = sharp[:, 0] - sharp[:, 2], soft[:, 0] - soft[:, 2]
    assert float(chroma[1].diff().abs().mean()) < 0.8 * float(chroma[0].diff().abs().mean())
    smooth = torch.arange(64.0).expand(8, 3, 64, 64) * 2
    assert float((soften(smooth) - smooth).abs().mean()) < 40  # parts of it enlarged, in place


def test_batches_are_of_photos_and_graphics(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "OF_EACH_KIND", 1)
    batch = Photos([album], smallest=32).batch(6, 32, CPU)
    assert batch.shape == (6, 3, 32, 32)
    assert torch.equal(batch, batch.round())
