"""The entropy coder: what is pushed is popped, and the stack is then the one it was."""

from math import erf, sqrt
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from svcodec.bitstream.stack import Stack, symbol_bits
from svcodec.bitstream.tables import LIMIT, SCALES, ResidualTables
from svcodec.errors import CorruptError, InputError, ModelError, StreamError, TruncatedError


def normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


TABLES = ResidualTables.generate(normal)
GOLDEN = [0x321DBEEF, 0x9DFFFFDE, 0x854DAD62, 0x1C813D84, 0x000000A7]
SEEDS = st.integers(0, 2**32 - 1)


def sealed(value: int = 0x89ABCDEF) -> Stack:
    stack = Stack(TABLES)
    stack.seal(value)
    return stack


def rows(rng: np.random.Generator, count: int, alphabet: int) -> NDArray[np.float32]:
    frequencies = rng.integers(0, 2**24 // alphabet, (count, alphabet)) * rng.integers(0, 2, (count, alphabet))
    frequencies[:, -1] += 1
    return frequencies.astype(np.float32)


def residuals(rng: np.random.Generator, count: int, grid: int = 16) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Draw values that mostly fit their scales, with some that escape."""
    scales = rng.integers(0, SCALES, count)
    offsets = rng.integers(0, grid, count)
    values = np.rint(rng.normal(0, 2 ** (scales / 8 - 5)) - offsets / 16).astype(np.int64)
    wild = rng.random(count) < 0.01
    values[wild] = rng.integers(-LIMIT, LIMIT, np.count_nonzero(wild))
    return values, scales, offsets


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(st.tuples(st.sampled_from("sruo"), st.integers(0, 200)), max_size=8), st.integers(0, 2**32 - 1))
def test_interleaved_pushes_and_pops_restore_data_and_state(
    seed: int, steps: list[tuple[str, int]], value: int
) -> None:
    rng = np.random.default_rng(seed)
    stack = sealed(value)
    undo = []
    for kind, count in steps:
        before = stack.to_bytes()
        if kind == "s":
            frequencies = rows(rng, count, int(rng.integers(2, 40)))
            data = rng.integers(0, frequencies.shape[1], count)
            stack.push_symbols(data, frequencies)
            undo.append((before, data, lambda f=frequencies: stack.pop_symbols(f)))
        elif kind == "r":
            data, scales, _ = residuals(rng, count)
            stack.push_residuals(data, scales)
            undo.append((before, data, lambda s=scales: stack.pop_residuals(s)))
        elif kind == "o":
            data, scales, offsets = residuals(rng, count)
            stack.push_residuals(data, scales, offsets)
            undo.append((before, data, lambda s=scales, o=offsets: stack.pop_residuals(s, o)))
        else:
            bits = int(rng.integers(1, 17))
            data = rng.integers(0, 1 << bits, count)
            stack.push_uniform(data, bits)
            undo.append((before, data, lambda c=count, b=bits: stack.pop_uniform(c, b)))
    stack = Stack.from_bytes(stack.to_bytes(), TABLES)
    for before, data, pop in reversed(undo):
        popped = pop()
        assert popped.dtype == np.int32
        assert np.array_equal(popped, data)
        assert stack.to_bytes() == before
    assert stack.unseal() == value
    assert stack.bits == 0


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 300))
def test_bits_back_returns_the_offsets_bits(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    stack = sealed()
    stack.push_uniform(rng.integers(0, 16, count + 8), 4)
    start = stack.to_bytes()

    values, scales, _ = residuals(rng, count)
    offsets = stack.pop_uniform(count, 4)
    stack.push_residuals(values, scales, offsets)
    stack.push_uniform(offsets, 4)

    decoder = Stack.from_bytes(stack.to_bytes(), TABLES)
    found = decoder.pop_uniform(count, 4)
    assert np.array_equal(decoder.pop_residuals(scales, found), values)
    decoder.push_uniform(found, 4)
    assert decoder.to_bytes() == start


@pytest.mark.parametrize("value", [-LIMIT, LIMIT - 1, 3, -3, 0])
@pytest.mark.parametrize("scale", [0, 62, 112])
def test_every_value_in_range_is_coded(value: int, scale: int) -> None:
    stack = sealed()
    stack.push_residuals([value], [scale], [15])
    assert stack.pop_residuals([scale], [15]).tolist() == [value]
    assert stack.unseal() == 0x89ABCDEF


def test_growth_is_the_ideal_cost_of_residuals() -> None:
    for grid in (1, 16):
        values, scales, offsets = residuals(np.random.default_rng(5), 200_000, grid)
        sixteenths = offsets if grid > 1 else None
        stack = sealed()
        stack.push_residuals(values, scales, sixteenths)
        cost = TABLES.residual_bits(values, scales, sixteenths)
        assert abs(stack.bits - 32 - cost) < 0.001 * cost + 64


def test_growth_is_the_ideal_cost_of_symbols() -> None:
    rng = np.random.default_rng(6)
    frequencies = rows(rng, 50_000, 64)
    symbols = np.argmax(rng.random(frequencies.shape) * frequencies, axis=1)
    stack = sealed()
    stack.push_symbols(symbols, frequencies)
    cost = symbol_bits(symbols, frequencies)
    assert abs(stack.bits - 32 - cost) < 0.001 * cost + 64


@pytest.mark.parametrize("scale", [0, 12, 52, 92, 112])
@pytest.mark.parametrize("offset", [0, 7, 15])
def test_tables_follow_the_density(scale: int, offset: int) -> None:
    frequencies = TABLES.frequencies(scale, offset)
    assert len(frequencies) == 2 * TABLES.reaches[scale] + 2
    assert frequencies.min() > 0
    edges = np.arange(len(frequencies)) - TABLES.reaches[scale] - 0.5 + offset / 16
    masses = np.diff([normal(edge / 2 ** (scale / 8 - 5)) for edge in edges])
    probabilities = frequencies[:-1] / frequencies.sum()
    likely = masses > 0
    assert (masses[likely] * np.log2(masses[likely] / probabilities[likely])).sum() < 0.0005


def test_tables_travel_as_arrays() -> None:
    arrays = TABLES.arrays()
    assert arrays["cdf"].dtype == np.int32
    assert arrays["inverse_scales"].dtype == np.int64
    again = ResidualTables(**arrays)
    assert np.array_equal(again.frequencies(33, 3), TABLES.frequencies(33, 3))
    with pytest.raises(ModelError):
        ResidualTables(arrays["cdf"][1:], arrays["inverse_scales"])
    with pytest.raises(ModelError):
        ResidualTables(arrays["cdf"][::-1], arrays["inverse_scales"])


def quantised(frequencies: NDArray[Any], dtype: Any) -> list[int]:
    """Turn one row of frequencies into cumulative 24-bit ones as docs/format.md says."""
    exact = frequencies.astype(dtype)
    weight = dtype(2**24 - len(exact)) / exact.sum(dtype=dtype)
    cumulative = np.cumsum(exact, dtype=dtype) - exact
    return [int(below * weight) + place for place, below in enumerate(cumulative)] + [2**24]


def reference(seal: int, coded: list[tuple[int, list[int]]]) -> bytes:
    """Push symbols with their cumulative frequencies in Python's integers, the first of the list on top."""
    state, words = 1 << 32 | seal, []
    for symbol, cumulative in reversed(coded):
        left = cumulative[symbol]
        frequency = cumulative[symbol + 1] - left
        if state >> 40 >= frequency:
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // frequency << 24) + left + state % frequency
    return np.array([*words, state & 0xFFFFFFFF, state >> 32], "<u4")[::-1].tobytes()


def test_the_stack_is_what_the_format_describes() -> None:
    rng = np.random.default_rng(7)
    frequencies = rows(rng, 300, 90)
    symbols = rng.integers(0, 90, 300)
    stack = sealed(77)
    stack.push_symbols(symbols, frequencies)
    coded = [(symbol, quantised(row, np.float32)) for symbol, row in zip(symbols, frequencies, strict=True)]
    assert stack.to_bytes() == reference(77, coded)

    reach = int(TABLES.reaches[90])
    values = rng.integers(-reach, reach + 1, 100)
    values[[3, 50]] = [-reach - 1, LIMIT - 1]
    escapes = [(int(value) + LIMIT, range(0, 2**24 + 1, 8)) for value in values[[3, 50]]]
    table = quantised(TABLES.frequencies(90, 4), np.float64)
    symbols = np.where(np.abs(values) > reach, 2 * reach + 1, values + reach)
    stack = sealed(77)
    stack.push_residuals(values, [90] * 100, [4] * 100)
    assert stack.to_bytes() == reference(77, [(int(symbol), table) for symbol in symbols] + escapes)


def test_golden_words() -> None:
    stack = sealed(0xDEADBEEF)
    stack.push_uniform([1, 2, 3], 4)
    stack.push_residuals([0, -1, 5, 900, 2], [32, 32, 42, 42, 102], [0, 3, 3, 3, 15])
    stack.push_symbols([2, 0, 1], [[1, 2, 3], [4, 0, 1], [0, 0, 9]])
    words = np.frombuffer(stack.to_bytes(), "<u4")[::-1].tolist()
    assert words == GOLDEN


def test_an_exhausted_stack_is_noticed() -> None:
    for data in (b"", sealed().to_bytes(), b"\1\0\0\0"):
        with pytest.raises(TruncatedError):
            Stack.from_bytes(data, TABLES).pop_uniform(100, 4)
        with pytest.raises(TruncatedError):
            Stack.from_bytes(data, TABLES).pop_residuals([80] * 100)
        with pytest.raises(TruncatedError):
            Stack.from_bytes(data, TABLES).pop_symbols(np.ones((100, 9), np.float32))


def test_a_short_stack_that_claims_much_fails_at_once() -> None:
    stack = sealed()
    stack.push_residuals(np.zeros(100, np.int32), [60] * 100)
    start = perf_counter()
    with pytest.raises(TruncatedError):
        stack.pop_uniform(1 << 28, 8)
    assert perf_counter() - start < 1


def test_every_shortened_stack_is_noticed() -> None:
    values, scales, _ = residuals(np.random.default_rng(8), 500)
    stack = sealed()
    stack.push_residuals(values, scales)
    data = stack.to_bytes()

    def noticed(part: bytes) -> bool:
        try:
            short = Stack.from_bytes(part, TABLES)
            short.pop_residuals(scales)
            return short.unseal() != 0x89ABCDEF
        except StreamError:
            return True

    assert not noticed(data)
    assert all(noticed(data[:length]) for length in range(len(data)))


def test_the_seal_is_first_and_last() -> None:
    for value in (0, 1, 2**32 - 1):
        assert Stack.from_bytes(sealed(value).to_bytes(), TABLES).unseal() == value
    stack = sealed()
    with pytest.raises(InputError):
        stack.seal(1)
    stack.push_uniform([0], 1)
    with pytest.raises(CorruptError):
        stack.unseal()
    with pytest.raises(InputError):
        Stack(TABLES).seal(2**32)


@pytest.mark.parametrize("data", [b"\1", b"\0\0\0\0", b"\0\0\0\0\1\0\0\0"])
def test_bytes_that_are_no_stack(data: bytes) -> None:
    with pytest.raises(CorruptError):
        Stack.from_bytes(data, TABLES)


def test_arguments_out_of_range_leave_the_stack_alone() -> None:
    stack = sealed()
    wrong = [
        lambda: stack.push_residuals([LIMIT], [0]),
        lambda: stack.push_residuals([0], [SCALES]),
        lambda: stack.push_residuals([0], [-1]),
        lambda: stack.push_residuals([0], [0], [16]),
        lambda: stack.push_residuals([0, 0], [0]),
        lambda: stack.push_residuals([0], [0], [0, 0]),
        lambda: stack.push_symbols([3], [[1, 1, 1]]),
        lambda: stack.push_symbols([-1], [[1, 1, 1]]),
        lambda: stack.push_symbols([1, 1], [[1, 1, 1]]),
        lambda: stack.push_uniform([16], 4),
        lambda: stack.push_uniform([0], 17),
        lambda: stack.pop_uniform(1, 0),
    ]
    for call in wrong:
        with pytest.raises(InputError):
            call()
    assert stack.unseal() == 0x89ABCDEF
