"""Small pictures, and files that Pillow reads but can't write."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner, Result
from hypothesis import settings
from PIL import Image

if TYPE_CHECKING:
    import svcodec

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes, which share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("svcodec", deadline=None)  # how long a test takes is no property of the code
settings.load_profile("svcodec")

Samples = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def photo() -> Samples:
    """A smooth RGB picture, uint8 of shape (24, 40, 3)."""
    rows, columns = np.mgrid[:24, :40]
    channels = (128 + 100 * np.sin(columns / 9), 6 * rows + columns, 200 - 3 * rows - columns)
    return np.stack(channels, axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """The demo's photo: a JPEG of 512 x 600 pixels."""
    return Path(str(resources.files("svcodec.cli") / "grace-hopper.jpg"))


@pytest.fixture(scope="session")
def codec() -> svcodec.Codec:
    """With the default model."""
    import svcodec

    return svcodec.Codec()


@pytest.fixture
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the default model under another name; what the test registers is forgotten."""
    from svcodec.codec import model_files

    monkeypatch.setattr(model_files, "_registered", {})
    path = tmp_path / "own.safetensors"
    path.write_bytes(model_files.weights_file(model_files.DEFAULT_MODEL).read_bytes())
    return path


@pytest.fixture(scope="session")
def alpha(photo: Samples) -> Samples:
    """An alpha channel for `photo` with clear, opaque and half transparent samples."""
    return np.add.outer(np.arange(24) * 6, np.arange(40) * 2).clip(0, 255).astype(np.uint8)


@pytest.fixture
def learned() -> Iterator[None]:
    """Pictures are coded by the networks, though plain ones would be shorter."""
    from made import in_codes

    with in_codes():
        yield


@pytest.fixture(scope="session")
def stream(photo: Samples) -> bytes:
    """The stream of `photo` in `lossless`, by the networks, though a plain one would be shorter."""
    from made import in_codes

    import svcodec

    with in_codes():
        return svcodec.encode(photo, tier="lossless")


@pytest.fixture
def png(tmp_path: Path, photo: Samples) -> Path:
    """A file photo.png with that picture."""
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    return path


@pytest.fixture
def svc_file(tmp_path: Path, stream: bytes) -> Path:
    """A file with that stream."""
    path = tmp_path / "stored.svc"
    path.write_bytes(stream)
    return path


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    """A PNG made by hand: `make_png(width, depth, colour_type, row, key)` has one row of packed samples."""

    from made import chunk

    def make(width: int, depth: int, colour_type: int, row: bytes, key: tuple[int, ...] = ()) -> bytes:
        header = struct.pack(">IIBBBBB", width, 1, depth, colour_type, 0, 0, 0)
        transparency = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) if key else b""
        pixels = chunk(b"IDAT", zlib.compress(b"\x00" + row))
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + transparency + pixels + chunk(b"IEND", b"")

    return make


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures of 208 x 192 pixels to train on, some of them in a zip archive."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for i in range(30):
            small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
            path = folder / f"{i:02}.png"
            small.resize((208, 192), Image.Resampling.BICUBIC).save(path)
            if i % 3 == 0:
                archive.write(path, path.name)
                path.unlink()
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def svc() -> Callable[..., Result]:
    """Runs a command of the program in this process: `svc("encode", path, stdin=b"...")`."""
    from svcodec import cli

    def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A file flat.svc that is decoded without networks."""
    import svcodec

    path = tmp_path / "flat.svc"
    path.write_bytes(svcodec.encode(Image.new("RGB", (64, 48), (200, 100, 50)), tier="lossless"))
    return path
