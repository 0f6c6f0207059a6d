"""A whole run: measure the codecs on a folder of photos, then write tables, plots, crops and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..conditions import Photos
from ..macs import macs_table
from ..peers.peer import Peer
from ..peers.registry import LOSSLESS, LOW
from ..recorded import record_text
from . import crops, measure, page, plots, report
from .curves import LABELS, measured, published, told

CROPPED_PHOTOS = 4


def steps(codecs: Sequence[Peer], photos: Photos) -> int:
    """How many items `run` yields."""
    return sum(len(peer.settings) for peer in codecs) * len(photos)


def run(
    codecs: Sequence[Peer], photos: Photos, folder: Path, *, log_rate: bool = False, kodak: bool = False, jobs: int = 1
) -> Iterator[str]:
    """Measure what `folder` lacks and write all results to it. Yields the names of what was measured.

    Args:
        log_rate: plot against the logarithm of the rate.
        kodak: the photos are the Kodak images, on which others have published curves.
        jobs: how many photos are measured at a time.
    """
    for peer in codecs:
        for photo in measure.measure(peer, photos, folder, jobs):
            yield f"{peer.name}: {photo}"
    trained = [peer for peer in codecs if peer.trained]
    curves = measured(folder, [peer.name for peer in trained]) + (published() if kodak else [])
    timed = measured(folder, [peer.name for peer in codecs])
    tables = report.markdown(curves, timed, len(photos), measure.conditions(jobs))
    results = {peer.name: json.loads((folder / f"{peer.name}.json").read_text()) for peer in trained}
    if gaps := report.unknown(results):
        tables += "\n## Not known\n\n" + "".join(f"- {gap}\n" for gap in gaps)
    if learned := [peer for peer in codecs if peer.networks]:
        tables += "\n## Networks\n\n" + macs_table(learned) + "\n"
    record_text(folder / "report.md", tables)
    lossy = [curve for curve in curves if curve.name not in LOSSLESS]
    whole = [curve for curve in lossy if curve.name not in LOW]
    figures = {metric.replace("_", "-"): plots.plot(whole, metric, log_rate) for metric in told(whole)}
    if lossy:
        figures["low-rates"] = plots.low_plot(lossy)
    for name in {metric.replace("_", "-") for metric in LABELS} | {"low-rates"}:
        (folder / f"{name}.png").unlink(missing_ok=True)  # perhaps of an earlier run, over other photos
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=110)
    names = list(photos)[:: max(1, len(photos) // CROPPED_PHOTOS)][:CROPPED_PHOTOS]
    shown = [peer for peer in trained if peer.name not in (*LOSSLESS, *LOW)]
    rates = {
        peer.name: {name: figures["bpp"] for name, figures in results[peer.name]["images"].items()} for peer in shown
    }
    cut = crops.matched({name: photos[name] for name in names}, rates, shown)
    crops.contact_sheet(cut).save(folder / "crops.png")
    record_text(folder / "report.html", page.render([plots.as_svg(figure) for figure in figures.values()], tables, cut))
