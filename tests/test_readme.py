"""The README's commands and code run as they stand, and the documented names are the public ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import svcodec
from svcodec.__main__ import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *(ROOT / "docs").glob("*.md")]


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def blocks(language: str, heading: str) -> list[str]:
    return fenced(README.split(f"\n## {heading}\n")[1].split("\n## ")[0], language)


def help_of(*path: str) -> str:
    return CliRunner().invoke(main, [*path, "--help"], prog_name="svcodec").output


def subcommands(*path: str) -> list[str]:
    """The commands that a group's help lists; none for a command."""
    return re.findall(r"^  ([a-z][a-z-]*) ", help_of(*path).partition("\nCommands:\n")[2], re.MULTILINE)


def options_of(path: list[str]) -> set[str]:
    return set(re.findall(r"--[a-z0-9-]+", help_of(*path).partition("\nOptions:\n")[2])) - {"--help"}


def prepare(folder: Path, portrait: Path) -> None:
    with Image.open(portrait) as photo:
        photo.resize((64, 75)).save(folder / "photo.png")
        (folder / "holiday").mkdir()
        photo.resize((24, 28)).save(folder / "holiday" / "beach.png")


def test_shell_commands(tmp_path: Path, portrait_path: Path) -> None:
    prepare(tmp_path, portrait_path)
    script = 'svcodec() { "$PYTHON" -m svcodec "$@"; }\nset -e\n' + "".join(blocks("sh", "At the shell"))
    environment = {**os.environ, "PYTHON": sys.executable}
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert Image.open(tmp_path / "copy.png").size == (64, 75)
    assert "standard" in result.stdout
    original = np.asarray(Image.open(tmp_path / "holiday" / "beach.png"))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "archive" / "beach.svc")), original)


def test_python_code(tmp_path: Path, portrait_path: Path) -> None:
    prepare(tmp_path, portrait_path)
    (code,) = blocks("python", "In Python")
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("high ")


@pytest.mark.once
def test_set_up_commands_are_what_the_project_has() -> None:
    """CI installs and tests as the README says, but for the wheel, which it builds once for two environments."""
    install, test = blocks("sh", "Start")
    assert "pip install . && .venv/bin/svcodec demo" in install
    (arguments,) = re.findall(r'pip install ".\[test\]" && .venv/bin/pytest (.*)\n', test)
    ci, check = ((ROOT / path).read_text() for path in (".ci/run", "check"))
    assert 'pip" install --quiet "$wheel[test]"\n' in ci
    assert "./check" in ci
    assert check.splitlines()[-1] == f'pytest {arguments} "$@"'
    assert f'pytest" {arguments} ' in ci


@pytest.mark.once
def test_oldest_dependencies_are_the_least_allowed() -> None:
    """`.ci/oldest.txt` pins a release that begins with the least version in pyproject.toml."""
    pyproject = (ROOT / "pyproject.toml").read_text()
    dependencies = pyproject.split("\ndependencies = [")[1].split("]")[0]
    least = dict(re.findall(r'"([a-z]+)>=([0-9.]+)', dependencies))
    pins = dict(re.findall(r"^([a-z]+)==([0-9.]+)", (ROOT / ".ci" / "oldest.txt").read_text(), re.MULTILINE))
    assert {name for name, version in least.items() if not f"{pins.get(name)}.".startswith(f"{version}.")} == set()


@pytest.mark.once
def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 90


@pytest.mark.once
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_are_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in link]
    from_root = {"contributing.md", "security.md", "changelog.md"}  # pages of the site that lie in the root
    assert [link for link in links if link not in from_root and not (page.parent / link).exists()] == []


@pytest.mark.once
@pytest.mark.parametrize("page", ["index.md", "tutorial.md"])
def test_shell_commands_in_docs_are_commands(page: str) -> None:
    commands = set(re.findall(r"svcodec ([a-z]+)", "".join(fenced((ROOT / "docs" / page).read_text(), "sh"))))
    assert commands
    assert commands <= set(subcommands())


def test_tutorial_code(tmp_path: Path, portrait_path: Path) -> None:
    """All blocks but those of the last part, which need a model of one's own."""
    prepare(tmp_path, portrait_path)
    text = (ROOT / "docs" / "tutorial.md").read_text().split("\n## A model of your own\n")[0]
    code = "\n".join(fenced(text, "python"))
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "holiday" / "beach.svc").exists()


@pytest.mark.once
def test_command_line_page_names_every_option() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    commands = subcommands()
    assert sorted(re.findall(r"^## svcodec ([a-z]+)$", page, re.MULTILINE)) == sorted(commands)
    missing = []
    for command in commands:
        for path in [[command], *([command, inner] for inner in subcommands(command))]:
            if path[0] != "train":  # documented in docs/training.md
                missing += [f"{' '.join(path)} {o}" for o in options_of(path) if f"`{o}`" not in page]
    assert missing == []


@pytest.mark.once
def test_api_page_names_every_public_name() -> None:
    """Functions and classes by their docstrings, constants in a sentence."""
    page = (ROOT / "docs" / "api.md").read_text()
    marks = {name: "::: " if callable(getattr(svcodec, name)) else "`" for name in svcodec.__all__}
    assert [name for name, mark in marks.items() if not re.search(rf"{mark}svcodec\.{name}\b", page)] == []


@pytest.mark.once
def test_public_names() -> None:
    """Each public name exists and has a docstring; `from svcodec import *` gives just these."""
    assert sorted(svcodec.__all__) == sorted(set(svcodec.__all__))
    for name in svcodec.__all__:
        value = getattr(svcodec, name)
        if callable(value):
            assert value.__doc__, name
    assert set(svcodec.__all__) <= set(dir(svcodec))


@pytest.mark.once
def test_tiers_are_documented() -> None:
    for page in (README, (ROOT / "docs" / "design.md").read_text(), (ROOT / "docs" / "format.md").read_text()):
        assert all(tier in page for tier in svcodec.TIERS)


def test_importing_leaves_heavy_packages_alone() -> None:
    code = "import sys, svcodec, svcodec.__main__; svcodec.inspect; svcodec.TIERS; svcodec.GATES; svcodec.MAX_PIXELS\n"
    code += "print({'torch', 'numpy', 'constriction', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
