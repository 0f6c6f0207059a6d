"""HEVC intra, by pillow-heif."""

from __future__ import annotations

from dataclasses import replace

from .peer import Peer, import_for, settings_of
from .pillow_codecs import with_pillow


def heic() -> Peer:
    pillow_heif = import_for("heic", "pillow_heif")
    pillow_heif.register_heif_opener()
    settings = settings_of("quality", 1, 10, 20, 30, 40, 50, 60, 70, 80, 90)
    encoder = pillow_heif.libheif_info()["HEIF"]
    peer = with_pillow("heic", "HEIF", None, settings, chroma=444)
    return replace(peer, description=f"HEVC intra 4:4:4, {encoder}, by pillow-heif")
