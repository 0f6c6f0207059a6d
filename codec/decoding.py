"""`decode`, which waits for torch only where a picture needs the networks."""

from __future__ import annotations

import os

import PIL.Image

from .arguments import MAX_PIXELS
from .memory import tells_out_of_memory
from .sources import Source
from .streams import open_stream, plain_image


@tells_out_of_memory
def decode(
    source: Source,
    *,
    seed: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
) -> PIL.Image.Image:
    """The picture of an .svc file, mode L, LA, RGB or RGBA, with its profile and metadata in `info`.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        seed: with which to draw what the tier does not code, 0 or more; None takes the model's mean instead.
        max_pixels: the most that the picture may have; None for as many as the format allows, 2^28. Pixels of a picture
            that takes less than 1/64 bit for each count eightfold.
        model: as for `Codec`; None for the one that the file names, in the package or of `register_model`. A plain
            picture needs none.
        device: as for `Codec`.

    Raises:
        InputError: the source can't be read, or an argument is out of range.
        StreamError: it is no intact .svc file; TooLargeError for a picture that has more pixels than allowed, or does
            not fit in memory.
        ModelError: the model is not there, is another, or is not computed exactly on this machine.
        OutOfMemoryError: memory ran out all the same.
    """
    stream = open_stream(source, seed, max_pixels)
    if stream.plain is not None:
        return plain_image(stream, stream.plain)
    from .codec import decode_stream
    from .model_files import find_model, load_named

    loaded = load_named(stream.model_name, device) if model is None else find_model(model, device)
    return decode_stream(loaded, stream, seed)
