"""What can be drawn from a model of the family: the modes of section 3.3, super-resolution, interpolation, edits.

All of it is one walk from u down to x, in which some variables are a picture's own and the others are the model's.
Whatever is drawn comes from a seed, the same on every device as far as the device computes the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .gaussians import Gaussian, Noise, seeded
from .hierarchy import Hierarchy, latent_name, level_name

LEAST_SINE = 1e-3  # of an angle that an arc goes by

# What each mode takes from a picture; "z" stands for z_1 .. z_K, "y" for y_K.
MODES: dict[str, tuple[str, ...]] = {
    "generation": (),
    "conditional-generation": ("u", "y", "z"),
    "conditional-reconstruction": ("u", "y"),
    "reconstruction-1": ("u",),
    "reconstruction-2": ("u", "z"),
}


def kept(network: Hierarchy, mode: str) -> tuple[str, ...]:
    """The variables that a mode takes from a picture, by name.

    Raises InputError for a mode that is none, and for a VAE where it needs a representation.
    """
    if mode not in MODES:
        raise InputError(f"there is no mode {mode!r}: it is one of {', '.join(MODES)}")
    depth = network.depth
    if "y" in MODES[mode] and not depth:
        raise InputError(f"{mode} is given a representation y, and this model, a VAE, has none")
    names = {"u": ["u"], "y": [level_name(depth)], "z": [latent_name(k, depth) for k in range(1, depth + 1)]}
    return tuple(name for part in MODES[mode] for name in names[part])


@torch.no_grad()
def infer(network: Hierarchy, x: Tensor, noise: Noise) -> dict[str, Tensor]:
    """All variables of pictures: their y_k, and z_k and u drawn from their posteriors.

    Args:
        x: integers 0..255, float (b, 3, side, side).
    """
    y = network.represent(x)
    return from_posteriors(network, y, network.posteriors(y), noise)


def from_posteriors(
    network: Hierarchy, y: Sequence[Tensor], posteriors: Sequence[Gaussian], noise: Noise
) -> dict[str, Tensor]:
    """Variables by name: pictures x = y_0 .. y_K, and draws from their posteriors."""
    latents = [posterior.draw(noise) for posterior in posteriors]
    found = {level_name(k): picture for k, picture in enumerate(y)}
    return found | {latent_name(k + 1, network.depth): z for k, z in enumerate(latents)}


@torch.no_grad()
def complete(
    network: Hierarchy, given: Mapping[str, Tensor], count: int, noise: Noise, mean: bool = False
) -> dict[str, Tensor]:
    """All variables of `count` pictures, of which some are given and the rest is the model's.

    Args:
        given: values of u, z_k, y_k and x by name, (count, c, h, w).
        noise: what draws.
        mean: take the means of levels' distributions rather than draws of every sub-pixel, which are noisy.

    Raises:
        InputError: a name or a shape is none of the model's.
    """
    configuration = network.configuration
    shapes = {level_name(k): shape for k, shape in enumerate(configuration.shapes)}
    depth = network.depth
    shapes |= {latent_name(k, depth): configuration.latent(k) for k in range(1, depth + 2)}
    for name, value in given.items():
        if name not in shapes:
            raise InputError(f"there is no variable {name!r} in this model: it has {', '.join(shapes)}")
        channels, side = shapes[name]
        if value.shape != (count, channels, side, side):
            raise InputError(f"{name} has shape {tuple(value.shape)}, not {(count, channels, side, side)}")
    return network.walk(given, count, noise, lambda _, pixels: pixels.mean() if mean else pixels.draw(noise))


def generate(network: Hierarchy, count: int, seed: int = 0, mean: bool = False) -> Tensor:
    """u ~ p(u), y ~ p(y|u), z ~ p(z|u, y), x ~ p(x|y, z): integers 0..255, float (count, 3, side, side)."""
    return complete(network, {}, count, seeded(seed), mean)["x"]


def reconstruct(network: Hierarchy, x: Tensor, mode: str, seed: int = 0, mean: bool = False) -> Tensor:
    """Pictures as a mode of section 3.3 gives them back: the variables that it keeps are theirs, the rest the model's.

    Args:
        x: integers 0..255, float (b, 3, side, side).
        mode: one of `MODES`.
        seed: of whatever is drawn.
        mean: as for `complete`.

    Raises:
        InputError: as for `kept`.
    """
    names, noise = kept(network, mode), seeded(seed)
    found = infer(network, x, noise)
    return complete(network, {name: found[name] for name in names}, len(x), noise, mean)["x"]


def super_resolve(network: Hierarchy, representation: Tensor, seed: int = 0, mean: bool = False) -> Tensor:
    """y* -> u ~ q(u|y*) -> z ~ p(z|u, y*) -> x: pictures for representations alone, conditional on y.

    With downscaling this is super-resolution by 2^K, with a sketch colouring in.

    Args:
        representation: y_K, samples as its transform gives them, float (b, c, side, side).

    Raises:
        InputError: the model is a VAE, or the shape is not y_K's.
    """
    depth = network.depth
    if not depth:
        raise InputError("a VAE has no representation to start from")
    channels, side = network.configuration.shapes[depth]
    if representation.shape[1:] != (channels, side, side):
        raise InputError(
            f"this model's y_{depth} has shape {(channels, side, side)}, not {tuple(representation.shape[1:])}"
        )
    noise = seeded(seed)
    with torch.no_grad():
        u = network.level(depth).encoder(representation).draw(noise)
    return complete(network, {"u": u, level_name(depth): representation}, len(representation), noise, mean)["x"]


def interpolate(network: Hierarchy, x: Tensor, steps: int, seed: int = 0) -> Tensor:
    """Pictures between two: their latents u and z_k along `arc`, levels by their means.

    Args:
        x: two pictures, integers 0..255, float (2, 3, side, side).
        steps: how many pictures, both ends (reconstructions) among them; at least 2.
        seed: of the posteriors' draws.

    Returns:
        float (steps, 3, side, side).

    Raises:
        InputError: there are not two pictures or too few steps.
    """
    if len(x) != 2 or steps < 2:
        raise InputError("interpolation takes two pictures and at least two steps")
    noise = seeded(seed)
    found = infer(network, x, noise)
    latents = [latent_name(k, network.depth) for k in range(1, network.depth + 2)]
    return complete(network, {name: arc(found[name], steps) for name in latents}, steps, noise, mean=True)["x"]


def arc(ends: Tensor, steps: int) -> Tensor:
    """From one latent to another, (2, c, h, w), by equal shares of the angle between them: (steps, c, h, w).

    On the arc, unlike the chord, what is independent keeps its variance, and what both share stays. Between those that
    point one way it is the chord.
    """
    first, second = ends
    share = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device).view(-1, 1, 1, 1)
    angle = torch.acos(F.cosine_similarity(first.flatten(), second.flatten(), 0).clamp(-1, 1))
    if angle.sin() < LEAST_SINE:
        return (1 - share) * first + share * second
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


def edit(
    network: Hierarchy, x: Tensor, redrawn: Sequence[str], count: int, seed: int = 0, mean: bool = False
) -> Tensor:
    """Variations of one picture: some of its variables are drawn anew, all others stay (figure 12).

    Levels below what is redrawn are drawn with it, as otherwise nothing would tell of it in x, which depends on y_1 and
    z_1 alone. So with z_k redrawn what y_k says stays and details change; with u redrawn only details stay.

    Args:
        x: integers 0..255, float (1, 3, side, side).
        redrawn: names of variables; x is always drawn.
        count: of variations.
        seed: of whatever is drawn.
        mean: as for `complete`.

    Returns:
        float (count, 3, side, side).

    Raises:
        InputError: a name is none of the model's.
    """
    noise = seeded(seed)
    found = infer(network, x, noise)
    if unknown := [name for name in redrawn if name not in found]:
        raise InputError(f"there is no variable {unknown[0]!r} in this model: it has {', '.join(found)}")
    depth = network.depth
    highest = max((k for k in range(depth + 1) if {level_name(k), latent_name(k + 1, depth)} & {*redrawn}), default=0)
    anew = {*redrawn, *(level_name(k) for k in range(highest + 1))}
    staying = {name: value.expand(count, -1, -1, -1) for name, value in found.items() if name not in anew}
    return complete(network, staying, count, noise, mean)["x"]
