"""One self-contained HTML page of a run: curves, tables, and a slider between two codecs' crops."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from importlib import resources
from string import Template

from markdown_it import MarkdownIt

from .crops import Crop, as_webp


def render(curves: Sequence[str], tables: str, crops: Sequence[Crop]) -> str:
    """The page.

    Args:
        curves: <svg> elements.
        tables: in Markdown, as `report.markdown` writes them.
        crops: of every photo by the same codecs.
    """
    sources: dict[str, dict[str, dict[str, str]]] = {}
    for crop in crops:
        data = base64.b64encode(as_webp(crop.pixels)).decode()
        sources.setdefault(crop.photo, {})[crop.codec] = {
            "label": crop.label,
            "source": f"data:image/webp;base64,{data}",
        }
    template = Template((resources.files(__package__) / "page.html").read_text("utf-8"))
    script = json.dumps(sources).replace("</", "<\\/")
    return template.substitute(curves="\n".join(curves), tables=as_html(tables), crops=script)


def as_html(markdown: str) -> str:
    """Markdown with tables as HTML; what looks like HTML in it is text."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
