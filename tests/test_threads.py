"""A host's number of threads is its own again after coding, whatever happened and whoever coded meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

import svcodec
from svcodec import cpus
from svcodec.cpus import usable_cpus
from svcodec.models import threads
from svcodec.models.exact import ExactConv2d
from svcodec.models.threads import MOST, PIXELS, own_threads

Samples = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def host() -> Iterator[None]:
    """A host with five threads, on a machine with as many CPUs as one may want."""
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "usable_cpus", lambda: 64)
        torch.set_num_threads(5)
        yield
    torch.set_num_threads(before)


def in_new_thread() -> int:
    """The number of threads that a new thread begins with."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of threads with which convolutions ran."""
    numbers: set[int] = set()
    forward = ExactConv2d.forward

    def watched(self: ExactConv2d, x: torch.Tensor) -> torch.Tensor:
        numbers.add(torch.get_num_threads())
        return forward(self, x)

    monkeypatch.setattr(ExactConv2d, "forward", watched)
    return numbers


@pytest.mark.parametrize(
    ("own", "pixels", "number"),
    [(5, 0, 1), (5, PIXELS - 1, 1), (5, PIXELS, 2), (5, 99 * PIXELS, 5), (1, 99 * PIXELS, 1), (50, 99 * PIXELS, MOST)],
)
def test_threads_for_a_picture(own: int, pixels: int, number: int) -> None:
    torch.set_num_threads(own)
    with own_threads(pixels):
        assert torch.get_num_threads() == number
    assert torch.get_num_threads() == in_new_thread() == own


def test_no_more_threads_than_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "usable_cpus", lambda: 3)
    with own_threads(99 * PIXELS):
        assert torch.get_num_threads() == 3


@pytest.mark.parametrize(("quota", "number"), [("max 100000", 8), ("250000 100000", 3), ("1600000 100000", 8), ("", 8)])
def test_a_container_s_quota_counts(quota: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "present_cpus", lambda: 8)
    monkeypatch.setattr(cpus, "_QUOTA", tmp_path / "cpu.max")
    assert usable_cpus() == 8  # there is no such file
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cpus() == number


def test_contexts_may_lie_in_one_another() -> None:
    with own_threads(99 * PIXELS):
        with own_threads(0):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 5
    assert torch.get_num_threads() == 5


def test_other_threads_do_not_notice() -> None:
    """Neither those that were there before, nor those that begin while another codes."""
    with ThreadPoolExecutor(1) as older:
        older.submit(torch.set_num_threads, 7).result()
        with own_threads(0):
            assert older.submit(torch.get_num_threads).result() == 7
            assert in_new_thread() == 7  # what was set last
        assert older.submit(torch.get_num_threads).result() == in_new_thread() == 7
    assert torch.get_num_threads() == 5


def test_many_threads_at_once() -> None:
    """They begin, code and end while others do; each is left with the host's number."""
    start = threading.Barrier(8)

    def work(index: int) -> tuple[int, int, int]:
        start.wait()
        found = []
        for _ in range(20):
            with own_threads(index * PIXELS):
                found.append(torch.get_num_threads())
        (number,) = set(found)
        return number, torch.get_num_threads(), in_new_thread()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [(min(5, 1 + index), 5, 5) for index in range(8)]
    assert torch.get_num_threads() == in_new_thread() == 5


def test_coding_leaves_the_number_alone(photo: Samples, seen: set[int]) -> None:
    codec = svcodec.Codec()
    codec.decode(codec.encode(photo, tier="lossless"))
    svcodec.decode(codec.encode(photo), seed=1)
    codec.assess(photo)
    assert seen == {1}
    assert torch.get_num_threads() == in_new_thread() == 5


def test_large_pictures_use_more_threads(seen: set[int]) -> None:
    codec = svcodec.Codec()
    seen.clear()
    codec.encode(np.zeros((256, 512, 3), np.uint8), tier="sketch")
    assert seen == {3}
    assert torch.get_num_threads() == in_new_thread() == 5


@pytest.mark.parametrize("tier", ["standard", "lossless"])
def test_streams_do_not_depend_on_threads(
    tier: str, photo: Samples, seen: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "PIXELS", 1)
    codec = svcodec.Codec()
    streams, pictures = set(), set()
    for number in (1, 2, 5):
        seen.clear()
        torch.set_num_threads(number)
        streams.add(codec.encode(photo, tier=tier))
        pictures |= {codec.decode(stream).tobytes() for stream in streams}
        assert seen == {number}
    torch.set_num_threads(5)
    assert len(streams) == len(pictures) == 1


def test_errors_leave_the_number_alone(photo: Samples) -> None:
    codec = svcodec.Codec()
    data = bytearray(codec.encode(photo))
    data[-9] ^= 1
    with pytest.raises(svcodec.StreamError):
        codec.decode(bytes(data))
    with pytest.raises(RuntimeError, match="on purpose"), own_threads(PIXELS):
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == in_new_thread() == 5


def test_coding_in_several_threads(photo: Samples) -> None:
    codec = svcodec.Codec()
    large = np.tile(photo, (10, 8, 1))
    with ThreadPoolExecutor(4) as pool:
        streams = list(pool.map(lambda picture: codec.encode(picture, tier="sketch"), [photo, large] * 4))
        assert list(pool.map(lambda _: torch.get_num_threads(), range(16))) == [5] * 16
    assert len(set(streams)) == 2
    assert torch.get_num_threads() == in_new_thread() == 5


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads are not GNU OpenMP's")
def test_threads_hardly_spin_while_a_team_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The team is there while somebody codes, and gone when nobody does."""
    monkeypatch.setattr(threads, "_spin_by_default", lambda: True)
    count = threading.active_count()
    with own_threads(PIXELS):
        assert threading.active_count() == count + 1
        with own_threads(PIXELS):
            assert threading.active_count() == count + 1
        assert threading.active_count() == count + 1
        assert in_new_thread() == 5
    assert threading.active_count() == count
