"""Any model of the family is a model file: all tiers, odd sizes, the shell, damage, other machines."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from family_models import network_of, picture, written
from PIL import Image

import svcodec
from svcodec.bitstream.container import Tier, pack, unpack
from svcodec.codec.family import modes
from svcodec.family.hierarchy import Hierarchy

TIERS = {
    "sketch": {"u"},
    "preview": {"u", "y2"},
    "standard": {"u", "z1", "z2"},
    "high": {"u", "y2", "z1", "z2"},
    "lossless": {"u", "z1", "z2", "y0", "y1", "y2", "borrowed"},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(network_of("downscale", "sketch"), tmp_path_factory.mktemp("family"))


@pytest.mark.parametrize("tier", svcodec.TIERS)
@pytest.mark.parametrize("grey", [False, True])
def test_every_tier(model: Path, tier: str, grey: bool) -> None:
    """The four modes code what section 3.3 sends, and lossless is exact."""
    pixels = picture(11, 13)[..., 0] if grey else picture(11, 13)
    data = svcodec.encode(pixels, tier=tier, model=model, verify=True)
    decoded = svcodec.decode_array(data, model=model)
    assert decoded.shape == pixels.shape
    assert np.array_equal(decoded, pixels) == (tier == "lossless")
    info = svcodec.inspect(data)
    assert {segment.name for segment in info.segments} == TIERS[tier]
    assert (info.model, info.quality, info.tune, info.colour) == ("own-family", None, None, "grey" if grey else "RGB")
    assert sum(segment.bits for segment in info.segments) == pytest.approx(8 * info.sections["codes"], abs=200)
    assert info.machine_bound
    assert info.sections["machine"] == 10


@pytest.mark.parametrize("tier", svcodec.TIERS[:-1])
def test_large_pictures_are_coded_as_small_ones(model: Path, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the distributions of a tile are kept, or computed again."""
    pixels = picture(20, 30)
    data = svcodec.encode(pixels, tier=tier, model=model)
    monkeypatch.setattr(modes, "KEPT", 2)
    assert svcodec.encode(pixels, tier=tier, model=model) == data


@pytest.mark.parametrize("tier", ["high", "lossless"])
def test_the_deepest_model(tier: str, tmp_path: Path) -> None:
    """Every variable of six levels is told apart."""
    model = written(network_of(*["blur"] * 6), tmp_path)
    data = svcodec.encode(picture(8, 8), tier=tier, model=model, verify=True)
    latents = {"u", *(f"z{k}" for k in range(1, 7))}
    levels = {*(f"y{k}" for k in range(7)), "borrowed"} if tier == "lossless" else {"y6"}
    assert {segment.name for segment in svcodec.inspect(data).segments} == latents | levels


def test_all_that_is_sent_costs(model: Path) -> None:
    sizes = {tier: len(svcodec.encode(picture(16, 16), tier=tier, model=model)) for tier in svcodec.TIERS}
    assert sizes["sketch"] < sizes["preview"] < sizes["high"] < sizes["lossless"]
    assert sizes["sketch"] < sizes["standard"] < sizes["high"]


@pytest.mark.parametrize("prior", ["normal", "mixture", "realnvp"])
def test_a_vae_has_the_tiers_that_need_no_representation(prior: str, tmp_path: Path) -> None:
    model = written(network_of(prior=prior), tmp_path)
    pixels = picture(9, 8)
    for tier in ("sketch", "standard", "lossless"):
        decoded = svcodec.decode_array(svcodec.encode(pixels, tier=tier, model=model), model=model)
        assert decoded.shape == pixels.shape
    assert np.array_equal(decoded, pixels)
    for tier in ("preview", "high"):
        with pytest.raises(svcodec.InputError, match="a VAE, has none"):
            svcodec.encode(pixels, tier=tier, model=model)


