"""Files of any file system, and clusters of several workers of which some are killed: nothing lost, nothing doubled."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import workers
from click.testing import Result
from PIL import Image

import svcodec
from svcodec.distributed import Decoder, Encoder, Task, processes
from svcodec.distributed.engines import outcomes
from svcodec.distributed.places import Recoder, pairs

fsspec = pytest.importorskip("fsspec")
Run = Callable[..., Result]
ENGINES = [
    pytest.param("ray", marks=pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs ray")),
    pytest.param("dask", marks=pytest.mark.skipif(not importlib.util.find_spec("dask"), reason="needs dask")),
]


@pytest.fixture
def bucket() -> Iterator[str]:
    """A place in memory with six pictures and other files."""
    system = fsspec.filesystem("memory")
    for i in range(6):
        with system.open(f"/bucket/in/{i % 2}/{i}.png", "wb") as file:
            Image.new("RGB", (40, 30), (i, 100, 200)).save(file, "PNG")
    for name in ("notes.txt", ".hidden.png", ".trash/a.png"):
        system.pipe_file(f"/bucket/in/{name}", b"text")
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def named(name: str) -> str:
    return name.rpartition(".")[0] + ".svc"


def test_files_and_their_outputs(bucket: str, tmp_path: Path) -> None:
    tasks = pairs(f"{bucket}/in", f"{bucket}/out", {".png"}, named)
    sources = ["0/0", "0/2", "0/4", "1/1", "1/3", "1/5"]
    assert [task.source for task in tasks] == [f"memory:///bucket/in/{name}.png" for name in sources]
    assert [task.target for task in tasks] == [f"memory:///bucket/out/{name}.svc" for name in sources]
    (one,) = pairs(f"{bucket}/in/1/3.png", str(tmp_path), {".png"}, named)
    assert one.target == f"file://{tmp_path}/3.svc"
    with pytest.raises(svcodec.InputError, match="no file there"):
        pairs(f"{bucket}/none", f"{bucket}/out", {".png"}, named)
    with pytest.raises(svcodec.InputError, match="nosuch"):
        pairs("nosuch://bucket", "x", {".png"}, named)


def test_outputs_are_whole_and_made_once(bucket: str) -> None:
    work = Recoder(Encoder(svcodec.Codec(), tier="lossless"))
    tasks = pairs(f"{bucket}/in", f"{bucket}/out", {".png"}, named)
    found = dict(processes.outcomes(work, tasks))
    system = fsspec.filesystem("memory")
    for place, task in enumerate(tasks):
        data = system.cat_file(task.target)
        assert data == svcodec.encode(system.cat_file(task.source), tier="lossless")
        fields = found[place].result.fields
        assert (fields["file"], fields["bytes_after"], fields["width"]) == (task.source, len(data), 40)
    assert len(system.find("/bucket/out")) == 6
    again = dict(processes.outcomes(work, tasks))
    assert all(isinstance(outcome.error, FileExistsError) for outcome in again.values())


@pytest.mark.parametrize("kind", ["file", "moved"])
def test_places_that_show_files_in_part(
    bucket: str, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written beside their place and moved, with all folders above them."""
    if kind == "moved":
        monkeypatch.setattr("svcodec.distributed.places._WHOLE", set())
    target = f"{bucket}/out" if kind == "moved" else f"file://{tmp_path}/out"
    tasks = pairs(f"{bucket}/in", target, {".png"}, named)
    done = dict(processes.outcomes(Recoder(Encoder(svcodec.Codec(), tier="lossless")), tasks))
    assert all(outcome.error is None for outcome in done.values())
    system, root = fsspec.core.url_to_fs(target)
    assert len(system.find(root)) == 6


