"""The lossless road: tiles chained on one stack, and bits-back of every latent, which benchmarks measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made import texture

import svcodec
from svcodec.benchmarks.bits_back import ChainCoder, MeasuringStack, negative_elbo
from svcodec.bitstream.codes import PARTS, Codes
from svcodec.bitstream.container import Coding, Variable
from svcodec.bitstream.stack import Stack
from svcodec.codec import lossless, tiling
from svcodec.codec.ledger import Ledger
from svcodec.codec.model import Model
from svcodec.models.arithmetic import exact_arithmetic
from svcodec.models.transforms import to_pixels, to_samples


@pytest.fixture(scope="module")
def model() -> Model:
    return svcodec.Codec().model


@pytest.mark.parametrize("grey", [False, True])
def test_tiles_come_back(model: Model, monkeypatch: pytest.MonkeyPatch, grey: bool) -> None:
    monkeypatch.setattr(tiling, "TILE", 32)
    image = texture(70, 45, None if grey else 3)
    with exact_arithmetic():
        coded = lossless.encode(model, image)
        size = image.shape[:2]
        assert np.array_equal(lossless.decode(model, Codes(coded.codes, PARTS), size, grey, tiling.whole(size)), image)
    variables = {entry.variable for entry in coded.account}
    assert variables == {Variable.U, Variable.Y0, Variable.Y1, Variable.Y2, Variable.Y3}


@pytest.mark.parametrize("grey", [False, True])
def test_every_latent_comes_back_by_bits_back(model: Model, grey: bool) -> None:
    image = texture(70, 45, None if grey else 3)
    stack = Stack(model.residuals)
    stack.seal(7)
    lent = np.random.default_rng(1).integers(0, 1 << 16, 4000)
    stack.push_uniform(lent, 16)
    ledger = Ledger()
    coder = ChainCoder(model, stack, grey)
    with exact_arithmetic():
        coder.push(to_samples(image, model.device), ledger)
        assert np.array_equal(to_pixels(coder.pop((70, 45)), grey), image)
    assert np.array_equal(stack.pop_uniform(len(lent), 16), lent)
    assert stack.unseal() == 7
    codings = {entry.variable: entry.coding for entry in ledger.account()}
    assert {codings[z] for z in (Variable.Z1, Variable.Z2, Variable.Z3)} == {Coding.BITS_BACK}


def test_a_chain_costs_the_negative_elbo(model: Model) -> None:
    image = to_samples(texture(128, 192), model.device)
    stack = MeasuringStack(model.residuals)
    stack.seal(0)
    coder = ChainCoder(model, stack, grey=False)
    torch.manual_seed(0)
    with exact_arithmetic():
        coder.push(image, Ledger())  # lends the bits to draw with
        before = stack.bits
        coder.push(image, Ledger())
        net = stack.bits - before
        assert net == pytest.approx(negative_elbo(model, image), rel=0.01)