@pytest.mark.parametrize("tier", ["sketch", "preview", "standard", "high"])
def test_a_seed_draws_what_is_not_coded(tier: str, tmp_path: Path) -> None:
    model = written(network_of("downscale", "downscale"), tmp_path)
    data = svcodec.encode(picture(9, 13), tier=tier, model=model)
    first, again, other = (svcodec.decode_array(data, model=model, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_alpha_sixteen_bits_and_metadata_go_with_it(model: Path) -> None:
    deep = (picture(9, 9).astype(np.uint16) << 8) + picture(9, 9)[::-1]
    assert np.array_equal(svcodec.decode_array(svcodec.encode(deep, tier="lossless", model=model), model=model), deep)
    rgba = np.dstack([picture(9, 9), picture(9, 9)[..., 1]])
    assert np.array_equal(svcodec.decode_array(svcodec.encode(rgba, tier="lossless", model=model), model=model), rgba)


def test_codecs_can_be_kept_and_pickled(model: Path) -> None:
    codec = svcodec.Codec(model)
    data = codec.encode(picture(8, 8), tier="lossless")
    again = pickle.loads(pickle.dumps(codec))
    assert again.model is codec.model
    assert np.array_equal(again.decode_array(data), picture(8, 8))
    assert codec.encode(picture(8, 8), tier="lossless") == data


def test_inside_a_program_that_computes_otherwise(model: Path) -> None:
    expected = svcodec.encode(picture(8, 9), tier="high", model=model)
    try:
        torch.set_default_dtype(torch.float64)
        with torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
            assert svcodec.encode(picture(8, 9), tier="high", model=model) == expected
            decoded = svcodec.decode_array(expected, model=model)
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(decoded, svcodec.decode_array(expected, model=model))


def test_a_registered_model_is_found_by_name(model: Path, own_model: Path) -> None:
    """`own_model` sees to it that what is registered is forgotten."""
    data = svcodec.encode(picture(8, 8), tier="lossless", model=model)
    with pytest.raises(svcodec.ModelError, match="no model 'own-family'"):
        svcodec.decode(data)
    svcodec.register_model(model)
    assert np.array_equal(svcodec.decode_array(data), picture(8, 8))
    assert svcodec.sample("own-family")[0].size == (8, 8)


def test_a_file_that_ends_early_has_no_levels(model: Path) -> None:
    data = svcodec.encode(picture(24, 24), tier="lossless", model=model)
    for use in (svcodec.inspect, partial(svcodec.decode, model=model)):
        with pytest.raises(svcodec.TruncatedError, match="paper's models"):
            use(data[:-1], partial=True)


def test_what_these_models_do_not_take(model: Path) -> None:
    for options in ({"quality": 50}, {"tune": "psnr"}, {"tier": "lossless", "effort": 3}):
        with pytest.raises(svcodec.InputError, match="takes neither quality nor tune nor effort nor a target"):
            svcodec.encode(picture(8, 8), model=model, **options)
    with pytest.raises(svcodec.ModelError, match="this takes a model of photos"):
        svcodec.Codec(model).photo_model  # noqa: B018
    with pytest.raises(svcodec.ModelError, match="on the CPU only"):
        svcodec.Codec(model, device="meta")


def test_halved(model: Path) -> None:
    data = svcodec.encode(picture(11, 8), tier="lossless", model=model)
    assert svcodec.decode_array(data, model=model, reduce=2).shape == (6, 4, 3)


def test_damage(model: Path) -> None:
    """Every stream with a right checksum and wrong codes is an error."""
    for tier in ("standard", "lossless"):
        stream = unpack(svcodec.encode(picture(8, 16), tier=tier, model=model))
        for codes in (stream.codes[4:], stream.codes[:-8] + stream.codes[-4:], b"", stream.codes[:8]):
            with pytest.raises(svcodec.StreamError):
                svcodec.decode(pack(replace(stream, codes=codes)), model=model)
        flipped = bytearray(stream.codes)
        flipped[len(flipped) // 2] ^= 16
        with pytest.raises(svcodec.StreamError):
            svcodec.decode(pack(replace(stream, codes=bytes(flipped))), model=model)
    with pytest.raises(svcodec.StreamError):
        svcodec.decode(pack(replace(stream, tier=Tier.SKETCH)), model=model)


def test_another_machine_is_named_where_the_seal_does_not_match(model: Path) -> None:
    stream = unpack(svcodec.encode(picture(8, 8), tier="standard", model=model))
    elsewhere = replace(stream, machine=bytes(8))
    assert svcodec.decode(pack(elsewhere), model=model).size == (8, 8)  # it may be like this one all the same
    with pytest.raises(svcodec.ModelError, match="adds in another order"):
        svcodec.decode(pack(replace(elsewhere, codes=stream.codes[4:])), model=model)
    with pytest.raises(svcodec.InputError, match="fingerprint takes 8 bytes"):
        replace(stream, machine=b"1234")
    with pytest.raises(svcodec.CorruptError, match="does not go with its model"):
        svcodec.decode(pack(replace(stream, machine=None)), model=model)
    of_photo = unpack(svcodec.encode(picture(8, 8), tier="sketch"))
    with pytest.raises(svcodec.CorruptError, match="does not go with its model"):
        svcodec.decode(pack(replace(of_photo, machine=bytes(8))))


def test_command_line(model: Path, tmp_path: Path, svc: Callable[..., Result]) -> None:
    Image.fromarray(picture(20, 12)).save(tmp_path / "a.png")
    options = ("--tier", "lossless", "--model", model, "--gate", "off")
    assert svc("encode", tmp_path / "a.png", "-o", tmp_path / "a.svc", *options).exit_code == 0
    assert svc("decode", tmp_path / "a.svc", "-o", tmp_path / "b.png", "--model", model).exit_code == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), picture(20, 12))
    shown = svc("info", tmp_path / "a.svc").stdout
    assert "borrowed" in shown
    assert "own-family" in shown
    assert "for machines that compute floats as the encoder's" in shown


def test_the_model_in_the_package(svc: Callable[..., Result], tmp_path: Path) -> None:
    """By its name, in Python and at the shell; what it made is decoded without naming it."""
    pixels = picture(64, 70)
    data = svcodec.encode(pixels, tier="lossless", model="selfvae-3-3")
    assert np.array_equal(svcodec.decode_array(data), pixels)
    chained = svcodec.encode_chain({"one": pixels, "two": pixels[:9]}, model="selfvae-3-3")
    assert [image.height for _, image in svcodec.decode_chain(chained)] == [64, 9]
    assert svc("sample", "selfvae-3-3", "-o", tmp_path / "sheet.png", "-n", "2").exit_code == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 128


def with_weights(network: Hierarchy, folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor]) -> Path:
    network.load_state_dict({name: change(name, value) for name, value in network.state_dict().items()})
    return written(network, folder)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers(value: float, tmp_path: Path) -> None:
    model = with_weights(network_of(), tmp_path, lambda name, weights: torch.full_like(weights, value))
    with pytest.raises(svcodec.ModelError, match="no finite numbers"):
        svcodec.encode(picture(8, 8), tier="lossless", model=model)
    with pytest.raises(svcodec.ModelError, match="no finite numbers"):
        svcodec.sample(model)


