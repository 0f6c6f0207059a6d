"""Hostile streams in numbers: no foreign exception, no warning, no wrong picture, whatever has a right checksum."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import svcodec
from svcodec.benchmarks.fuzz import __main__ as program
from svcodec.benchmarks.fuzz import campaign
from svcodec.benchmarks.fuzz.campaign import Campaign, Tally
from svcodec.benchmarks.fuzz.drafts import Draft, sealed
from svcodec.benchmarks.fuzz.layers import Layers, WrongPicture
from svcodec.benchmarks.fuzz.mutations import MUTATIONS, mutant
from svcodec.bitstream.container import unpack
from svcodec.bitstream.stack import Stack
from svcodec.bitstream.start import MAGIC
from svcodec.bitstream.tables import OFFSETS, SCALES
from svcodec.codec import corrections
from svcodec.codec.decoding import decode
from svcodec.codec.inspection import inspect

GOLDEN = Path(__file__).parent / "golden"
PLAIN = (GOLDEN / "plain.svc").read_bytes()
STANDARD = (GOLDEN / "standard.svc").read_bytes()


def few(codec: svcodec.Codec) -> list[bytes]:
    """Originals enough where what comes of them doesn't matter."""
    return [PLAIN, STANDARD]


@pytest.mark.once
def test_thousands_of_hostile_streams(codec: svcodec.Codec) -> None:
    tally = Tally()
    for _ in Campaign(codec, seed=1, every=10, tally=tally).run(cases=6000, seconds=120):
        pass
    assert tally.faults == {}, tally.examples
    assert tally.cases == 6000
    assert tally.decodings > 10
    assert sum(tally.refused.values()) + tally.read + tally.originals + tally.others == 6000
    layers = {kind.partition(":")[0] for kind in tally.refused}
    assert layers == {"container", "alpha", "plain", "codes", "chain", "networks"}
    assert tally.answers > 30


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.resource, "setrlimit", lambda *limits: None)
    monkeypatch.setattr(campaign, "BLOCK", 20)
    monkeypatch.setattr(campaign, "originals", few)
    output = tmp_path / "fuzz.json"
    for cases in (40, 60):
        ran = CliRunner().invoke(program.main, ["--cases", str(cases), "--every", "1000", "-o", str(output)])
        assert ran.exit_code == 0, ran.output
        assert json.loads(output.read_text())["tally"]["cases"] == cases
    other = CliRunner().invoke(program.main, ["--seed", "1", "-o", str(output)])
    assert other.exit_code == 2
    assert "of another seed" in other.output
    for content in (b"", b"[1]", b'{"seed": 0}', b"\xff"):
        output.write_bytes(content)
        damaged = CliRunner().invoke(program.main, ["-o", str(output)])
        assert damaged.exit_code == 2 and "no file of a run" in damaged.output
        assert output.read_bytes() == content


def test_faults_are_found(codec: svcodec.Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign would notice: an exception that is none of ours, and pixels that the seal does not promise."""
    monkeypatch.setattr(campaign, "originals", few)
    tally = Tally()
    run = Campaign(codec, seed=0, every=10**9, tally=tally)
    monkeypatch.setattr("svcodec.benchmarks.fuzz.layers.inspect", lambda data: 1 / 0)
    for _ in run.run(cases=5, seconds=60):
        pass
    assert tally.faults == {"foreign exceptions": 5}
    assert "ZeroDivisionError" in tally.examples[0]["text"]
    layers = Layers(codec)
    monkeypatch.setattr("svcodec.benchmarks.fuzz.layers.inspect", inspect)
    monkeypatch.setattr("svcodec.codec.plain.checksum", lambda pixels: unpack(PLAIN).plain.checksum)
    monkeypatch.setattr("svcodec.benchmarks.fuzz.layers.PIXELS", 1 << 20)
    head, last = PLAIN[:-5], PLAIN[-5:-4]
    assert layers.read(PLAIN, Random(0), fully=True) is not None
    with pytest.raises(WrongPicture):
        for i in range(1, 60):
            changed = bytearray(head + last)
            changed[-1 - i] ^= 1
            try:
                layers.read(sealed(bytes(changed)), Random(0), fully=True)
            except svcodec.SvcodecError:
                continue


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.svc")), ids=lambda path: path.stem)
def test_drafts_hold_all_of_a_stream(path: Path) -> None:
    data = path.read_bytes()
    assert sealed(Draft.of(data).body()) == data


def test_mutants_leave_what_they_come_from_alone() -> None:
    drafts = [Draft.of(PLAIN), Draft.of(STANDARD)]
    before = [asdict(draft) for draft in drafts]
    rng = Random(0)
    streams = {mutant(rng, rng.choice(drafts), drafts)[1] for _ in range(300)}
    assert [asdict(draft) for draft in drafts] == before
    assert len(streams) > 250
    for mutation in MUTATIONS:
        for draft in drafts:
            mutation(draft.copy(), rng, drafts)
    assert [asdict(draft) for draft in drafts] == before


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_magic(body: bytes) -> None:
    data = sealed(MAGIC + b"\1" + body)
    for read in (unpack, inspect, lambda data: decode(data, max_pixels=1 << 12)):
        try:
            read(data)
        except svcodec.SvcodecError:
            continue


@given(st.integers(0, 255), st.binary(max_size=60))
def test_any_plain_section(form: int, content: bytes) -> None:
    draft = Draft.of(PLAIN)
    draft.sides = [3, 5]
    draft.sections = [(7, bytes([form]) + zlib.crc32(content).to_bytes(4, "little") + content)]
    try:
        image = decode(sealed(draft.body()))
    except svcodec.StreamError:
        return
    assert image.tobytes() == content[:45]
    assert image.size == (3, 5)


POPS = st.lists(
    st.tuples(st.sampled_from("sruc"), st.integers(0, 40), st.integers(0, SCALES - 1), st.integers(1, 16)), max_size=6
)


@given(codes=st.binary(max_size=200), pops=POPS)
def test_any_bytes_as_a_stack(codec: svcodec.Codec, codes: bytes, pops: list[tuple[str, int, int, int]]) -> None:
    """Whatever is popped, it is in range, or the stack is refused."""
    words = codes + bytes(-len(codes) % 4)
    try:
        stack = Stack.from_bytes(words, codec.model.residuals)
        for kind, count, scale, bits in pops:
            if kind == "s":
                popped = stack.pop_symbols(np.full((count, bits + 1), 1 + scale))
                assert ((popped >= 0) & (popped <= bits)).all()
            elif kind == "r":
                popped = stack.pop_residuals(np.full(count, scale), np.full(count, bits % OFFSETS))
                assert (np.abs(popped.astype(np.int64)) <= 1 << 20).all()
            elif kind == "u":
                popped = stack.pop_uniform(count, bits)
                assert ((popped >= 0) & (popped < 1 << bits)).all()
            else:
                correction = corrections.pop_correction(stack, 8)
                assert correction is None or np.abs(correction.array).max() <= corrections.LIMIT
        stack.unseal()
    except svcodec.StreamError:
        return
