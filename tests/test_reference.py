"""The second decoder (`reference`), which follows docs/format.md, gives the pixels that svcodec gives."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import zlib
from contextlib import nullcontext
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import reference
from made import in_codes
from PIL import Image
from reference.lower_bits import logistic
from reference.stack import Stack as ReferenceStack

import svcodec
from svcodec.bitstream.container import Coding
from svcodec.bitstream.stack import Stack
from svcodec.codec.lossless import TileCoder
from svcodec.codec.sixteen.coding import tables

Samples = npt.NDArray[Any]

GOLDEN = Path(__file__).parent / "golden"
HASHES = json.loads((GOLDEN / "pixels.json").read_text())
TIERS = ("sketch", "preview", "standard", "high", "lossless")
STREAMS, FAST = 200, 20  # random ones, and how many of them are not slow


@pytest.fixture(scope="module")
def model() -> reference.Model:
    return reference.Model((resources.files("svcodec.models") / "weights/photo-7.safetensors").read_bytes())


@pytest.mark.once
def test_it_stands_on_its_own() -> None:
    modules = [ast.parse(path.read_text("utf-8")) for path in Path(reference.__file__).parent.glob("*.py")]
    nodes = [node for module in modules for node in ast.walk(module)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"numpy", "PIL"}


@pytest.mark.parametrize("name", HASHES)
def test_golden_streams(model: reference.Model, name: str) -> None:
    samples = reference.decode((GOLDEN / f"{name}.svc").read_bytes(), model)
    assert hashlib.sha256(samples.tobytes()).hexdigest() == HASHES[name]


def photo(rng: np.random.Generator, size: tuple[int, int], path: Path) -> Samples:
    """A piece of a photo, at some scale."""
    height, width = size
    with Image.open(path) as image:
        shrunk = image.reduce(int(rng.integers(1, 5)))
    top, left = (int(rng.integers(0, max(1, side - own))) for side, own in zip(shrunk.size[::-1], size, strict=True))
    return np.array(shrunk.crop((left, top, left + width, top + height)))


def picture(rng: np.random.Generator, size: tuple[int, int], path: Path) -> Samples:
    """RGB of eight bits: a photo, a slope under noise, noise, few colours or one."""
    kind = rng.choice(["photo", "slope", "noise", "palette", "flat", "areas"], p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    if kind == "photo":
        return photo(rng, size, path)
    if kind == "areas":
        colours = rng.integers(0, 256, (-(-size[0] // 24), -(-size[1] // 24), 3), np.uint8)
        return np.kron(colours, np.ones((24, 24, 1), np.uint8))[: size[0], : size[1]]
    colours = rng.integers(0, 256, (1 if kind == "flat" else 5, 3))
    if kind in ("palette", "flat"):
        return colours[rng.integers(0, len(colours), size)].astype(np.uint8)
    rows, columns = np.mgrid[: size[0], : size[1], :1][:2]
    spread = 4.0 if kind == "slope" else 1000.0
    slope = colours[0] + rows * rng.normal(0, 3, 3) + columns * rng.normal(0, 3, 3)
    return (slope + rng.normal(0, spread, (*size, 3))).clip(0, 255).astype(np.uint8)


def deepened(rng: np.random.Generator, samples: Samples) -> Samples:
    """The same of sixteen bits: of twelve, of eight, a narrow range, few values, or all of them."""
    fine = samples.astype(np.int64) * 256 + rng.integers(0, 256, samples.shape) // int(rng.choice([1, 4, 64, 256]))
    kind = rng.integers(0, 5)
    if kind == 3:
        return rng.choice(1 << 16, 1000).astype(np.uint16)[fine % 1000]
    return [fine >> 4 << 4, fine >> 8, 20000 + fine // 50, None, fine][kind].astype(np.uint16)


def made(seed: int, path: Path) -> tuple[Samples, dict[str, Any], bool]:
    """A picture, how to code it, and whether by the networks even if a plain picture is shorter."""
    rng = np.random.default_rng(seed)
    options: dict[str, Any] = {"tier": TIERS[seed % len(TIERS)]}
    largest = 160 if seed % 10 == 9 else 80  # some in `lossless`, where corrections pay
    sides = [int(rng.integers(1, 10 if rng.random() < 0.3 else largest + 1)) for _ in range(2)]
    samples = picture(rng, (sides[0], sides[1]), path)
    if rng.random() < 0.3:
        samples = samples[..., 1]
    if options["tier"] == "lossless":
        options["effort"] = int(rng.integers(1, 10))
        samples = deepened(rng, samples) if rng.random() < 0.4 else samples
    elif options["tier"] != "preview":
        options |= {"quality": int(rng.integers(1, 101)), "tune": str(rng.choice(["ssim", "psnr"]))}
    if rng.random() < 0.2:
        alpha = rng.integers(0, np.iinfo(samples.dtype).max, samples.shape[:2], samples.dtype, endpoint=True)
        samples = np.dstack([samples, alpha])
    return samples, options, bool(rng.random() < 0.7)


@pytest.mark.once
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.slow if seed >= FAST else ()) for seed in range(STREAMS)]
)
def test_random_streams(codec: svcodec.Codec, model: reference.Model, portrait_path: Path, seed: int) -> None:
    samples, options, learned = made(seed, portrait_path)
    data = coded(codec, samples, learned, **options)
    decoded = codec.decode_array(data)
    assert np.array_equal(reference.decode(data, model), decoded)
    assert options["tier"] != "lossless" or np.array_equal(decoded, samples)


def coded(codec: svcodec.Codec, samples: Samples, learned: bool, **options: Any) -> bytes:
    with in_codes() if learned else nullcontext():
        return codec.encode(samples, **options)


@pytest.mark.parametrize("shape", [(2, 1030, 3), (1030, 2)])
def test_tiles(codec: svcodec.Codec, model: reference.Model, shape: tuple[int, ...]) -> None:
    samples = np.cumsum(np.random.default_rng(0).integers(-2, 4, shape), np.argmax(shape)).clip(0, 255).astype(np.uint8)
    data = coded(codec, samples, True, tier="lossless", effort=2)
    assert np.array_equal(reference.decode(data, model), samples)


RATES: list[tuple[str, dict[str, int]]] = [
    ("sketch", {}),
    ("sketch", {"quality": 90}),
    ("preview", {}),
    ("standard", {"quality": 20}),
    ("standard", {}),
    ("high", {"quality": 7}),
    ("high", {}),
]


@pytest.mark.once
@pytest.mark.parametrize(("tier", "options"), RATES)
@pytest.mark.parametrize("shape", [(9, 1060, 3), (1033, 7)])
def test_lossy_tiles(
    codec: svcodec.Codec, model: reference.Model, shape: tuple[int, ...], tier: str, options: dict[str, int]
) -> None:
    samples = np.cumsum(np.random.default_rng(0).integers(-2, 4, shape), np.argmax(shape)).clip(0, 255).astype(np.uint8)
    data = codec.encode(samples, tier=tier, **options)
    for stream in (data, svcodec.cut(data, 1), svcodec.cut(data, 2)):
        assert np.array_equal(reference.decode(stream, model), codec.decode_array(stream))


@pytest.mark.once
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_cut_files(codec: svcodec.Codec, model: reference.Model, portrait_path: Path, tier: str, levels: int) -> None:
    samples = photo(np.random.default_rng(levels), (67, 50), portrait_path)
    data = svcodec.cut(coded(codec, samples, True, tier=tier), levels)
    assert np.array_equal(reference.decode(data, model), codec.decode_array(data))


@pytest.mark.once
@pytest.mark.parametrize("shape", [(1027, 3), (1, 40, 3), (1, 1), (2, 1, 3)])
def test_sixteen_bits_at_edges(codec: svcodec.Codec, model: reference.Model, shape: tuple[int, ...]) -> None:
    steps = np.random.default_rng(0).integers(-200, 300, shape)
    samples = (3000 + np.cumsum(steps, int(np.argmax(shape)))).clip(0, 65535).astype(np.uint16)
    data = codec.encode(samples, tier="lossless")
    assert np.array_equal(reference.decode(data, model), samples)


FORMS = {
    "stored": np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8),
    "deflated": np.tile(np.random.default_rng(0).integers(0, 256, (1, 40), np.uint8), (40, 1)),
    "webp": np.full((50, 60, 3), (200, 100, 50), np.uint8),
}


@pytest.mark.parametrize("form", FORMS)
def test_plain_pictures(codec: svcodec.Codec, form: str) -> None:
    data = codec.encode(FORMS[form], tier="lossless")
    assert svcodec.inspect(data).plain == form
    assert np.array_equal(reference.decode(data), FORMS[form])


@pytest.mark.parametrize("name", ["standard", "lossless-grey", "sixteen"])
def test_damage_is_found(model: reference.Model, name: str) -> None:
    data = (GOLDEN / f"{name}.svc").read_bytes()
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    resealed = bytes(damaged[:-4]) + zlib.crc32(damaged[:-4]).to_bytes(4, "little")
    for bad in (data[:-1], data + b"\0", bytes(damaged), resealed):
        with pytest.raises(reference.Malformed):
            reference.decode(bad, model)


def test_bits_back(
    codec: svcodec.Codec, model: reference.Model, portrait_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TileCoder, "_trial", lambda self, pyramid, coding: coding is Coding.DIRECT)  # whatever pays
    samples = photo(np.random.default_rng(2), (80, 72), portrait_path)
    data = coded(codec, samples, True, tier="lossless", effort=8)
    assert ("u", "bits-back") in {(segment.name, segment.coding) for segment in svcodec.inspect(data).segments}
    assert np.array_equal(reference.decode(data, model), samples)


def test_stack() -> None:
    """Symbols that no stream above may have: escaped residuals and those of all scales and offsets."""
    rng = np.random.default_rng(0)
    scales, offsets = rng.integers(0, 113, 500), rng.integers(0, 16, 500)
    residuals = (rng.standard_normal(500) * 2.0 ** rng.integers(-5, 19, 500)).astype(np.int64)
    frequencies = rng.integers(0, 1 << 20, (500, 16)).astype(np.float32)
    symbols, uniform = rng.integers(0, 16, 500), rng.integers(0, 1 << 11, 500)
    stack = Stack(tables())
    stack.seal(0x12345)
    stack.push_symbols(symbols, frequencies)
    stack.push_residuals(residuals, scales, offsets)
    stack.push_uniform(uniform, 11)
    other = ReferenceStack(stack.to_bytes(), logistic())
    assert np.array_equal(other.pop_uniform(500, 11), uniform)
    other.push_uniform(uniform, 11)
    assert np.array_equal(other.pop_uniform(500, 11), uniform)
    assert np.array_equal(other.pop_residuals(scales, offsets), residuals)
    assert np.array_equal(other.pop(frequencies), symbols)
    assert other.unseal() == 0x12345
