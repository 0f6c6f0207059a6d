"""Hooks of the site: it has pages, figures and docstrings from outside `docs` too, and the links to them work."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
PAGES = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
RESULTS = "benchmarks/results"


_package = tempfile.TemporaryDirectory()


@event_priority(100)  # before mkdocstrings reads its settings
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Have docstrings read from the working copy, whatever its folder is called: the repository's root is `svcodec`."""
    link = Path(_package.name) / "svcodec"
    if not link.exists():
        link.symlink_to(ROOT)
    config.plugins["mkdocstrings"].config["handlers"]["python"]["paths"] = [_package.name]
    return config


def on_shutdown() -> None:
    """Take the link away."""
    _package.cleanup()


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and figures."""
    for name in PAGES:
        files.append(File.generated(config, name.lower(), abs_src_path=str(ROOT / name)))
    for path in sorted((ROOT / RESULTS).rglob("*.png")):
        files.append(File.generated(config, str(path.relative_to(ROOT)), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that hold in the repository hold in the site."""
    if page.file.src_uri in [name.lower() for name in PAGES]:
        for name in PAGES:
            markdown = markdown.replace(f"]({name})", f"]({name.lower()})")
        return markdown.replace("](docs/", "](")
    return markdown.replace(f"](../{RESULTS}/", f"]({RESULTS}/")
