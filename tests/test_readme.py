"""The README's commands and code run as they stand, and the documented names are the public ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import svcodec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str, heading: str) -> list[str]:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


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
    assert Image.open(tmp_path / "sketch.png").size == (64, 75)
    assert "standard" in result.stdout
    original = np.asarray(Image.open(tmp_path / "holiday" / "beach.png"))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "archive" / "beach.svc")), original)


def test_python_code(tmp_path: Path, portrait_path: Path) -> None:
    prepare(tmp_path, portrait_path)
    (code,) = blocks("python", "In Python")
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("high ")


def test_set_up_commands_are_what_the_project_has() -> None:
    install, test = blocks("sh", "Start")
    assert "svcodec demo" in install
    assert 'pip install -e ".[test]"' in test
    assert 'pip" install -e ".[test]"' in (ROOT / ".ci" / "run").read_text()


def test_linked_files_are_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 5
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_public_names() -> None:
    """Each public name exists and has a docstring; `from svcodec import *` gives just these."""
    assert sorted(svcodec.__all__) == sorted(set(svcodec.__all__))
    for name in svcodec.__all__:
        value = getattr(svcodec, name)
        if callable(value):
            assert value.__doc__, name
    assert set(svcodec.__all__) <= set(dir(svcodec))


def test_tiers_are_documented() -> None:
    for page in (README, (ROOT / "docs" / "design.md").read_text(), (ROOT / "docs" / "format.md").read_text()):
        assert all(tier in page for tier in svcodec.TIERS)


def test_importing_leaves_heavy_packages_alone() -> None:
    code = "import sys, svcodec, svcodec.__main__; svcodec.inspect; svcodec.TIERS; svcodec.GATES; svcodec.MAX_PIXELS\n"
    code += "print({'torch', 'numpy', 'constriction', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
