"""Switches of `svcodec encode` that are the library's: what they do is tested there, here that they get there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from PIL import Image

import svcodec

Run = Callable[..., Result]


@pytest.fixture
def jpeg(tmp_path: Path, photo: npt.NDArray[np.uint8]) -> Path:
    """A photo with a place and a maker."""
    exif, path = Image.Exif(), tmp_path / "photo.jpg"
    exif[0x010F] = "Maker"
    exif[0x8825] = {1: "N"}
    Image.fromarray(photo).save(path, exif=exif)
    return path


@pytest.mark.parametrize("tier", ["sketch", "lossless"])
def test_verified_files_are_the_same(svc: Run, jpeg: Path, tier: str) -> None:
    for name, options in (("a.svc", ()), ("b.svc", ("--verify",))):
        result = svc("encode", jpeg, "-o", jpeg.with_name(name), "--tier", tier, "--gate", "off", *options)
        assert result.exit_code == 0, result.stderr
    assert jpeg.with_name("a.svc").read_bytes() == jpeg.with_name("b.svc").read_bytes()


@pytest.mark.parametrize(("strip", "place", "maker"), [(None, True, True), ("gps", False, True), ("all", False, False)])
def test_what_is_stripped(svc: Run, jpeg: Path, strip: str | None, place: bool, maker: bool) -> None:
    options = ("--strip", strip) if strip else ()
    result = svc("encode", jpeg, "--tier", "sketch", "--gate", "off", *options)
    assert result.exit_code == 0, result.stderr
    exif = svcodec.decode(jpeg.with_suffix(".svc")).getexif()
    assert (bool(exif.get_ifd(0x8825)), 0x010F in exif) == (place, maker)


@pytest.mark.parametrize("command", ["encode", "check"])
def test_larger_pictures_are_taken_on_request(svc: Run, jpeg: Path, command: str) -> None:
    refused = svc(command, jpeg, "--max-pixels", "959")
    assert refused.exit_code == 1
    assert "--max-pixels" in refused.stderr and "unexpected" not in refused.stderr
    taken = svc(command, jpeg, "--max-pixels", "960")
    assert "--max-pixels" not in taken.stderr
    assert jpeg.with_suffix(".svc").exists() == (command == "encode")
