"""The picture of a stream, by the model that it was made with."""

from __future__ import annotations

from ..arrays import Pixels
from ..bitstream.codes import PARTS
from ..bitstream.container import Colour, Stream
from ..errors import CorruptError, ModelError, StreamError, TruncatedError
from . import lossless, lossy
from .family import roads
from .family.family_model import FamilyModel
from .flats import Flats
from .memory import DECODING, cost_of, refuse_what_does_not_fit
from .model_files import AnyModel
from .pictures import Picture
from .pictures.reduction import seen, seen_picture
from .streams import alpha_of, least_halvings, picture_of
from .tiers import SPECS
from .tiling import of_tiles, size_of, whole
from .views import View


def refuse_other_model(stream: Stream, model: AnyModel) -> None:
    """Raise ModelError for a stream that was made with another model."""
    if (stream.model_name, stream.model_hash) != (model.name, model.hash):
        raise ModelError(
            f"the file was made with model {stream.model_name} ({stream.model_hash.hex()}), "
            f"not with {model.name} ({model.hash.hex()})"
        )


def decode_stream(model: AnyModel, stream: Stream, view: View) -> Picture:
    """The picture of a stream that is not plain.

    Args:
        model: that it was made with.
        view: what of it is wanted.

    Raises:
        InputError: the view reaches beyond it.
        StreamError: its content is damaged; TooLargeError where it does not fit in memory.
        ModelError: it was made with another model.
    """
    refuse_other_model(stream, model)
    spec, size = SPECS[stream.tier], (stream.height, stream.width)
    where, deep = view.where(size), stream.fine is not None
    codes = stream.tiles_codes()
    times = max(view.times, least_halvings(stream))
    wanted, k = (whole(size), 0) if deep else (where, times)  # lower bits are those of all pixels
    height, width = size_of(of_tiles(wanted, size, spec.exact))
    if model.device.type == "cpu":
        refuse_what_does_not_fit("decoding", cost_of(DECODING, stream.tier, deep, k), width, height)
    grey = stream.colour is Colour.GREY
    alpha = alpha_of(stream)
    flats = None if stream.flats is None else Flats.of(stream.flats, size, grey)
    if isinstance(model, FamilyModel) and stream.early:
        raise TruncatedError("the file ends early, and codes of the paper's models have no coarser picture in them")
    if (stream.machine is None) == isinstance(model, FamilyModel):
        raise CorruptError("the file says of a machine what does not go with its model")
    if isinstance(model, FamilyModel):
        return seen_picture(picture_of(stream, roads.decode(model, stream, view.seed), alpha), where, view.times)

    def pixels_of_codes() -> Pixels:
        if spec.exact:
            return lossless.decode(model, codes, size, grey, wanted, k)
        at = model.at(stream.quality, stream.tune)
        return lossy.Decoder(model, codes, spec, at, size, grey, flats, view.seed).decode(wanted, k)

    cut, drawn = codes.levels < PARTS or codes.early, view.seed is not None and spec.sampled
    if k or cut or drawn:  # nothing says whether such a picture is right
        model.test()
    kernel = model.kernel
    try:
        pixels = model.compute(width * height >> 2 * k, pixels_of_codes)
    except StreamError:  # the stream is damaged, or the machine not exact
        model.test()
        if model.kernel is kernel:
            raise
        pixels = model.compute(width * height >> 2 * k, pixels_of_codes)
    if deep:
        return seen_picture(picture_of(stream, pixels, alpha), where, times)
    return picture_of(stream, pixels, None if alpha is None else seen(alpha, where, times))
