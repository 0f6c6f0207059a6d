"""The README's tables from the results of `kodak.py`: `python benchmarks/tables.py benchmarks/results`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from svcodec.bitstream import Tier
from svcodec.codec.tiers import SPECS


def load(folder: Path, part: str) -> dict[str, Any]:
    return dict(json.loads((folder / f"kodak-{part}.json").read_text()))


def main() -> None:
    folder = Path(sys.argv[1])
    means = load(folder, "tiers")["means"]
    print("| tier | reconstruction mode | what is coded | mean file | bits per pixel | PSNR |\n" + "| --- " * 6 + "|")
    coded = {
        Tier.SKETCH: "u",
        Tier.PREVIEW: "u, y_3",
        Tier.STANDARD: "u, z_3, z_2, z_1",
        Tier.HIGH: "u, y_3, z_3, z_2, z_1",
        Tier.LOSSLESS: "u, y_3, y_2, y_1, x",
    }
    for tier, spec in SPECS.items():
        mean = means[spec.name]
        quality = f"{mean['psnr']:.2f} dB" if spec.quality or tier is Tier.PREVIEW else "exact"
        default = f", quality {spec.quality}" if spec.quality else ""
        size = f"{mean['bpp'] * 768 * 512 / 8:,.0f} bytes"
        print(f"| `{spec.name}`{default} | {spec.mode} | {coded[tier]} | {size} | {mean['bpp']:.3f} | {quality} |")
    curve = load(folder, "standard")
    print(f"\nBD-rate against JPEG: {curve['BD-rate against JPEG in %']:.1f}%\n")
    print("| quality | bits per pixel | PSNR |\n" + "| --- " * 3 + "|")
    for point in curve["standard"]:
        print(f"| {point['quality']} | {point['bpp']:.3f} | {point['psnr']:.2f} dB |")


if __name__ == "__main__":
    main()