def test_the_command(svc: Run, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svcodec.cli.clusters.outcomes", lambda work, tasks, *_: processes.outcomes(work, tasks))
    given = ("encode", f"{bucket}/in", "-o", f"{bucket}/out", "--tier", "lossless", "--cluster", "ray")
    planned = svc(*given, "--dry-run")
    assert planned.stdout.count(" -> ") == 6 and "6 to be encoded" in planned.stderr
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/in/0/0.bmp", system.cat_file("/bucket/in/0/0.png"))
    system.pipe_file("/bucket/in/broken.png", b"text")
    result = svc(*given)
    assert result.exit_code == 1
    assert "memory:///bucket/in/0/2.png -> memory:///bucket/out/0/2.svc: " in result.stdout
    assert "memory:///bucket/in/broken.png: not a picture" in result.stderr
    assert result.stderr.count("--keep-suffix keeps them apart") == 2
    assert result.stderr.splitlines()[-1] == "svcodec: 5 encoded; 3 failed"
    again = svc(*given, "--keep-suffix", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["summary"]["encoded"] == 7
    assert svc(*given).stderr.splitlines()[-1] == "svcodec: 0 encoded; 5 there already; 3 failed"
    back = svc("decode", f"{bucket}/out", "-o", f"{bucket}/back", "--format", "webp", "--cluster", "dask")
    assert back.exit_code == 0 and len(system.find("/bucket/back")) == 12
    for wrong in (given[:2], (*given[:2], "memory://other", *given[2:]), (*given, "--overwrite")):
        assert svc(*wrong, "--cluster", "ray").exit_code == 2


def test_names_of_clusters(svc: Run, bucket: str) -> None:
    with pytest.raises(svcodec.InputError, match="no cluster 'http://x'"):
        outcomes(Recoder(Decoder("PNG")), [], "http://x", 1)
    assert svc("decode", f"{bucket}/none", "-o", f"{bucket}/out", "--cluster", "ray").exit_code == 1


@pytest.mark.parametrize(("engine", "module"), [("ray", "ray.data"), ("dask", "distributed")])
def test_engines_that_are_not_installed(engine: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "svcodec.distributed.on_dask", raising=False)
    with pytest.raises(svcodec.MissingPackageError, match=rf"svcodec\[{engine}\]"):
        list(outcomes(Recoder(Decoder("PNG")), [Task("a", "b")], engine, 1))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_killed_workers(engine: str, flat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One dies after it has written a file, one before, and all that get one file: that one alone fails."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # where workers find `workers`
    for name in (*(f"{i:02}" for i in range(40)), "poison"):
        path = tmp_path / "in" / f"{name}.svc"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(flat.read_bytes())
    (tmp_path / "flags").mkdir()
    work = workers.Deadly(Recoder(Decoder("PNG")), tmp_path / "flags")
    tasks = pairs(str(tmp_path / "in"), str(tmp_path / "out"), {".svc"}, lambda name: name[:-4] + ".png")
    found = list(outcomes(work, tasks, engine, 2))
    assert sorted(place for place, _ in found) == list(range(41))
    assert {path.name for path in (tmp_path / "flags").iterdir()} == {"07", "23"}
    failed = [o for _, o in found if o.error is not None and not isinstance(o.error, FileExistsError)]
    assert [Path(outcome.task.source).stem for outcome in failed] == ["poison"]
    assert "died" in str(failed[0].error)
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == [f"{i:02}.png" for i in range(40)]
    assert set(written.values()) == {svcodec.transcode(flat, "PNG")}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_in_each_worker(engine: str, svc: Run, tmp_path: Path, portrait_path: Path) -> None:
    with Image.open(portrait_path) as portrait:
        (tmp_path / "in").mkdir()
        for i in range(4):
            portrait.crop((40 * i, 0, 40 * i + 64, 64)).save(tmp_path / "in" / f"{i}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"text")
    options = ("--tier", "sketch", "--gate", "off", "--cluster", engine, "--workers", "2")
    result = svc("encode", tmp_path / "in", "-o", tmp_path / "out", *options)
    assert result.exit_code == 1
    assert "broken.png: not a picture" in result.stderr
    for i in range(4):
        assert (tmp_path / f"out/{i}.svc").read_bytes() == svcodec.encode(tmp_path / f"in/{i}.png", tier="sketch")
