"""A stream read as `decode` reads it, layer by layer, with a second look at what comes out."""

from __future__ import annotations

import zlib
from random import Random
from unittest import mock

import numpy as np
import torch

from ...arrays import Deep, Pixels
from ...bitstream.codes import Codes
from ...bitstream.container import Colour, Stream, unpack
from ...bitstream.stack import Stack
from ...bitstream.tables import OFFSETS, SCALES
from ...codec.codec import Codec
from ...codec.corrections import count_of, pop_correction
from ...codec.inspection import inspect
from ...codec.latents import draw_popped, give_back
from ...codec.streams import alpha_of, plain_picture
from ...codec.tiers import SPECS
from ...codec.tiling import tiles_of
from ...codec.views import View
from ...errors import StreamError
from ...models.details import MAX_LOG_SCALE, MIN_LOG_SCALE, Group, Prior

PIXELS = 1 << 12  # that a picture may have to be decoded, so that it takes milliseconds
ANY_SIZE = 1 / 50  # how often it may have any number
SYMBOLS = 64  # at most, that are popped at once
POPS = 6  # at most

Decoded = tuple[tuple[int, int], int]  # a picture's size, and the CRC-32 of its pixels


class WrongPicture(Exception):
    """A stream was decoded to other pixels than those that its seal promises."""


class Layers:
    """What reads streams.

    Attributes:
        layer: the one that was entered last.
        decodings: how many pictures the networks were asked for.
    """

    def __init__(self, codec: Codec):
        self.codec = codec
        self.layer = ""
        self.decodings = 0
        self._rng = np.random.default_rng(0)

    def read(self, data: bytes, rng: Random, fully: bool) -> Decoded | None:
        """Read a stream down to the layer that refuses it.

        Args:
            data: its bytes.
            rng: chooses what is popped from its codes.
            fully: by the networks too.

        Returns:
            What was decoded, or None where the networks were not asked or the picture is larger than is tried.

        Raises:
            SvcodecError: it was refused.
            WrongPicture: it should have been.
        """
        self.layer = "container"
        inspect(data)
        stream = unpack(data)
        large = rng.random() >= ANY_SIZE and stream.width * stream.height > PIXELS
        if large:
            return None
        if stream.alpha is not None:
            self.layer = "alpha"
            alpha_of(stream)
        if stream.plain is not None:
            self.layer = "plain"
            picture = plain_picture(stream, stream.plain, View())
            # of sixteen bits, `fine` has a seal of its own
            return self._promised(picture.pixels, None if stream.fine else stream.plain.checksum)
        self.layer = "codes"
        try:
            stacks = Codes(stream.codes).parts(len(tiles_of((stream.height, stream.width))))
            self._pop(b"".join(rng.choice(stacks)), rng)
        except StreamError:
            if not fully:
                raise
        return self._decoded(data, stream, rng) if fully else None

    def _pop(self, codes: bytes, rng: Random) -> None:
        """Pop symbols of all kinds, in no sensible order, and at last the seal."""
        tables = self.codec.photo_model.residuals
        stack = Stack.from_bytes(codes, tables)
        returned: list[np.ndarray] = []
        for _ in range(rng.randrange(POPS)):
            self._pop_some(stack, rng, returned)
        give_back(stack, returned)
        stack.unseal()

    def _pop_some(self, stack: Stack, rng: Random, returned: list[np.ndarray]) -> None:
        count = rng.randrange(SYMBOLS)
        match rng.randrange(5):
            case 0:
                scales = self._rng.integers(0, SCALES, count)
                stack.pop_residuals(scales, self._rng.integers(0, OFFSETS, count) if rng.random() < 0.5 else None)
            case 1:
                stack.pop_uniform(count, rng.randrange(1, 17))
            case 2:
                frequencies = self._rng.integers(0, 1 << 12, (count, rng.choice((2, 4, 16))))
                stack.pop_symbols(frequencies + (frequencies.sum(1, keepdims=True) == 0))
            case 3:
                pop_correction(stack, count_of(rng.randrange(4), range(rng.randrange(4)), rng.randrange(3)))
            case 4:
                shape = (1, rng.randrange(1, 4), count)
                log_scale = torch.from_numpy(self._rng.uniform(MIN_LOG_SCALE, MAX_LOG_SCALE, shape)).float()
                prior = Prior(torch.zeros(shape), log_scale, torch.ones(1, 1, count))
                draw_popped(stack, returned if rng.random() < 0.5 else None)(Group(tuple(range(shape[1]))), prior)

    def _decoded(self, data: bytes, stream: Stream, rng: Random) -> Decoded:
        self.layer = "networks"
        self.decodings += 1
        seed = None if SPECS[stream.tier].sampled else rng.choice((None, 0))
        seals = []
        unseal = Stack.unseal

        def recorded(stack: Stack) -> int:
            seals.append(unseal(stack))
            return seals[-1]

        with mock.patch.object(Stack, "unseal", recorded):
            samples = self.codec.decode_array(data, seed=seed, max_pixels=None)
        grey, alpha = stream.colour is Colour.GREY, stream.alpha is not None
        pixels = samples[..., 0] if grey and alpha else samples[..., :3] if alpha else samples
        return self._promised(pixels, seals[-1])

    def _promised(self, pixels: Pixels | Deep, seal: int | None) -> Decoded:
        """What was decoded. Raises WrongPicture unless it is what a seal promises."""
        found = zlib.crc32(pixels.astype(f"<u{pixels.itemsize}").tobytes())
        if seal is not None and found != seal:
            raise WrongPicture(f"the pixels have the CRC-32 {found:08x}, the seal promises {seal:08x}")
        return pixels.shape[1::-1], found
