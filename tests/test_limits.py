"""How large a picture may be, by its pixels and by the memory that it takes, and what happens where memory runs out."""

from __future__ import annotations

import io
import json
import math
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import svcodec
from svcodec.benchmarks import footprint
from svcodec.benchmarks.conditions import tiled_photo
from svcodec.benchmarks.fuzz.drafts import Draft, sealed
from svcodec.bitstream.container import Section, Tier
from svcodec.codec import memory

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests/golden"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


def golden(name: str, sides: tuple[int, int], codes: bytes | None = None) -> bytes:
    """A golden stream that claims to be of another size, with a right checksum."""
    draft = Draft.of((GOLDEN / f"{name}.svc").read_bytes())
    draft.sides = list(sides)
    if codes is not None:
        draft.put(Section.CODES, codes)
    return sealed(draft.body())


def empty_png(width: int, height: int) -> bytes:
    """The head of a PNG, and no pixels behind it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + head
        + struct.pack(">I", zlib.crc32(b"IHDR" + head))
        + b"\0\0\0\1IDAT"
    )


@pytest.mark.parametrize("form", ["array", "tensor", "image", "file"])
def test_pictures_of_more_pixels_are_not_coded(codec: svcodec.Codec, form: str) -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    picture = {"array": pixels, "tensor": torch.from_numpy(pixels), "image": Image.open(file), "file": file}[form]
    for call in (codec.encode, codec.assess, svcodec.encode, svcodec.assess):
        with pytest.raises(svcodec.TooLargeError, match=r"600 pixels \(30x20\), the limit is 599: .* max_pixels=600"):
            call(picture, max_pixels=599)
    assert svcodec.inspect(codec.encode(picture, tier="sketch", max_pixels=600)).width == 30
    assert svcodec.inspect(codec.encode(picture, tier="sketch", max_pixels=None)).width == 30


def test_too_large_is_both_an_input_error_and_a_stream_error() -> None:
    assert issubclass(svcodec.TooLargeError, svcodec.InputError)
    assert issubclass(svcodec.TooLargeError, svcodec.StreamError)


def test_a_file_of_more_pixels_is_refused_by_its_head(codec: svcodec.Codec, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(empty_png(16320, 12240))
    with pytest.raises(svcodec.TooLargeError, match=r"large\.png: the picture has 199,756,800 pixels"):
        codec.encode(path)
    with pytest.raises(svcodec.InputError, match=r"large\.png: the picture can't be read"):
        codec.encode(path, max_pixels=199_756_800)


@pytest.mark.parametrize("limit", [0, -1, True, 1e6, "9"])
def test_limits_on_pixels_are_whole_numbers(codec: svcodec.Codec, limit: object) -> None:
    with pytest.raises(svcodec.InputError, match="max_pixels must be a whole number of at least 1"):
        codec.encode(np.zeros((2, 2), np.uint8), max_pixels=limit)


def test_pictures_with_hardly_any_codes_count_eightfold() -> None:
    """A stream that claims to be larger than its codes pay for needs a caller who trusts it."""
    for name in ("sketch", "lossless"):
        few = golden(name, (8192, 8192), bytes(4 * 4_000) + b"\1\0\0\0")
        with pytest.raises(svcodec.TooLargeError, match=r"16,004 bytes, so few .* max_pixels=536870912"):
            svcodec.decode(few)
        with pytest.raises(svcodec.StreamError) as refused:  # the trusted one is found out by its codes, or by memory
            svcodec.decode(few, max_pixels=536870912)
        assert "the limit is" not in str(refused.value)
        enough = golden(name, (8192, 8192), bytes(4 * 4_200) + b"\1\0\0\0")
        with pytest.raises(svcodec.StreamError) as refused:
            svcodec.decode(enough)
        assert "the limit is" not in str(refused.value)


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_what_does_not_fit_in_memory_is_not_begun(
    codec: svcodec.Codec, tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 20e9)
    monkeypatch.setattr("svcodec.codec.codec.ENCODING", dict.fromkeys(Tier, memory.Cost(10**9)))
    monkeypatch.setattr("svcodec.codec.codec.lossy", None)
    monkeypatch.setattr("svcodec.codec.codec.choice", None)
    with pytest.raises(svcodec.TooLargeError, match=r"8x4 pixels takes about 32\.1 GB .* 20\.0 GB can be had"):
        codec.encode(np.zeros((4, 8), np.uint8), tier=tier)
    monkeypatch.setattr(memory, "available", lambda: 2e9)
    with pytest.raises(svcodec.TooLargeError, match=r"decoding .* 16384x16384 pixels takes about \d\.\d GB"):
        svcodec.decode(golden(tier, (16384, 16384)), max_pixels=None)


def test_plain_pictures_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    with pytest.raises(svcodec.TooLargeError, match=r"decoding .* can be had"):
        svcodec.decode(golden("plain", (16383, 16383)), max_pixels=None)


def test_odd_sides_take_as_much_as_even_ones() -> None:
    cost = memory.Cost(100)
    assert memory.needed(cost, 65535, 1) == memory.needed(cost, 65536, 2) == memory.BASE + 13_107_200
    tiled, rows = memory.Cost(10, 500), memory.Cost(10, 500, 7, 30)
    assert memory.needed(tiled, 4096, 4096) == memory.BASE + 10 * 4096**2 + 500 * 1024**2
    assert memory.needed(tiled, 64, 64) == memory.BASE + 510 * 64**2
    assert memory.needed(rows, 4096, 4096) == memory.BASE + 10 * 4096**2 + 500 * 512**2 + 7 + 30 * 4096 * 1024
    assert memory.needed(rows, 8192, 600) == memory.BASE + 10 * 8192 * 600 + 500 * 512**2 + 7 + 30 * 8192 * 600
    assert memory.needed(rows, 1024, 1024) == memory.needed(tiled, 1024, 1024)


MEMINFO = "MemTotal: 9000 kB\nMemAvailable:    4000 kB\nSwapFree: 1000 kB\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`system(name=text)` writes files that stand for those of Linux, `__` being a slash."""
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def write(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


@LINUX
def test_memory_of_the_machine(system: Callable[..., None]) -> None:
    assert memory.available() == math.inf
    system(proc__meminfo=MEMINFO)
    assert memory.available() == 5000 * 1024


@LINUX
def test_memory_of_a_container(system: Callable[..., None], tmp_path: Path) -> None:
    """Of control groups of version 2, of those above them, and of version 1."""
    system(proc__meminfo=MEMINFO, proc__self__cgroup="0::/a/b\n")
    assert memory.available() == 5000 * 1024
    system(cgroup__a__b__x="", **{"cgroup__a__memory.max": "3000000", "cgroup__a__memory.current": "2500000"})
    system(**{"cgroup__a__memory.stat": "anon 5\ninactive_file 500000\n"})
    assert memory.available() == 1_000_000
    system(**{"cgroup__a__b__memory.max": "max", "cgroup__a__b__memory.current": "7"})
    assert memory.available() == 1_000_000
    system(proc__self__cgroup="9:cpu:/a\n4:memory:/box\n0::/\n")
    folder = "cgroup__memory__box__memory"
    system(**{f"{folder}.limit_in_bytes": "900000", f"{folder}.usage_in_bytes": "400000"})
    system(**{f"{folder}.stat": "total_inactive_file 100000\n"})
    assert memory.available() == 600_000
    system(**{f"{folder}.usage_in_bytes": "4000000"})
    assert memory.available() == 0


@LINUX
def test_memory_of_a_limited_process(system: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    system(proc__self__statm="1000 500 200\n")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10**8, 10**9))
    assert memory.available() == 10**8 - 1000 * resource.getpagesize()


