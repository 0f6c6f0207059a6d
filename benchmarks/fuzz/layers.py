"""A stream read as `decode` reads it, layer by layer, with a second look at what comes out."""

from __future__ import annotations

import warnings
import zlib
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import torch

from ...arrays import Deep, Pixels
from ...bitstream.container import Stream, unpack
from ...bitstream.links import read_links
from ...bitstream.stack import Stack
from ...bitstream.tables import OFFSETS, SCALES
from ...codec.arguments import REDUCTIONS
from ...codec.codec import Codec
from ...codec.corrections import count_of, pop_correction
from ...codec.decoding import decode_array
from ...codec.family.chaining import decode_chain
from ...codec.inspection import inspect
from ...codec.latents import draw_popped, give_back
from ...codec.streams import alpha_of, plain_picture
from ...codec.tiers import SPECS
from ...codec.tiling import tiles_of, whole
from ...codec.views import View
from ...errors import DroppedWarning, StreamError
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

    def read(self, data: bytes, rng: Random, fully: bool, early: bool = False, in_part: bool = False) -> Decoded | None:
        """Read a stream down to the layer that refuses it.

        Args:
            data: its bytes.
            rng: chooses what is popped from its codes.
            fully: by the networks too.
            early: as a file that may end early.
            in_part: by the networks, smaller, or a region of it.

        Returns:
            What was decoded, or None where the networks were not asked or the picture is larger than is tried.

        Raises:
            SvcodecError: it was refused.
            WrongPicture: it should have been.
        """
        self.layer = "container"
        if not early:
            inspect(data)
        stream = unpack(data, early)
        large = rng.random() >= ANY_SIZE and stream.width * stream.height > PIXELS
        if large:
            return None
        if stream.chain is not None:
            return self._chained(data, stream, fully)
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
            tiles = len(tiles_of((stream.height, stream.width), SPECS[stream.tier].exact))
            stacks = [[stream.codes]] if stream.machine else stream.tiles_codes().parts(tiles)
            self._pop(b"".join(rng.choice(stacks)), rng)
        except StreamError:
            if not fully:
                raise
        return self._decoded(data, stream, rng, early, in_part) if fully else None

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

    def _chained(self, data: bytes, stream: Stream, fully: bool) -> Decoded | None:
        self.layer = "chain"
        pictures = decode_chain(data, max_pixels=PIXELS)
        if not fully:
            return None
        self.decodings += 1
        for (_, image), link in zip(pictures, read_links(stream.chain or b""), strict=True):
            decoded = self._promised(_coloured(np.asarray(image), "A" in image.mode), link.checksum)
        return decoded

    def _decoded(self, data: bytes, stream: Stream, rng: Random, early: bool, in_part: bool) -> Decoded:
        self.layer = "networks"
        self.decodings += 1
        sampled = SPECS[stream.tier].sampled or stream.machine is not None  # then a seed leaves the sealed pixels
        seed = None if sampled else rng.choice((None, 0))
        part = _part(stream, rng) if in_part else {}
        seals = []
        unseal = Stack.unseal

        def recorded(stack: Stack, **how: Any) -> int:
            seals.append(unseal(stack, **how))
            return seals[-1]

        with mock.patch.object(Stack, "unseal", recorded), warnings.catch_warnings():
            warnings.simplefilter("ignore", DroppedWarning)
            samples = decode_array(data, seed=seed, partial=early, max_pixels=None, **part)
        pixels = _coloured(samples, stream.alpha is not None and not stream.early)
        if not part and not stream.early and stream.levels is None:
            size = stream.height, stream.width
            one = stream.machine is not None or stream.fine is not None  # has one seal, in the end
            places = [whole(size)] if one else [tile.inside for tile in tiles_of(size, SPECS[stream.tier].exact)]
            for place, seal in zip(places, seals[-len(places) :], strict=True):
                self._promised(pixels[place], seal)
        return self._promised(pixels, None)

    def _promised(self, pixels: Pixels | Deep, seal: int | None) -> Decoded:
        """What was decoded. Raises WrongPicture unless it is what a seal promises."""
        found = zlib.crc32(pixels.astype(f"<u{pixels.itemsize}").tobytes())
        if seal is not None and found != seal:
            raise WrongPicture(f"the pixels have the CRC-32 {found:08x}, the seal promises {seal:08x}")
        return pixels.shape[1::-1], found


def _coloured(samples: Pixels | Deep, alpha: bool) -> Pixels | Deep:
    """Samples (h, w), (h, w, 2), (h, w, 3) or (h, w, 4) without alpha."""
    if not alpha:
        return samples
    return samples[..., 0] if samples.shape[2] == 2 else samples[..., :3]


def _part(stream: Stream, rng: Random) -> dict[str, Any]:
    """What of a picture `decode_array` may be asked for: smaller, or a region of it, which may reach beyond it."""
    sides = (stream.width, stream.height)
    left, top = (rng.randrange(side + 1) for side in sides)
    region = (left, top, *(rng.randrange(1, side + 1) for side in sides))
    return {"reduce": rng.choice((1, *REDUCTIONS)), "region": rng.choice((None, region))}
