"""Effort: what `lossless` spends on a picture."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import svcodec
from svcodec import cli


@pytest.fixture(scope="module")
def crop(portrait_path: Path) -> np.ndarray:
    """A part of a photo, of odd size."""
    with Image.open(portrait_path) as photo:
        return np.asarray(photo.convert("RGB"))[101:332, 90:301]


def test_more_effort_makes_no_photo_larger(codec: svcodec.Codec, crop: np.ndarray) -> None:
    sizes = []
    for effort in range(1, 10):
        data = codec.encode(crop, tier="lossless", effort=effort)
        assert svcodec.inspect(data).plain is None
        assert np.array_equal(np.asarray(codec.decode(data)), crop)
        sizes.append(len(data))
    assert all(after < 1.002 * before for before, after in itertools.pairwise(sizes))
    assert max(sizes[8], sizes[4]) < sizes[0]


@pytest.mark.parametrize("effort", [1, 2, 3, 6, 9])
def test_every_effort_codes_grey_odd_sizes_and_alpha(codec: svcodec.Codec, crop: np.ndarray, effort: int) -> None:
    for image in (crop[:33, :47, 1], crop[:1, :1], crop[:35, :2], np.dstack([crop[:21, :30], crop[:21, :30, 0]])):
        data = codec.encode(image, tier="lossless", effort=effort)
        assert np.array_equal(np.asarray(codec.decode(data)), image)


def test_five_is_the_default(codec: svcodec.Codec, crop: np.ndarray) -> None:
    part = crop[:40, :40]
    data = codec.encode(part, tier="lossless")
    assert codec.encode(part, tier="lossless", effort=5) == data
    assert svcodec.encode(part, tier="lossless", effort=np.int64(5)) == data


@pytest.mark.parametrize(
    ("tier", "effort", "text"),
    [
        ("lossless", 0, "effort must be a whole number from 1 to 9, not 0"),
        ("lossless", 10, "from 1 to 9"),
        ("lossless", 5.0, "whole number"),
        ("lossless", True, "whole number"),
        ("standard", 5, "tier standard takes no effort"),
        ("sketch", 1, "takes no effort"),
    ],
)
def test_other_efforts_are_refused(
    codec: svcodec.Codec, crop: np.ndarray, tier: str, effort: object, text: str
) -> None:
    with pytest.raises(svcodec.InputError, match=text):
        codec.encode(crop, tier=tier, effort=effort)


def test_the_command_line_takes_an_effort(crop: np.ndarray, tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "a.svc"
    Image.fromarray(crop[:64, :64]).save(source)

    def run(*options: str) -> Result:
        arguments = ["encode", str(source), "-o", str(target), "--overwrite", "--gate", "off", *options]
        return CliRunner().invoke(cli.main, arguments)

    for effort in (1, 9):
        assert run("--tier", "lossless", "--effort", str(effort)).exit_code == 0
        assert target.read_bytes() == svcodec.encode(source, tier="lossless", effort=effort)
    assert run("--tier", "lossless", "--effort", "10").exit_code == 2
    refused = run("--effort", "5")
    assert refused.exit_code == 1
    assert "tier standard takes no effort" in refused.stderr
