"""The lower bits of samples of sixteen bits, given the upper ones: tiles of a picture on one stack."""

from __future__ import annotations

import numpy as np

from ...arrays import Deep, Integers, Pixels, tiles
from ...bitstream.stack import Stack
from ..tiling import TILE
from .coding import DEFAULT, Coded, pop_parameters, pop_samples, push_parameters, tables
from .search import search
from .surroundings import Parameters, Place, Surroundings, Tile, Wide


def encode(ranks: Deep, shift: int, effort: int, seal: int) -> bytes:
    """The lower bits of samples.

    Args:
        ranks: uint16 (h, w, 3), or (h, w) for grey, of which `shift` lower bits leave eight upper ones at most.
        shift: 0..8.
        effort: 1..9: how many samples parameters are fitted to.
        seal: 32 bits that come back with the samples.
    """
    stack = Stack(tables())
    stack.seal(seal)
    channels = ranks.reshape(*ranks.shape[:2], -1)
    for rows, columns in reversed(list(tiles(ranks.shape[:2], TILE)) if shift else []):
        samples = channels[rows, columns].astype(np.int32)
        uniform = stack.copy()
        uniform.push_uniform(samples.ravel() & (1 << shift) - 1, shift)
        _push_predicted(stack, samples, shift, 1 << 8 + effort)
        stack = min(uniform, stack, key=lambda stack: stack.bits)
        stack.push_uniform([stack is uniform], 1)
    return stack.to_bytes()


def decode(codes: bytes, coarse: Pixels, shift: int) -> tuple[Deep, int]:
    """The ranks that `encode` was given, of the shape of their upper bits, and the seal.

    Raises:
        StreamError: the codes are not those of such samples.
    """
    stack = Stack.from_bytes(codes, tables())
    ranks = coarse.astype(np.uint16) << np.uint16(shift)
    channels = ranks.reshape(*coarse.shape[:2], -1)
    for rows, columns in tiles(coarse.shape[:2], TILE) if shift else ():
        tile = channels[rows, columns]
        if stack.pop_uniform(1, 1)[0]:
            tile += stack.pop_uniform(tile.size, shift).reshape(tile.shape).astype(np.uint16)
        else:
            tile[:] = _pop_predicted(stack, (tile >> shift).astype(np.uint8), shift)
    return ranks, stack.unseal()


def _push_predicted(stack: Stack, samples: Integers, shift: int, count: int) -> None:
    """Push samples (h, w, channels), parameters fitted to `count` of a channel in a phase."""
    visited: list[tuple[Coded, Parameters | None]] = []

    def visit(around: Surroundings, place: Place, latest: Parameters) -> tuple[Parameters, Wide, Integers]:
        true = samples[place.rows, place.columns, place.channel].ravel()
        parameters = search(around, true, latest, count)
        centres = around.centres(parameters.weights)
        scales = parameters.scales[around.contexts(centres)]
        visited.append((Coded(true, shift, centres, scales), None if parameters is latest else parameters))
        return parameters, centres, true

    Tile((samples >> shift).astype(np.uint8), shift).walk(visit, DEFAULT)
    for coded, own in reversed(visited):
        coded.push(stack)
        if own is not None:
            push_parameters(stack, own)
        stack.push_uniform([own is not None], 1)


def _pop_predicted(stack: Stack, coarse: Pixels, shift: int) -> Integers:
    """Inverse of `_push_predicted`, given the upper bits, uint8 (h, w, channels)."""

    def visit(around: Surroundings, place: Place, latest: Parameters) -> tuple[Parameters, Wide, Integers]:
        own = stack.pop_uniform(1, 1)[0]
        parameters = pop_parameters(stack, len(around.differences)) if own else latest
        centres = around.centres(parameters.weights)
        scales = parameters.scales[around.contexts(centres)]
        return parameters, centres, pop_samples(stack, around.first, shift, centres, scales)

    tile = Tile(coarse, shift)
    tile.walk(visit, DEFAULT)
    return tile.samples
