"""`svcodec.sample` and `svcodec sample`: pictures from a model file, by a seed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from family_models import network_of, written
from PIL import Image, PngImagePlugin

import svcodec
from svcodec.codec.model_files import DEFAULT_MODEL
from svcodec.family import stored
from svcodec.family.configuration import Configuration
from svcodec.family.generation import MODES
from svcodec.family.hierarchy import build
from svcodec.family.representations import REPRESENTATIONS

RECONSTRUCTIONS = [mode for mode in svcodec.SAMPLE_MODES if mode.startswith(("conditional", "reconstruction"))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained selfVAE of pictures of 16 x 16."""
    path = tmp_path_factory.mktemp("family") / "own.safetensors"
    torch.manual_seed(0)
    sizes = {"latent_side": 4, "latent_channels": 2, "width": 8, "layers": 1, "blocks": 1, "couplings": 2}
    stored.save(build(Configuration(16, ("downscale",), **sizes)), path)
    return path


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    path = tmp_path / "vae.safetensors"
    stored.save(build(Configuration(16, width=8, layers=1, blocks=1, couplings=2)), path)
    return path


def samples(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image) for image in images])


def test_modes_are_the_familys() -> None:
    assert set(MODES) < set(svcodec.SAMPLE_MODES)
    assert svcodec.SAMPLE_MODES[0] == "generation"


def test_generation(model: Path) -> None:
    images = svcodec.sample(model, count=3, seed=4)
    assert [(image.mode, image.size) for image in images] == [("RGB", (16, 16))] * 3
    assert np.array_equal(samples(images), samples(svcodec.sample(str(model), count=3, seed=4)))
    assert not np.array_equal(samples(images), samples(svcodec.sample(model, count=3, seed=5)))


@pytest.mark.parametrize("mode", [*RECONSTRUCTIONS, "super-resolution", "edit"])
def test_modes_from_pictures(model: Path, mode: str, photo: np.ndarray, portrait_path: Path) -> None:
    images = svcodec.sample(model, [photo, portrait_path, photo[..., 0]], mode=mode, count=2, seed=1)
    assert [(image.mode, image.size) for image in images] == [("RGB", (16, 16))] * 6
    again = svcodec.sample(model, [photo, portrait_path, photo[..., 0]], mode=mode, count=2, seed=1)
    assert np.array_equal(samples(images), samples(again))
    assert not np.array_equal(np.asarray(images[0]), np.asarray(images[1]))


def test_interpolation_and_super_resolution(model: Path, photo: np.ndarray) -> None:
    assert len(svcodec.sample(model, [photo, 255 - photo], mode="interpolation", count=5)) == 5
    small = photo[:8, :8]  # of y's own size, so it is y
    large = np.kron(small, np.ones((2, 2, 1), np.uint8))  # whose y that is
    by_small, by_large = (svcodec.sample(model, [each], mode="super-resolution") for each in (small, large))
    assert np.array_equal(samples(by_small), samples(by_large))


