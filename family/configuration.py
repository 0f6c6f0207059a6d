"""What a model of the family is made of: its transforms, its prior, its sizes; and the paper's models by name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property

from ..errors import InputError
from .representations import JOIN, RGB, Representation, Shape, chain

PRIORS = ("realnvp", "normal", "mixture")
LEAST_WIDTH = 8
MAX_SIDE = 256  # of pictures; a model's memory grows with its square
MAX_DEPTH = 6  # y_K and z_K are the last that a file can name


@dataclass(frozen=True)
class Configuration:
    """A model of the family, before it is trained.

    Without transforms it is a VAE, with one a selfVAE (section 3.2), with K of them a K-level selfVAE (section 3.4).

    Attributes:
        side: of the pictures in pixels, a power of 2, at most 256.
        transforms: names of d_1 .. d_K, as `representations.named` takes them; K is at most 6.
        prior: p(u): "realnvp", "normal" or "mixture".
        latent_side: of u and z_k, or less where y_{k-1} is smaller; a power of 2.
        latent_channels: of u and z_k, an even number.
        width: channels of the networks at the two smallest sizes, half of it for each doubling; even, from 8.
        layers: in a DenseNet block.
        blocks: at every size.
        couplings: of RealNVP.
        gaussians: of the mixture prior, from 2.
        logistics: in the mixture of a sub-pixel.

    Raises:
        InputError: a value is out of range, or the transforms can't follow one another.
    """

    side: int
    transforms: tuple[str, ...] = ()
    prior: str = "realnvp"
    latent_side: int = 8
    latent_channels: int = 16
    width: int = 32
    layers: int = 3
    blocks: int = 2
    couplings: int = 8
    gaussians: int = 64
    logistics: int = 5

    def __post_init__(self) -> None:
        numbers = {each.name: getattr(self, each.name) for each in fields(self) if each.type == "int"}
        if bad := [name for name, value in numbers.items() if type(value) is not int or not 1 <= value <= 1 << 14]:
            raise InputError(f"a model's {bad[0]} must be a whole number from 1 to {1 << 14}, not {numbers[bad[0]]!r}")
        if self.side > MAX_SIDE or any(side & (side - 1) for side in (self.side, self.latent_side)):
            raise InputError(
                f"the sides of pictures ({self.side}) and latents ({self.latent_side}) must be powers of 2, at most "
                f"{MAX_SIDE}"
            )
        if self.gaussians < 2:
            raise InputError("a mixture has at least two gaussians")
        if self.latent_channels % 2 or self.width % 2 or self.width < LEAST_WIDTH:
            raise InputError(f"latent_channels and width must be even, width at least {LEAST_WIDTH}")
        if not all(isinstance(name, str) for name in self.transforms):
            raise InputError(f"transforms are given by their names, not as {self.transforms!r}")
        if self.depth > MAX_DEPTH:
            raise InputError(f"a model has at most {MAX_DEPTH} transforms, not {self.depth}")
        if self.prior not in PRIORS:
            raise InputError(f"there is no prior {self.prior!r}: it is one of {', '.join(PRIORS)}")
        if self.shapes[-1].side < 2:
            raise InputError(
                f"{len(self.transforms)} transforms leave nothing of pictures of {self.side} pixels a side"
            )

    @property
    def depth(self) -> int:
        """K, the number of transforms."""
        return len(self.transforms)

    @cached_property
    def representations(self) -> tuple[Representation, ...]:
        """d_1 .. d_K."""
        return chain(self.transforms)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Of x = y_0, y_1 .. y_K."""
        shapes = [Shape(RGB, self.side)]
        for representation in self.representations:
            shapes.append(representation.shape(shapes[-1]))
        return tuple(shapes)

    def latent(self, k: int) -> Shape:
        """Of z_k, k = 1 .. K + 1; z_{K+1} is u."""
        return Shape(self.latent_channels, min(self.latent_side, self.shapes[k - 1].side))

    def to_json(self) -> str:
        """As text, for a model file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Configuration:
        """Inverse of `to_json`. Raises InputError for anything else."""
        try:
            values = json.loads(text)
            return cls(**{**values, "transforms": tuple(values["transforms"])})
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise InputError(f"it has no configuration of a model: {error}") from error


KINDS: dict[str, Configuration] = {  # the models that are compared, of the least sizes that make sense
    "vae": Configuration(32),
    "vae-normal": Configuration(32, prior="normal"),
    "vae-mixture": Configuration(32, prior="mixture"),
    "selfvae-downscale": Configuration(32, ("downscale",)),
    "selfvae-sketch": Configuration(32, ("sketch",)),
    "selfvae-3": Configuration(32, ("downscale",) * 3),
}

SELFVAE = "selfvae-"
SIZES = {"tiny": 300_000, "small": 1_200_000, "medium": 6_000_000, "paper": 37_000_000}  # weights


def kind(name: str, side: int) -> Configuration:
    """One of `KINDS` for pictures of another size, or a selfVAE of other transforms.

    Args:
        name: of one of `KINDS`; or "selfvae-", and d_1 .. d_K with "-" between them, and "." between those that are one
            transform together: "selfvae-median-downscale.sketch".
        side: of the pictures, in pixels.

    Raises:
        InputError: there is none, or it leaves nothing of such pictures.
    """
    if name in KINDS:
        return replace(KINDS[name], side=side)
    if not name.startswith(SELFVAE):
        raise InputError(
            f"there is no model {name!r}: it is one of {', '.join(KINDS)}, or {SELFVAE} and transforms with - between"
        )
    return Configuration(side, tuple(name.removeprefix(SELFVAE).replace(".", JOIN).split("-")))
