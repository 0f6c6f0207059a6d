"""The README's table of tiers: `python -m svcodec.benchmarks.tables benchmarks/results`, where `kodak` wrote to."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..bitstream.container import Tier
from ..codec.tiers import SPECS


def main() -> None:
    means = json.loads((Path(sys.argv[1]) / "kodak-tiers.json").read_text())["means"]
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
        quality = f"{mean['psnr']:.2f} dB" if mean["psnr"] else "exact"
        default = f", quality {spec.quality}" if spec.quality else ""
        size = f"{mean['bpp'] * 768 * 512 / 8:,.0f} bytes"
        print(f"| `{spec.name}`{default} | {spec.mode} | {coded[tier]} | {size} | {mean['bpp']:.3f} | {quality} |")


if __name__ == "__main__":
    main()