def test_a_sketch_stands_for_itself(tmp_path: Path, photo: np.ndarray) -> None:
    """Though it is as large as a picture; another grey picture does not."""
    model = written(network_of("sketch"), tmp_path)
    side = stored.from_bytes(model.read_bytes(), "own").configuration.side
    picture = photo[:side, :side]
    sketch = REPRESENTATIONS["sketch"](torch.from_numpy(picture).permute(2, 0, 1)[None].float())
    given = sketch[0, 0].to(torch.uint8).numpy()
    of_picture, of_sketch, of_grey = (
        samples(svcodec.sample(model, [each], mode="super-resolution")) for each in (picture, given, given // 17)
    )
    assert np.array_equal(of_picture, of_sketch)
    assert not np.array_equal(of_sketch, of_grey)


def test_turned_pictures_are_upright(model: Path, photo: np.ndarray) -> None:
    image, file = Image.fromarray(np.rot90(photo)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    image.save(file, "PNG", exif=exif)
    turned, upright = (samples(svcodec.sample(model, [each], mode="edit")) for each in (file.getvalue(), photo))
    assert np.array_equal(turned, upright)


def test_a_program_that_computes_otherwise(model: Path, photo: np.ndarray) -> None:
    expected = samples(svcodec.sample(model, [photo], mode="reconstruction-1", count=2))
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"), torch.autocast("cpu", torch.bfloat16):
            found = samples(svcodec.sample(model, [photo], mode="reconstruction-1", count=2))
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(found, expected)


def test_whole_numbers_of_any_type(model: Path) -> None:
    expected = samples(svcodec.sample(model, count=2, seed=1))
    assert np.array_equal(samples(svcodec.sample(model, count=np.int8(2), seed=np.int64(1))), expected)
    assert np.array_equal(samples(svcodec.sample(model, count=2, seed=torch.tensor(1))), expected)


def test_nothing_redrawn_leaves_all_but_x(model: Path, photo: np.ndarray) -> None:
    """An empty list is not the default."""
    first, second = (
        samples(svcodec.sample(model, [photo], mode="edit", redrawn=names, mean=True, count=2)) for names in ([], None)
    )
    assert np.array_equal(first[0], first[1])
    assert not np.array_equal(second[0], second[1])


def test_what_can_not_be_sampled(model: Path, vae: Path, photo: np.ndarray, tmp_path: Path) -> None:
    for options, text in (
        ({"mode": "dream"}, "no mode 'dream'"),
        ({"pictures": [photo]}, "generation takes none of pictures, not 1"),
        ({"mode": "edit"}, "edit takes at least one"),
        ({"mode": "interpolation", "pictures": [photo]}, "interpolation takes two of pictures, not 1"),
        ({"mode": "edit", "pictures": [photo], "redrawn": ["z_2"]}, "no variable 'z_2'"),
        ({"mode": "reconstruction-1", "pictures": "photo.png"}, "a list of pictures, not str"),
        ({"mode": "reconstruction-1", "pictures": photo}, "a list of pictures, not ndarray"),
        ({"mode": "reconstruction-1", "pictures": iter([photo])}, "a list of pictures"),
        ({"mode": "reconstruction-1", "pictures": [photo], "max_pixels": 100}, "the limit is"),
        ({"mode": "edit", "pictures": [photo], "redrawn": "z_1"}, "list of names"),
        ({"mode": "edit", "pictures": [photo], "redrawn": 1}, "list of names"),
        ({"mode": "reconstruction-1", "pictures": [photo], "redrawn": ["u"]}, "in mode edit, not in"),
        ({"mode": "reconstruction-1", "pictures": [photo] * 1025}, "1025 pictures: at most 1024"),
        ({"mode": np.array(["edit", "edit"])}, "no mode"),
        ({"mean": np.array([True, False])}, "mean must be True or False"),
        ({"mode": "reconstruction-1", "pictures": [photo.astype(np.uint16)]}, "16 bits per sample"),
        ({"mode": "interpolation", "pictures": [photo, photo], "count": 1}, "at least two steps"),
        ({"count": 0}, "count must be a whole number"),
        ({"count": 2000}, "count must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ):
        with pytest.raises(svcodec.InputError, match=text):
            svcodec.sample(model, **options)
    for mode in ("conditional-generation", "super-resolution"):
        with pytest.raises(svcodec.InputError, match=r"VAE.* ha(s|s none|s no)"):
            svcodec.sample(vae, [photo], mode=mode)
    (tmp_path / "text.safetensors").write_text("no model")
    for name, text in (
        (DEFAULT_MODEL, "none of the family"),
        ("unknown-1", "unknown-1"),
        (tmp_path / "none.safetensors", "No such file"),
        (tmp_path / "text.safetensors", "no safetensors file"),
    ):
        with pytest.raises(svcodec.ModelError, match=text):
            svcodec.sample(name)
    for name in (None, 5, b"own.safetensors", f"../../{model.with_suffix('')}"):
        with pytest.raises(svcodec.ModelError, match=r"by its name or path|can't be a model's name"):
            svcodec.sample(name)
    with pytest.raises(svcodec.ModelError, match="device 'abacus'"):
        svcodec.sample(model, device="abacus")


def test_command(model: Path, portrait_path: Path, tmp_path: Path, svc: Callable[..., Result]) -> None:
    sheet = tmp_path / "sheet.png"
    result = svc("sample", model, "-o", sheet, "-n", "3", "--seed", "1")
    assert (result.exit_code, result.stdout) == (0, f"3 pictures -> {sheet}\n")
    first = sheet.read_bytes()
    assert Image.open(io.BytesIO(first)).size == (3 * 130 + 2, 132)
    assert "is there already" in svc("sample", model, "-o", sheet).stderr
    assert svc("sample", model, "-o", sheet, "-n", "3", "--seed", "1", "--overwrite").exit_code == 0
    assert sheet.read_bytes() == first
    options = ("--mode", "edit", "--from", portrait_path, "--from", portrait_path, "--redraw", "u", "-n", "4", "--mean")
    result = svc("sample", model, "-o", "-", *options)
    assert result.exit_code == 0
    assert Image.open(io.BytesIO(result.stdout_bytes)).size == (5 * 130 + 2, 2 * 130 + 2)
    assert result.stderr == "8 pictures -> -\n"


def test_inputs_are_never_replaced(model: Path, tmp_path: Path, svc: Callable[..., Result]) -> None:
    start, own = tmp_path / "start.png", tmp_path / "own.png"
    Image.new("RGB", (8, 8)).save(start)
    own.write_bytes(model.read_bytes())
    before = start.read_bytes(), own.read_bytes()
    for arguments, code, text in (
        ((model, "--mode", "edit", "--from", start, "-o", start), 1, "start.png is an input"),
        ((own, "-o", own), 1, "own.png is an input"),
        ((model, "-o", model), 2, "has to end in .png"),
    ):
        result = svc("sample", *arguments, "--overwrite")
        assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
    assert (start.read_bytes(), own.read_bytes()) == before


def test_a_start_that_can_not_be_shown(model: Path, tmp_path: Path, svc: Callable[..., Result]) -> None:
    """Pillow reads no text so long."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "long" * 500_000, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "start.png", pnginfo=texts)
    options = ("--mode", "reconstruction-1", "--from", tmp_path / "start.png")
    result = svc("sample", model, "-o", tmp_path / "sheet.png", *options)
    assert result.exit_code == 1 and "can't be shown on the sheet" in result.stderr
    options = (*options, "--max-pixels", 9)
    assert "the limit is 9" in svc("sample", model, "-o", tmp_path / "sheet.png", *options).stderr


def test_command_says_what_is_wrong(model: Path, tmp_path: Path, svc: Callable[..., Result]) -> None:
    sheet = str(tmp_path / "sheet.png")
    for options, code, text in (
        (("--mode", "dream"), 2, "'dream' is not one of"),
        (("--mode", "edit"), 1, "edit takes at least one of pictures"),
        (("--mode", "edit", "--from", str(tmp_path / "none.png")), 1, "none.png"),
        (("--mode", "edit", "--from", __file__), 1, f"{__file__}: not a picture"),
    ):
        result = svc("sample", model, "-o", sheet, *options)
        assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
    assert not list(tmp_path.iterdir())


def test_a_colour_picture_of_ys_size_stands_for_a_grey_y(tmp_path: Path) -> None:
    path = written(network_of("downscale+sketch"), tmp_path)
    first, second = (np.full((4, 4, 3), colour, np.uint8) for colour in ((10, 250, 90), (10, 10, 10)))
    drawn = [samples(svcodec.sample(path, [y], mode="super-resolution", mean=True)) for y in (first, second)]
    assert not np.array_equal(*drawn)
