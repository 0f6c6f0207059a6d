"""Pictures to codes and back by a model of the family, in any tier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...arrays import Pixels
from ...bitstream.container import Colour, Entry, Stream
from ...bitstream.stack import Stack
from ...errors import ModelError, StreamError
from ..ledger import Coded
from ..tiers import SPECS, TierSpec
from . import chain, modes
from .family_model import FamilyModel


def encode(model: FamilyModel, spec: TierSpec, pixels: Pixels) -> Coded:
    """A picture in codes.

    Args:
        spec: of the tier.
        pixels: uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        InputError: the model is a VAE, and the tier needs a representation.
    """

    def road() -> tuple[Stack, tuple[Entry, ...]]:
        if not spec.exact:
            return modes.encode(model, spec, pixels)
        stack, (account,) = chain.encode(model, [pixels])
        return stack, account

    stack, account = model.compute(road)
    return Coded(stack.to_bytes(), account)


def decode(model: FamilyModel, stream: Stream, seed: int | None) -> Pixels:
    """The pixels of a stream: uint8 (h, w, 3), or (h, w) for grey.

    Raises:
        StreamError: it is damaged.
        ModelError: it was made by a machine whose arithmetic is another.
    """
    spec, size, grey = SPECS[stream.tier], (stream.height, stream.width), stream.colour is Colour.GREY

    def pixels() -> Pixels:
        stack = Stack.from_bytes(stream.codes, model.stack().tables)
        if spec.exact:
            return chain.decode(model, stack, size, grey)
        return modes.decode(model, stack, spec, size, grey, seed)

    with told_of_machine(model, stream):
        return model.compute(pixels)


@contextmanager
def told_of_machine(model: FamilyModel, stream: Stream) -> Iterator[None]:
    """Turn what is wrong with a stream into a ModelError where another machine's arithmetic may be why."""
    try:
        yield
    except StreamError as error:
        if stream.machine == model.fingerprint:
            raise
        raise ModelError(
            f"the picture can't be decoded here ({error}): model {model.name} is computed in floats, and the machine "
            "that coded it adds in another order than this one"
        ) from error
