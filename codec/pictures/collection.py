"""What was found so far of what a picture carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PIL import Image

from .pillow_info import from_info


class Collection:
    """The metadata of a picture as they are collected.

    Attributes:
        image: loaded.
        content: of its file, or None where it can't be had.
        grey: whether the picture has no colours.
        info: of the image, without the texts that Pillow mixes into that of a PNG.
        metadata: found so far.
        lost: names of what no .svc file holds.
        behind: what follows the picture in its file, where that is looked at.
    """

    def __init__(self, image: Image.Image, content: bytes | None, grey: bool) -> None:
        self.image = image
        self.content = content
        self.grey = grey
        mixed = image.format == "PNG"
        self.info = {key: value for key, value in image.info.items() if not (mixed and isinstance(value, str))}
        self.metadata = from_info(self.info)
        self.lost: list[str] = []
        self.behind = b""

    def add(self, **fields: Any) -> None:
        """Take over fields of the metadata that are not there yet."""
        self.put(**{name: value for name, value in fields.items() if value and not getattr(self.metadata, name)})

    def put(self, **fields: Any) -> None:
        """Take over fields of the metadata in place of what is there."""
        self.metadata = replace(self.metadata, **fields)

    def forget_resolution(self) -> None:
        """Take nothing that Pillow says of the resolution, which the file does not."""
        self.put(resolution=None)
        for key in ("dpi", "resolution"):
            self.info.pop(key, None)
