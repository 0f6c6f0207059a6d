"""Models: found by name or path, registered, and kept by what their files hold."""

from __future__ import annotations

import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import svcodec
from svcodec.bitstream.container import pack, unpack
from svcodec.bitstream.stack import Stack
from svcodec.codec import model_files
from svcodec.codec.model import Model
from svcodec.codec.model_files import DEFAULT_MODEL, load_model, load_named, register_model, weights_file
from svcodec.models import storage

Samples = npt.NDArray[np.uint8]


class FakeModel:
    """Stands for a model: counts how many were made."""

    made = 0

    def __init__(self, name: str, hash_: bytes, content: bytes, device: str, source: str | Path):
        self.name, self.hash, self.content, self.device, self.source = name, hash_, content, device, source
        time.sleep(0.01)  # gives other threads the chance to load it too
        FakeModel.made += 1

    def test(self) -> None:
        """This machine is as good as any."""


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> type[FakeModel]:
    """Nothing is registered or loaded yet, and any file is a model."""
    monkeypatch.setattr(model_files, "_registered", {})
    monkeypatch.setattr(model_files, "_loaded", OrderedDict())
    monkeypatch.setattr(model_files, "Model", FakeModel)
    monkeypatch.setattr(FakeModel, "made", 0)
    return FakeModel


def test_streams_of_a_registered_model_are_decoded(own_model: Path, photo: Samples) -> None:
    data = svcodec.encode(photo, tier="sketch", model=own_model)
    assert svcodec.inspect(data).model == "own"
    with pytest.raises(svcodec.ModelError, match="there is no model 'own'"):
        svcodec.decode(data)
    assert svcodec.register_model(own_model) == "own"
    expected = svcodec.decode(data, model=own_model).tobytes()
    assert svcodec.decode(data).tobytes() == expected
    assert svcodec.Codec("own").decode(data).tobytes() == expected


def test_a_stream_never_names_a_path(own_model: Path, photo: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_model.parent)
    own_model.with_suffix("").write_bytes(own_model.read_bytes())
    stream = unpack(svcodec.encode(photo, tier="sketch"))
    for name in ("own.safetensors", "own", f"{DEFAULT_MODEL}.safetensors", "x" * 255):
        with pytest.raises(svcodec.ModelError, match=f"there is no model '{name}'"):
            svcodec.decode(pack(replace(stream, model_name=name)))


@pytest.mark.parametrize("name", ["my model", "_own", "mod\u00e8le", "a" * 200 + "+"])
def test_names_that_no_stream_can_carry_are_refused_when_the_model_is_loaded(own_model: Path, name: str) -> None:
    path = own_model.rename(own_model.with_stem(name))
    for load in (svcodec.Codec, svcodec.register_model):
        with pytest.raises(svcodec.ModelError, match=r"can't be a model's name, .* a-z, 0-9, .*: rename the file"):
            load(path)


def test_a_name_is_the_file_s_in_lower_case(loader: type[FakeModel], tmp_path: Path) -> None:
    path = tmp_path / "Own.V2.safetensors"
    path.write_bytes(b"")
    assert load_model(path).name == load_model(str(path)).name == register_model(path) == "own.v2"


def test_paths_may_have_any_suffix(loader: type[FakeModel], tmp_path: Path) -> None:
    path = tmp_path / "own.bin"
    path.write_bytes(b"content")
    assert load_model(path).content == b"content"
    with pytest.raises(svcodec.ModelError, match="no model"):
        load_model(str(path))
    assert weights_file(path, "-gate") == tmp_path / "own-gate.bin"


def test_registered_models_are_found_wherever_the_program_goes(
    loader: type[FakeModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.safetensors").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    register_model("own.safetensors")
    monkeypatch.chdir("/")
    assert load_named("own").content == b"content"
    assert weights_file("own", "-gate") == tmp_path / "own-gate.safetensors"


def test_the_last_of_two_models_of_one_name_counts(loader: type[FakeModel], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.safetensors").write_bytes(folder.encode())
        register_model(tmp_path / folder / "own.safetensors")
        assert load_named("own").content == folder.encode()


def test_what_can_not_be_registered(loader: type[FakeModel], tmp_path: Path) -> None:
    path = tmp_path / f"{DEFAULT_MODEL}.safetensors"
    with pytest.raises(svcodec.ModelError, match="No such file"):
        register_model(path)
    path.write_bytes(b"")
    with pytest.raises(svcodec.ModelError, match=f"{DEFAULT_MODEL} is a model of this release"):
        register_model(path)
    with pytest.raises(svcodec.ModelError, match="Is a directory"):
        register_model(tmp_path)


def test_a_file_that_changed_is_read_again(own_model: Path, photo: Samples) -> None:
    before = svcodec.Codec(own_model).model
    assert svcodec.Codec(own_model).model is before
    tensors, metadata = storage.from_bytes(own_model.read_bytes())
    own_model.write_bytes(storage.to_bytes(tensors, metadata | {"note": "another file"}))
    after = svcodec.Codec(own_model).model
    assert after.hash != before.hash
    assert svcodec.inspect(svcodec.encode(photo, tier="sketch", model=own_model)).model_hash == after.hash.hex()


def test_models_are_kept_by_content_name_and_device(loader: type[FakeModel], tmp_path: Path) -> None:
    paths = [tmp_path / "own.safetensors", tmp_path / "copy" / "own.safetensors", tmp_path / "other.safetensors"]
    paths[1].parent.mkdir()
    for path in paths:
        path.write_bytes(b"content")
    first, copy, other = map(load_model, paths)
    assert first is copy
    assert (other.name, other.hash) == ("other", first.hash)
    assert load_model(paths[0], "cuda").device == "cuda"
    assert loader.made == 3


def test_only_the_last_used_models_are_kept(loader: type[FakeModel], tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.safetensors" for index in range(5)]
    for path in paths:
        path.write_bytes(b"")
    models = [load_model(path) for path in paths[:4]]
    assert load_model(paths[0]) is models[0]  # now 1 is the one that was used least recently
    load_model(paths[4])
    assert [load_model(path) is model for path, model in zip(paths[:4], models, strict=True)] == [
        True,
        False,
        False,
        False,
    ]
    assert len(model_files._loaded) == 4


def test_threads_share_one_model(loader: type[FakeModel], tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"")
    with ThreadPoolExecutor(8) as pool:
        models = set(pool.map(load_model, [path] * 16))
    assert len(models) == loader.made == 1


def test_a_coder_that_rounds_otherwise_is_refused(own_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OtherStack(Stack):
        def to_bytes(self) -> bytes:
            words = bytearray(super().to_bytes())
            words[3] ^= 1
            return bytes(words)

    monkeypatch.setattr("svcodec.codec.model.Stack", OtherStack)
    with pytest.raises(svcodec.ModelError, match="constriction"):
        Model("own", bytes(8), own_model.read_bytes(), "cpu", own_model).test()
