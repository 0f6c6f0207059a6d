"""What is drawn from models of the family: each mode takes from a picture what it says, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import svcodec
from svcodec.family.configuration import Configuration
from svcodec.family.gaussians import seeded
from svcodec.family.generation import (
    MODES,
    arc,
    complete,
    edit,
    generate,
    infer,
    interpolate,
    kept,
    reconstruct,
    super_resolve,
)
from svcodec.family.hierarchy import Hierarchy, build


def little(*transforms: str) -> Hierarchy:
    torch.manual_seed(0)
    return build(
        Configuration(8, transforms, latent_side=4, latent_channels=2, width=8, layers=1, blocks=1, couplings=2)
    ).requires_grad_(False)


def pictures(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(count)).float()


def is_picture(x: Tensor, count: int) -> bool:
    return x.shape == (count, 3, 8, 8) and bool(((x >= 0) & (x <= 255)).all()) and torch.equal(x, x.round())


def test_modes_are_those_of_section_3_3() -> None:
    deep = little("downscale", "greyscale")
    assert {mode: set(kept(deep, mode)) for mode in MODES} == {
        "generation": set(),
        "conditional-generation": {"u", "y_2", "z_1", "z_2"},
        "conditional-reconstruction": {"u", "y_2"},
        "reconstruction-1": {"u"},
        "reconstruction-2": {"u", "z_1", "z_2"},
    }
    vae = little()
    assert kept(vae, "reconstruction-1") == ("u",)
    with pytest.raises(svcodec.InputError, match="a VAE, has none"):
        kept(vae, "conditional-generation")
    with pytest.raises(svcodec.InputError, match="no mode 'dream'"):
        kept(vae, "dream")


@pytest.mark.parametrize("transforms", [(), ("sketch",), ("downscale", "downscale")])
def test_generation_is_the_seeds(transforms: tuple[str, ...]) -> None:
    model = little(*transforms)
    torch.manual_seed(0)
    first = generate(model, 3, seed=5)
    torch.manual_seed(1)
    assert torch.equal(generate(model, 3, seed=5), first)
    assert not torch.equal(generate(model, 3, seed=6), first)
    assert is_picture(first, 3)
    assert is_picture(generate(model, 2, mean=True), 2)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_pictures(mode: str) -> None:
    model, x = little("downscale", "sketch"), pictures(2)
    assert is_picture(reconstruct(model, x, mode, seed=1), 2)
    assert torch.equal(reconstruct(model, x, mode, seed=1), reconstruct(model, x, mode, seed=1))


def test_what_is_given_stays() -> None:
    model, x = little("downscale", "sketch"), pictures(2)
    noise = seeded(0)
    found = infer(model, x, noise)
    assert set(found) == {"x", "y_1", "y_2", "z_1", "z_2", "u"}
    given = {name: found[name] for name in kept(model, "conditional-generation")}
    drawn = complete(model, given, 2, noise)
    assert all(torch.equal(drawn[name], value) for name, value in given.items())
    assert set(drawn) == set(found)
    for name, step in (("y_1", 1), ("y_2", 17), ("x", 1)):
        assert torch.equal(drawn[name] % step, torch.zeros_like(drawn[name]))
    assert torch.equal(complete(model, found, 2, noise)["x"], x)


def test_reconstruction_follows_what_it_keeps() -> None:
    """Generation knows nothing of the picture; the others know u or y."""
    model = little("downscale")
    for mode in MODES:
        same = torch.equal(reconstruct(model, pictures(1), mode), reconstruct(model, 255 - pictures(1), mode))
        assert same == (mode == "generation")


def test_super_resolution_starts_from_the_representation_alone() -> None:
    model, x = little("downscale"), pictures(3)
    small = model.represent(x)[1]
    assert is_picture(super_resolve(model, small, seed=2), 3)
    with pytest.raises(svcodec.InputError, match=r"y_1 has shape \(3, 4, 4\), not \(3, 8, 8\)"):
        super_resolve(model, x)
    with pytest.raises(svcodec.InputError, match="no representation"):
        super_resolve(little(), x)


def test_interpolation_begins_and_ends_with_reconstructions() -> None:
    model, x = little("sketch"), pictures(2)
    between = interpolate(model, x, 5, seed=3)
    assert is_picture(between, 5)
    found = infer(model, x, seeded(3))
    latents = {name: found[name] for name in ("u", "z_1")}
    ends = complete(model, latents, 2, seeded(0), mean=True)["x"]
    assert (between[[0, -1]] - ends).abs().max() <= 1  # the arc's far end is zero but for rounding
    with pytest.raises(svcodec.InputError, match="two pictures"):
        interpolate(model, pictures(3), 5)
    with pytest.raises(svcodec.InputError, match="two steps"):
        interpolate(model, x, 1)


def test_between_latents_what_both_share_stays() -> None:
    first, second = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    for ends in (torch.stack([first, second]), torch.stack([first, -first]), torch.stack([first, first])):
        between = arc(ends, 5)
        assert torch.allclose(between[[0, -1]], ends, atol=1e-5)
        assert between.isfinite().all()
    assert torch.allclose(between, first.expand(5, -1, -1, -1))  # of one and the same
    for shared in (0.0, 0.5, 2.0):
        ends = shared + torch.stack([first, second])
        middle = arc(ends, 3)[1]
        assert float(middle.mean()) == pytest.approx(shared, abs=0.35 * shared + 0.1)
        assert float(middle.square().mean()) == pytest.approx(float(ends.square().mean()), rel=0.05)


def test_edits_change_only_what_is_redrawn() -> None:
    model, x = little("downscale", "downscale"), pictures(1)
    varied = edit(model, x, ["z_1"], 4, seed=1)
    assert is_picture(varied, 4)
    assert len(varied.flatten(1).unique(dim=0)) == 4
    assert torch.equal(varied, edit(model, x, ["z_1", "x"], 4, seed=1))
    for name in ("z_2", "u"):  # what is below follows, or nothing would change
        assert len(edit(model, x, [name], 4, seed=1, mean=True).flatten(1).unique(dim=0)) == 4
    still = edit(model, x, [], 4, seed=1, mean=True)
    assert len(still.flatten(1).unique(dim=0)) == 1
    with pytest.raises(svcodec.InputError, match="no variable 'z_3'"):
        edit(model, x, ["z_3"], 4)


def test_wrong_variables_and_shapes() -> None:
    model = little("downscale")
    with pytest.raises(svcodec.InputError, match="no variable 'y_2'"):
        complete(model, {"y_2": torch.zeros(1, 3, 2, 2)}, 1, seeded(0))
    with pytest.raises(svcodec.InputError, match=r"u has shape \(1, 2, 8, 8\), not \(1, 2, 4, 4\)"):
        complete(model, {"u": torch.zeros(1, 2, 8, 8)}, 1, seeded(0))
