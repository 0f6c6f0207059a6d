"""What tiles see of one another."""

from __future__ import annotations

from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from svcodec.codec import tiling
from svcodec.codec.descent import MEETING, Descent, Meeting
from svcodec.codec.model import Model
from svcodec.codec.model_files import load_model
from svcodec.codec.tiling import Where, at_level, numbers_in, tiles_of


def places(where: Where, k: int) -> torch.Tensor:
    """Each position's own row and column in y_k of the picture, (1, 2, h, w)."""
    rows, columns = (torch.arange(side.start, side.stop) for side in at_level(where, k))
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 330)] * 2), st.tuples(*[st.floats(0, 1)] * 4))
def test_a_tile_sees_all_around_it(size: tuple[int, int], corners: tuple[float, ...]) -> None:
    """In any part of a picture, each tile that it takes being reached once."""
    model = load_model()
    assert isinstance(model, Model)
    top, bottom = sorted(int(corner * (size[0] - 1)) for corner in corners[:2])
    left, right = sorted(int(corner * (size[1] - 1)) for corner in corners[2:])
    with mock.patch.object(tiling, "TILE", 128):
        tiles = tiles_of(size, exact=False)
        reached: list[int] = []

        def reach(number: int) -> Descent:
            reached.append(number)
            inside = tiles[number].inside
            levels = places(inside, MEETING), places(inside, MEETING + 1)
            return Descent(model.network.ladder, model.at(), inside, MEETING, *levels)

        meeting = Meeting(tiles, reach)
        wanted = slice(top, bottom + 1), slice(left, right + 1)
        for number in numbers_in([tile.inside for tile in tiles], wanted):
            around = meeting.around(number)
            assert around.where == tiles[number].around
            assert torch.equal(around.level, places(around.where, MEETING))
            assert torch.equal(around.features, places(around.where, MEETING + 1))
        assert len(set(reached)) == len(reached)
        assert len(meeting.reached) <= 2 * -(-size[1] // 64) + 3
