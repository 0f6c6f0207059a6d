"""Figures of the paper's models for the docs: each function returns Markdown, from the committed results."""

from __future__ import annotations

from .committed import RESULTS


def selfvae_64() -> str:
    """Tiny ImageNet, 64 x 64."""
    return _with_figures("selfvae-64")


def selfvae_32() -> str:
    """Tiny ImageNet, 32 x 32."""
    return _with_figures("selfvae-32")


def selfvae_priors() -> str:
    """The VAE with each prior."""
    return _tables("selfvae-priors")


def _with_figures(experiment: str) -> str:
    names = {4: "Generations", 6: "Reconstructions", 12: "Interpolations and edits"}
    folder = (RESULTS / experiment).as_posix()
    figures = (f"![{name}](../{folder}/figure-{number}.png)" for number, name in names.items())
    return "\n\n".join((_tables(experiment), *figures))


def _tables(experiment: str) -> str:
    return (RESULTS / experiment / "table.md").read_text("utf-8").rstrip("\n")