def test_networks_that_overflow(tmp_path: Path) -> None:
    """A direction of zeros has no length to be divided by."""

    def change(name: str, weights: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(weights) if "decoder" in name or "encoder" in name else weights

    model = with_weights(network_of("downscale"), tmp_path, change)
    for tier in svcodec.TIERS:
        with pytest.raises(svcodec.ModelError, match="overflow"):
            svcodec.encode(picture(8, 8), tier=tier, model=model)
    with pytest.raises(svcodec.ModelError, match="overflow"):
        svcodec.sample(model)


@pytest.mark.parametrize("value", [-1e4, 1e4])
@pytest.mark.parametrize("tier", ["sketch", "lossless"])
def test_scales_of_mixtures_have_bounds(value: float, tier: str, tmp_path: Path) -> None:
    model = with_weights(
        network_of(prior="mixture"),
        tmp_path,
        lambda name, old: torch.full_like(old, value) if "log_scales" in name else old,
    )
    svcodec.encode(picture(8, 8), tier=tier, model=model, verify=True)


@pytest.mark.parametrize(
    "metadata",
    [
        "[" * 100_000,
        '{"__metadata__": null}',
        '{"__metadata__": 5}',
        '{"__metadata__": [1]}',
        *(
            json.dumps({"__metadata__": {"format": "svcodec-family-1", "configuration": configuration}})
            for configuration in (
                "[" * 100_000,
                '{"side": 8, "transforms": [1]}',
                '{"side": 8, "transforms": [["downscale"]]}',
                '{"side": 8, "layers": 16384, "blocks": 16384, "transforms": []}',
                '{"side": 8, "couplings": 16384, "transforms": []}',
            )
        ),
    ],
)
def test_files_that_are_no_models(metadata: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(len(metadata).to_bytes(8, "little") + metadata.encode())
    for use in (svcodec.sample, lambda model: svcodec.encode(picture(8, 8), model=model)):
        with pytest.raises(svcodec.ModelError):
            use(path)


def test_seeds_of_any_size(model: Path) -> None:
    data = svcodec.encode(picture(8, 8), tier="sketch", model=model)
    pictures = [svcodec.decode_array(data, model=model, seed=seed) for seed in (7, 7 + 2**64, 8)]
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[0], pictures[2])
