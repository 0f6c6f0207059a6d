"""The figures of README and docs, from the committed results: `python -m svcodec.benchmarks.figures_in_docs`.

Run it in the repository's root. It writes what each function in FIGURES returns between the marks in PAGES that name
the function; with `--check` it writes nothing, and fails where a page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cogapp import Cog

from . import figures_of_gate, figures_of_rates, figures_of_reliability, figures_of_selfvae, figures_of_speed

PAGES = (
    "README.md",
    *(f"docs/{name}.md" for name in ("results", "gate", "likelihood", "reliability", "distributed", "selfvae")),
)
FIGURES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        figures_of_rates.tiers,
        figures_of_rates.low_jpeg,
        figures_of_rates.standing,
        figures_of_rates.tunes,
        figures_of_rates.plots,
        figures_of_rates.bd_rates,
        figures_of_rates.low_rates,
        figures_of_rates.more_photos,
        figures_of_rates.crops,
        figures_of_rates.graphics,
        figures_of_rates.lossless,
        figures_of_rates.with_latents,
        figures_of_rates.bitstream,
        figures_of_rates.sixteen_bits,
        figures_of_rates.eight_bits,
        figures_of_speed.slowness,
        figures_of_speed.efforts,
        figures_of_speed.against_compressai,
        figures_of_speed.against_compressai_capped,
        figures_of_speed.kernels,
        figures_of_speed.beside_others,
        figures_of_speed.whole_command,
        figures_of_speed.large,
        figures_of_speed.throughput,
        figures_of_selfvae.selfvae_64,
        figures_of_selfvae.selfvae_32,
        figures_of_selfvae.selfvae_priors,
        figures_of_gate.gate,
        figures_of_gate.gate_training,
        figures_of_gate.gate_by_maker,
        figures_of_gate.gate_cost,
        figures_of_gate.likelihood,
        figures_of_reliability.fuzzing,
        figures_of_reliability.footprint,
    )
}


def figure(name: str) -> str:
    """What stands between the marks of that name."""
    try:
        return FIGURES[name]()
    except FileNotFoundError as error:
        return f"Not measured yet: there is no {error.filename}."


def main() -> int:
    """Write the pages, or with `--check` compare them; the exit code."""
    if missing := [page for page in PAGES if not Path(page).is_file()]:
        sys.exit(f"there is no {missing[0]}: run this in the repository's root")
    prologue = "import cog\nfrom svcodec.benchmarks.figures_in_docs import figure\n"
    prologue += "say = lambda name: cog.outl(figure(name))"
    how = ["--check", "--diff"] if "--check" in sys.argv[1:] else ["-r"]
    return int(Cog().main(["cog", *how, "-p", prologue, *PAGES]))


if __name__ == "__main__":
    sys.exit(main())
