"""A whole run: measure the codecs on a folder of photos, then write tables, plots, crops and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..conditions import Photos, machine
from ..macs import macs_table
from ..peers.peer import Peer
from ..peers.registry import LOSSLESS
from . import crops, measure, page, plots, report
from .curves import LABELS, measured, published

CROPPED_PHOTOS = 4


def steps(codecs: Sequence[Peer], photos: Photos) -> int:
    """How many items `run` yields."""
    return sum(len(peer.settings) for peer in codecs) * len(photos)


def run(codecs: Sequence[Peer], photos: Photos, folder: Path, log_rate: bool, kodak: bool) -> Iterator[str]:
    """Measure what `folder` lacks and write all results to it. Yields the names of what was measured.

    Args:
        kodak: the photos are the Kodak images, on which others have published curves.
    """
    for peer in codecs:
        for photo in measure.measure(peer, photos, folder):
            yield f"{peer.name}: {photo}"
    trained = [peer for peer in codecs if peer.trained]
    curves = measured(folder, [peer.name for peer in trained]) + (published() if kodak else [])
    timed = measured(folder, [peer.name for peer in codecs])
    tables = report.markdown(curves, timed, len(photos), machine())
    if learned := [peer for peer in codecs if peer.networks]:
        tables += "\n## Networks\n\n" + macs_table(learned) + "\n"
    (folder / "report.md").write_text(tables, "utf-8")
    lossy = [curve for curve in curves if curve.name not in LOSSLESS]
    drawings = []
    for metric in LABELS if lossy else ():
        figure = plots.plot(lossy, metric, log_rate)
        figure.savefig(folder / f"{metric.replace('_', '-')}.png", dpi=110)
        drawings.append(plots.as_svg(figure))
    names = list(photos)[:: max(1, len(photos) // CROPPED_PHOTOS)][:CROPPED_PHOTOS]
    shown = [peer for peer in trained if peer.name not in LOSSLESS]
    rates = {
        peer.name: {
            name: figures["bpp"]
            for name, figures in json.loads((folder / f"{peer.name}.json").read_text())["images"].items()
        }
        for peer in shown
    }
    cut = crops.matched({name: photos[name] for name in names}, rates, shown)
    crops.contact_sheet(cut).save(folder / "crops.png")
    (folder / "report.html").write_text(page.render(drawings, tables, cut), "utf-8")
