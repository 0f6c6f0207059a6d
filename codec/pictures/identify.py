"""Picture files opened without Pillow's own limit on the number of pixels: `max_pixels` is the limit here."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection

from PIL import Image, UnidentifiedImageError


def open_picture(content: bytes) -> Image.Image:
    """A picture file's content, opened like `Image.open` but at any size. Pixels are read when they are needed.

    Pillow's limit is a setting of the whole process, `Image.MAX_IMAGE_PIXELS`, which is its host's to change.

    Raises:
        UnidentifiedImageError: no format that Pillow reads.
        Exception: of many kinds, for a damaged file.
    """
    tried: Collection[str] = ()
    for load in (Image.preinit, Image.init):  # few plugins first, then all of them
        load()
        image = _open(content, [name for name in Image.ID if name not in tried])
        if image is not None:
            return image
        tried = tuple(Image.ID)
    raise UnidentifiedImageError("not a picture in a format that Pillow reads")


def _open(content: bytes, names: Collection[str]) -> Image.Image | None:
    for name in names:
        factory, accept = Image.OPEN[name]
        try:
            accepted = not accept or accept(content[:16])
            if accepted and not isinstance(accepted, str):  # a text says what is not installed
                return factory(io.BytesIO(content), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # by which a plugin says that it is not its format
            continue
    return None
