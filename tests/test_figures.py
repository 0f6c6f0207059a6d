"""The figures of README and docs are those of the committed results."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("bjontegaard")
pytest.importorskip("scipy")
pytest.importorskip("cogapp")

from svcodec.benchmarks import figures_in_docs

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_pages_hold_the_figures_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this fails, `python -m svcodec.benchmarks.figures_in_docs` writes the pages anew."""
    monkeypatch.setattr("sys.argv", ["figures_in_docs", "--check"])
    assert figures_in_docs.main() == 0


def test_a_wrong_figure_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "README.md").read_text("utf-8").replace(" exact ", " 99.99 "))
    monkeypatch.setattr(figures_in_docs, "PAGES", (str(page),))
    monkeypatch.setattr("sys.argv", ["figures_in_docs", "--check"])
    assert figures_in_docs.main() != 0


def test_every_figure_is_used() -> None:
    text = "".join((ROOT / page).read_text("utf-8") for page in figures_in_docs.PAGES)
    assert [name for name in figures_in_docs.FIGURES if f'say("{name}")' not in text] == []
