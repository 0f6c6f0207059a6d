"""`decode`, which waits for torch only where a picture needs the networks."""

from __future__ import annotations

import os

import PIL.Image

from .arguments import MAX_PIXELS
from .sources import Source
from .streams import open_stream, plain_image


def decode(
    source: Source,
    *,
    seed: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """`Codec(model, device=device).decode(source, seed=seed, max_pixels=max_pixels)`.

    Without `model` it is the one that the file names, among those in the package and those of `register_model`. A plain
    picture needs none.
    """
    stream = open_stream(source, seed, max_pixels)
    if stream.plain is not None:
        return plain_image(stream, stream.plain)
    from .codec import decode_stream
    from .model_files import load_model, load_named

    loaded = load_named(stream.model_name, device) if model is None else load_model(model, device)
    return decode_stream(loaded, stream, seed)
