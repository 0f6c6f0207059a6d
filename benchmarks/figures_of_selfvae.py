"""Figures of the paper's models for the docs: each function returns Markdown, from the committed results."""

from __future__ import annotations

from .committed import RESULTS


def _of(side: int) -> str:
    folder = RESULTS / f"selfvae-{side}"
    written = (folder / "table.md").read_text("utf-8").rstrip("\n")
    names = {4: "Generations", 6: "Reconstructions", 12: "Interpolations and edits"}
    figures = (f"![{name}](../{folder.as_posix()}/figure-{number}.png)" for number, name in names.items())
    return "\n\n".join((written, *figures))


def selfvae_64() -> str:
    """Tiny ImageNet, 64 x 64."""
    return _of(64)


def selfvae_32() -> str:
    """Tiny ImageNet, 32 x 32."""
    return _of(32)
