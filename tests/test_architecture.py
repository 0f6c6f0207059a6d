"""Which room may import which, no circles between modules, small files, one name for one thing.

Read from the source alone, so imports inside functions and those for type checkers count too.
"""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import svcodec

PACKAGE = Path(svcodec.__file__).parent
TESTS = Path(__file__).parent
LINES = 350
pytestmark = pytest.mark.once

# A room: the rooms that it may import. A module of the root is a room of its own; `svcodec` is the public names.
ROOMS: dict[str, set[str]] = {
    "arrays": set(),
    "cpus": set(),
    "errors": set(),
    "files": set(),
    "forks": set(),
    "program": {"errors", "files"},
    "tunes": set(),
    "bitstream": {"arrays", "errors", "tunes"},
    "models": {"arrays", "cpus", "errors", "forks", "tunes"},
    "family": {"errors", "files", "models"},
    "gate": {"arrays", "errors"},
    "codec": {"arrays", "errors", "files", "forks", "tunes", "bitstream", "models", "family", "gate"},
    "training": {"arrays", "errors", "files", "tunes", "models", "family", "gate", "codec"},
    "svcodec": {"errors", "forks", "codec", "gate"},
    "distributed": {"errors", "files", "program", "svcodec"},
    "cli": {"cpus", "files", "program", "svcodec", "distributed"},
    "benchmarks": {
        "arrays",
        "errors",
        "files",
        "program",
        "tunes",
        "bitstream",
        "models",
        "family",
        "gate",
        "codec",
        "training",
        "svcodec",
        "distributed",
    },
    "__main__": {"cli", "benchmarks", "training"},
}
# No networks in `bitstream`, and whoever needs none does not wait for torch.
WITHOUT_TORCH = (
    *("arrays", "cpus", "errors", "files", "forks", "program", "tunes"),
    *("bitstream", "gate", "svcodec", "distributed", "cli"),
)
# The same name in two rooms where it says the same thing of both.
SHARED_NAMES = {
    "__init__.py": "what a folder is",
    "__main__.py": "python -m FOLDER",
    "commands.py": "a room's commands, put together by the root's __main__",
}


def room_of(module: str) -> str:
    """`svcodec.codec.levels` is in codec, `svcodec` itself the public names."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "svcodec"


def name_of(path: Path) -> str:
    parts = ("svcodec", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    """Every module of the product by its full name."""
    rooms = [path.parent for path in PACKAGE.glob("*/__init__.py")]  # not `build` or `tests`
    paths = [*PACKAGE.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
    return {name_of(path): path for path in sorted(paths)}


MODULES = sources()


def imports_of(name: str, path: Path) -> set[str]:
    """Full names of all modules that a module imports, of this package and of others."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from . import levels` imports a module, `from .levels import Levels` a name in one
            found |= {inner if (inner := f"{base}.{alias.name}") in MODULES else base for alias in node.names}
    return found


IMPORTS = {name: imports_of(name, path) for name, path in MODULES.items()}


def inside(name: str) -> set[str]:
    """What a module imports of this package."""
    return {imported for imported in IMPORTS[name] if imported in MODULES and imported != name}


def test_every_room_is_known() -> None:
    assert {room_of(name) for name in MODULES} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    against = [
        f"{name} imports {imported}"
        for name in MODULES
        if room_of(name) == room
        for imported in sorted(inside(name))
        if room_of(imported) not in ROOMS[room] | {room}
    ]
    assert against == []
    of_room = (inside(name) for name in MODULES if room_of(name) == room)
    assert {room_of(imported) for imported in set().union(*of_room)} - {room} == ROOMS[
        room
    ]  # none that it doesn't need


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_rooms_without_networks_leave_torch_alone(room: str) -> None:
    """Nor do they import it for type checkers or inside functions."""
    of_room = [name for name in MODULES if room_of(name) == room]
    assert [name for name in of_room if any(other.split(".")[0] == "torch" for other in IMPORTS[name])] == []


def test_rooms_form_no_circle() -> None:
    tuple(TopologicalSorter(ROOMS).static_order())


def test_modules_import_one_another_in_no_circle() -> None:
    try:
        tuple(TopologicalSorter({name: inside(name) for name in MODULES}).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_files_are_small() -> None:
    paths = [*MODULES.values(), *TESTS.rglob("*.py")]
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {path: length for path, length in lengths.items() if length >= LINES} == {}


def test_no_two_modules_share_a_name() -> None:
    count = Counter(path.name for path in MODULES.values() if path.name not in SHARED_NAMES)
    assert [name for name, number in count.items() if number > 1] == []