ERRORS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("could not create a memory object"),
    RuntimeError("can't start new thread"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_memory_that_runs_out_is_one_of_our_errors(
    codec: svcodec.Codec, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    data = (GOLDEN / "standard.svc").read_bytes()
    monkeypatch.setattr("svcodec.codec.lossy.Decoder.decode", fail)
    monkeypatch.setattr("svcodec.codec.lossy.Encoder.encode", fail)
    grey = np.zeros((4, 4), np.uint8)
    calls = (lambda: svcodec.decode(data), lambda: codec.decode(data), lambda: codec.decode_array(data))
    for call in (*calls, lambda: codec.encode(grey)):
        with pytest.raises(svcodec.OutOfMemoryError, match="memory ran out") as raised:
            call()
        assert raised.value.__context__ is None  # nothing keeps what was taken


def test_other_errors_of_torch_are_not_called_that(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("svcodec.codec.lossy.Encoder.encode", fail)
    with pytest.raises(svcodec.ModelError, match="something else"):
        codec.encode(np.zeros((4, 4), np.uint8))


def test_memory_that_runs_out_is_not_called_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise MemoryError

    for place in ("svcodec.codec.pictures.alpha.PngImagePlugin.PngImageFile", "svcodec.codec.plain.checksum"):
        with monkeypatch.context() as patched:
            patched.setattr(place, fail)
            with pytest.raises(svcodec.OutOfMemoryError):
                svcodec.decode((GOLDEN / "plain.svc").read_bytes() if "plain" in place else with_alpha())
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG")
    monkeypatch.setattr("svcodec.codec.pictures.png.open_picture", fail)
    with pytest.raises(svcodec.OutOfMemoryError):
        svcodec.encode(file)


def test_memory_that_runs_out_in_webp_is_told(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ValueError("encoding error 1")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(svcodec.OutOfMemoryError):
        codec.encode(np.zeros((4, 4), np.uint8), tier="lossless")


def with_alpha() -> bytes:
    return svcodec.encode(np.zeros((4, 4, 4), np.uint8), tier="lossless")


LITTLE_MEMORY = """
import resource, sys
import svcodec
from svcodec.benchmarks.conditions import tiled_photo
from svcodec.codec import memory

codec = svcodec.Codec()
pixels = tiled_photo(1000, 900)
small = codec.encode(pixels[:64, :64])
streams = {path: open(path, "rb").read() for path in sys.argv[1:]}
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (140 << 20), -1))
for estimated in (True, False):
    if not estimated:
        memory.available = lambda: float("inf")
    wanted = svcodec.TooLargeError if estimated else svcodec.OutOfMemoryError
    for tier in svcodec.TIERS:
        try:
            codec.encode(pixels, tier=tier, effort=1 if tier == "lossless" else None)
        except wanted as error:
            print(tier, error)
    for tier, data in streams.items():
        try:
            codec.decode(data)
        except wanted as error:
            print(tier, error)
    assert codec.encode(pixels[:64, :64]) == small
"""


@pytest.mark.slow  # what runs out first is up to machine and libraries
@LINUX
def test_a_process_with_little_memory_refuses_and_goes_on(codec: svcodec.Codec, tmp_path: Path) -> None:
    """By the estimate before anything is done, and where that is wrong by what runs out."""
    streams = [tmp_path / "sketch", tmp_path / "standard"]
    for path in streams:
        path.write_bytes(codec.encode(tiled_photo(1000, 900), tier=path.name))
    program = [sys.executable, "-c", LITTLE_MEMORY, *map(str, streams)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 14, done.stdout
    assert all("can be had" in line for line in lines[:7])
    assert all("memory ran out" in line for line in lines[7:])


FOLDER_WITH_LITTLE_MEMORY = """
import resource, sys
import svcodec
from svcodec.__main__ import main

svcodec.Codec()
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (140 << 20), -1))
main(["encode", sys.argv[1], "-o", sys.argv[2], "--gate", "off", "--tier", "sketch"])
"""


@pytest.mark.slow
@LINUX
def test_a_picture_that_does_not_fit_costs_a_folder_that_picture_only(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, side in (("a", 32), ("b", 1500), ("c", 32)):
        Image.new("RGB", (side, side), (10, 90, 200)).save(source / f"{name}.png")
    program = [sys.executable, "-c", FOLDER_WITH_LITTLE_MEMORY, str(source), str(target)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert sorted(path.name for path in target.iterdir()) == ["a.svc", "c.svc"]
    assert "b.png: encoding a picture of 1500x1500 pixels takes about 0.5 GB of memory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_estimates_are_those_measured(tier: str) -> None:
    """Where this fails after a new measurement, `codec/memory.py` needs other figures."""
    measured = json.loads((ROOT / "benchmarks/results/footprint.json").read_text())["tiers"][tier]
    for way, costs in (("encoding", memory.ENCODING), ("decoding", memory.DECODING)):
        found = memory.Cost(*measured[way].values())
        for size in footprint.SIZES:
            taken = memory.needed(found, *size) - memory.BASE
            assert taken <= memory.needed(costs[Tier[tier.upper()]], *size) < 1.5 * taken


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("tier", svcodec.TIERS)
def test_estimates_hold(tier: str, tmp_path: Path) -> None:
    """Neither much less than what is taken nor far more."""
    size = (640, 768)
    for way, costs in (("encoding", memory.ENCODING), ("decoding", memory.DECODING)):
        taken = footprint.taken(way, tier, *size, tmp_path / "coded.svc")
        estimate = memory.needed(costs[Tier[tier.upper()]], *size)
        assert 0.7 * taken < estimate < 2 * taken + memory.BASE
