"""Model files: found by name or path, registered, named, loaded and written."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..bitstream.container import MODEL_HASH_BYTES, MODEL_NAME
from ..bitstream.tables import ResidualTables
from ..errors import ModelError
from ..family import stored
from ..files import write_whole
from ..forks import FreshLock
from ..models import density, integers, storage
from ..models.frequencies import MixtureTables
from ..models.photo import PhotoNetwork
from ..models.threads import own_threads
from .family.family_model import FamilyModel
from .model import FORMAT, Model, known_answer, known_words
from .sources import reason

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEFAULT_MODEL = "photo-7"
SUFFIX = ".safetensors"
KEPT = 4  # loaded models

AnyModel = Model | FamilyModel

_registered: dict[str, Path] = {}
_loaded: OrderedDict[tuple[str, bytes, str], AnyModel] = OrderedDict()
_lock = FreshLock()


def load_model(model: str | os.PathLike[str] | None = None, device: str = "cpu") -> AnyModel:
    """The model that a caller asks for, tested on this machine. The last ones are kept, by their files' content.

    Args:
        model: the name of one in the package or registered, or a path: what ends in .safetensors or is an os.PathLike;
            None for the default one.
        device: as torch names it.

    Raises:
        ModelError: there is none, its file's name can't be a model's, or as for `Model` and its `test`.
    """
    found = find_model(model, device)
    found.test()
    return found


def photo_model(model: AnyModel) -> Model:
    """A model that is one of photos. Raises ModelError for one of the family."""
    if isinstance(model, FamilyModel):
        raise ModelError(f"model {model.name} is one of the paper's, of small pictures: this takes a model of photos")
    return model


def family_model(model: AnyModel) -> FamilyModel:
    """A model that is one of the family. Raises ModelError for one of photos."""
    if not isinstance(model, FamilyModel):
        raise ModelError(f"model {model.name} is one of photos: this takes one of the paper's")
    return model


def find_model(model: str | os.PathLike[str] | None = None, device: str = "cpu") -> AnyModel:
    """As `load_model`, but the model is not tested, which takes longer than loading it."""
    if model is None:
        model = DEFAULT_MODEL
    path = _as_path(model)
    if path is None:
        return load_named(os.fspath(model), device)
    return _load(name_of(path), path, device, located(path))


def load_named(name: str, device: str = "cpu") -> AnyModel:
    """The model of that name in the package, or registered; a name is never a path, as it may come from a stream.

    It is not tested. Raises ModelError as `load_model` does.
    """
    if name not in _registered and not _is_packaged(name):
        raise ModelError(
            f"there is no model {name!r} in this release, and none is registered: give the path of its {SUFFIX} file"
        )
    return _load(name, _named_file(name), device, located(name))


def register_model(path: str | os.PathLike[str]) -> str:
    """Let `decode`, Pillow and whatever takes a model's name find the model in a file, as long as the program runs.

    Args:
        path: of a model file, which is read when the model is used. It replaces one registered under the same name.

    Returns:
        The model's name, which its streams carry: the file's in lower case, without the suffix.

    Raises:
        ModelError: the file can't be read, its name can't be a model's, or is the name of a model in the package.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ModelError(f"a model is registered by its path, not as {type(path).__name__}")
    file = Path(os.fsdecode(path)).absolute()
    name = name_of(file)
    try:
        file.open("rb").close()
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: {reason(error)}") from error
    if _is_packaged(name):
        raise ModelError(f"{file}: {name} is a model of this release: give the file another name")
    _registered[name] = file
    return name


def located(model: str | os.PathLike[str] | None) -> str | Path:
    """What finds the same model in another process, and wherever this one goes: a name in the package, or a path."""
    if model is None:
        return DEFAULT_MODEL
    path = _as_path(model) or _registered.get(os.fspath(model))
    return os.fspath(model) if path is None else path.absolute()


def weights_file(model: str | os.PathLike[str], part: str = "") -> Traversable:
    """The file of the model that `load_model` finds; with `part`, the one beside it. It need not be there."""
    path = _as_path(model)
    return _named_file(os.fspath(model), part) if path is None else path.with_stem(path.stem + part)


def save_model(network: PhotoNetwork, path: Path, *, overwrite: bool) -> None:
    """Write a snapped network and freshly computed tables as a model file, as `write_whole` does."""
    tensors = integers.to_integers(network)
    tensors |= {f"tables.mixture.{key}": value for key, value in MixtureTables.generate().arrays().items()}
    tables = ResidualTables.generate(density.cdf)
    tensors |= {f"tables.residual.{key}": torch.from_numpy(value) for key, value in tables.arrays().items()}
    answer = known_answer(integers.from_integers(tensors), torch.device("cpu"))
    words = known_words(tables)
    content = storage.to_bytes(tensors, {"format": FORMAT, "answer": answer, "words": words})
    write_whole(path, content, overwrite=overwrite)


def _as_path(model: str | os.PathLike[str]) -> Path | None:
    """None for a name. Raises ModelError for what is neither."""
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"a model is given by its name or path, not as {type(model).__name__}")
    is_path = isinstance(model, os.PathLike) or model.endswith(SUFFIX)
    return Path(os.fsdecode(model)) if is_path else None


def name_of(path: Path) -> str:
    """The name that a file gives to its model. Raises ModelError for one that no stream could carry."""
    name = path.stem.lower()
    if not MODEL_NAME.fullmatch(name):
        raise ModelError(
            f"{path}: {name!r} can't be a model's name, which has 1 to 255 characters a-z, 0-9, '.', '_' and '-' and "
            "begins with a letter or digit: rename the file"
        )
    return name


def _is_packaged(name: str) -> bool:
    return f"{name}{SUFFIX}" in {file.name for file in _package().iterdir()}


def _named_file(name: str, part: str = "") -> Traversable:
    """Raises ModelError for what is no name, as a path into other folders."""
    if not MODEL_NAME.fullmatch(name):
        raise ModelError(f"{name!r} can't be a model's name: give the path of its {SUFFIX} file")
    file = _registered.get(name)
    return _package() / f"{name}{part}{SUFFIX}" if file is None else file.with_stem(file.stem + part)


def _package() -> Traversable:
    return resources.files(__package__.rpartition(".")[0] + ".models") / "weights"


def _load(name: str, file: Traversable, device: str, source: str | Path) -> AnyModel:
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: {reason(error)}") from error
    digest = hashlib.sha256(content).digest()
    key = (name, digest, str(device))
    with _lock:
        if key not in _loaded:
            with own_threads(0):
                kind = FamilyModel if stored.is_family(content) else Model
                _loaded[key] = kind(name, digest[:MODEL_HASH_BYTES], content, device, source)
        _loaded.move_to_end(key)
        if len(_loaded) > KEPT:
            _loaded.popitem(last=False)
        return _loaded[key]


def reload_model(source: str | Path, hash_: bytes, device: str) -> AnyModel:
    """The model that was pickled, from its file unless it is kept here.

    Args:
        source: as `located` gives it.
        hash_: of the model.
        device: as torch names it.

    Raises:
        ModelError: it is not there, holds other weights, or as for `load_model`.
    """
    key = (source, hash_, device)
    with _lock:
        kept = [model for model in _loaded.values() if (model.source, model.hash, str(model.device)) == key]
    model = kept[-1] if kept else find_model(source, device)
    if model.hash != hash_:
        raise ModelError(f"model {model.name} is not the one that was pickled: {source} holds other weights now")
    model.test()
    return model
