"""What is written is there whole or not at all, and nothing else is lost by it."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from svcodec.files import write_whole

pytestmark = pytest.mark.once


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, overwrite: bool) -> None:
    target = tmp_path / "made" / "a.svc"
    with umask(0o027):
        write_whole(target, b"new", overwrite=overwrite)
    assert (target.read_bytes(), mode(target)) == (b"new", 0o640)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("old", [0o600, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, old: int) -> None:
    target = tmp_path / "a.svc"
    target.write_bytes(b"old")
    target.chmod(old)
    with umask(0o022):
        write_whole(target, b"new")
    assert (target.read_bytes(), mode(target)) == (b"new", old)


def test_nobody_reads_what_will_be_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, seen = tmp_path / "a.svc", []
    target.write_bytes(b"old")
    target.chmod(0o600)
    replace = Path.replace

    def watched(self: Path, place: Path) -> Path:
        seen.append(mode(self))
        return replace(self, place)

    monkeypatch.setattr(Path, "replace", watched)
    write_whole(target, b"new")
    assert seen == [0o600]


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.svc"
    target.write_bytes(b"old")
    target.chmod(0o444)
    with pytest.raises(PermissionError) as caught:
        write_whole(target, b"new")
    assert caught.value.filename == str(target)
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"old", [target])


def test_without_overwriting_what_is_there_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "a.svc", tmp_path / "link.svc"
    target.write_bytes(b"old")
    link.symlink_to(target)
    for path in (target, link):
        with pytest.raises(FileExistsError) as caught:
            write_whole(path, b"new", overwrite=False)
        assert caught.value.filename == str(path)
    assert target.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [target, link]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    target = tmp_path / "a.svc"
    link = os.link

    def late(source: Path, place: Path) -> None:
        target.write_bytes(b"another's")
        if not links:
            raise OSError(errno.EPERM, "Operation not permitted")
        link(source, place)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        write_whole(target, b"new", overwrite=False)
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"another's", [target])


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    target = tmp_path / "a.svc"
    write_whole(target, b"new", overwrite=False)
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"new", [target])


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    monkeypatch.setattr(os, "link", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.svc", b"new", overwrite=overwrite)
    assert list(tmp_path.iterdir()) == []


def test_writers_share_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor would two programs with one process number, as in two containers."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    contents = [bytes([i]) * 200_000 for i in range(8)]

    def write(i: int) -> None:
        for round in range(20):
            write_whole(tmp_path / f"{i}-{round}", contents[i])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(list(tmp_path.iterdir())) == 160
    for i, content in enumerate(contents):
        assert all((tmp_path / f"{i}-{round}").read_bytes() == content for round in range(20))


def test_of_many_writers_of_a_new_file_one_succeeds(tmp_path: Path) -> None:
    target, start = tmp_path / "a.svc", threading.Barrier(8)

    def write(i: int) -> bytes | None:
        content = bytes([i]) * 100_000
        start.wait()
        try:
            write_whole(target, content, overwrite=False)
        except FileExistsError:
            return None
        return content

    with ThreadPoolExecutor(8) as pool:
        (written,) = filter(None, pool.map(write, range(8)))
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (written, [target])


def test_symbolic_links_are_written_through(tmp_path: Path) -> None:
    for name, overwrite in (("a", True), ("b", False)):
        link, real = tmp_path / f"{name}.link", tmp_path / name
        link.symlink_to(real)
        write_whole(link, b"content", overwrite=overwrite)
        assert link.is_symlink()
        assert real.read_bytes() == b"content"


def test_other_hard_links_keep_the_old_content(tmp_path: Path) -> None:
    target, other = tmp_path / "a.svc", tmp_path / "b.svc"
    target.write_bytes(b"old")
    os.link(target, other)
    write_whole(target, b"new")
    assert (target.read_bytes(), other.read_bytes()) == (b"new", b"old")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_named_pipe_stays_one(tmp_path: Path, overwrite: bool) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    write_whole(fifo, b"content", overwrite=overwrite)
    reader.join(10)
    assert received == [b"content"]
    assert fifo.is_fifo()


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    for target in (tmp_path / "file" / "a.svc", tmp_path / "loop", tmp_path, Path("/dev/full")):
        if target.parent != Path("/dev") or target.exists():
            with pytest.raises(OSError) as caught:
                write_whole(target, b"content")
            assert caught.value.filename == str(target)
    assert (tmp_path / "loop").is_symlink()
