"""The encoders and decoders of one level: q(z|x), p(z|y, u) and p(x|z, y) of section 3.2."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .configuration import Configuration
from .dense import Convolution, Double, Halve, blocks, channels_at
from .gaussians import Gaussian
from .pixels import PixelDistribution, outputs_for
from .representations import MIDDLE, Representation, Shape

OUTPUT_DEVIATION = 0.1  # of what a network gives at first, as all distributions should begin alike


def centred(picture: Tensor) -> Tensor:
    """Samples 0..255 as networks take them, -1..1."""
    return (picture - MIDDLE) / MIDDLE


class Encoder(nn.Module):
    """A Gaussian over a latent, given a picture and, for p(z_k | y_k, z_{k+1}), the latent above it.

    Args:
        configuration: of the model.
        picture: shape of the pictures.
        latent: shape of the latent; its side is at most theirs, or twice theirs.
        above: shape of the latent above, or None.
    """

    def __init__(self, configuration: Configuration, picture: Shape, latent: Shape, above: Shape | None = None):
        super().__init__()
        width, layers, count = configuration.width, configuration.layers, configuration.blocks
        self.side = latent.side
        side = picture.side
        channels = channels_at(side, latent.side, width)
        stages: list[nn.Module] = [Convolution(picture.channels, channels)]
        while side > latent.side:
            side //= 2
            inputs, channels = channels, channels_at(side, latent.side, width)
            stages += [blocks(inputs, layers, count), Halve(inputs, channels)]
        self.stages = nn.Sequential(*stages)
        self.above = None if above is None else Convolution(above.channels, channels)
        self.last = blocks(channels, layers, count)
        self.output = Convolution(channels, 2 * latent.channels, deviation=OUTPUT_DEVIATION)

    def forward(self, picture: Tensor, above: Tensor | None = None) -> Gaussian:
        """Of the latent, given samples 0..255 (b, c, h, w) and the latent above it."""
        features = self.stages(centred(picture))
        features = resized(features, self.side)
        if self.above is not None and above is not None:
            features = features + self.above(resized(above, self.side))
        return Gaussian.of(self.output(F.elu(self.last(features))))


class Decoder(nn.Module):
    """Mixtures of discretized logistics for a picture, given a latent and, below the top, the picture's representation.

    The representation joins at every size up to its own, and at the least of all.

    Args:
        configuration: of the model.
        picture: shape of the pictures.
        step: what their samples are multiples of.
        latent: shape of the latent, whose side is at most theirs.
        transform: what gives the representation, or None.
    """

    def __init__(
        self, configuration: Configuration, picture: Shape, step: int, latent: Shape, transform: Representation | None
    ):
        super().__init__()
        width, layers, count = configuration.width, configuration.layers, configuration.blocks
        self.picture, self.step, self.transform = picture, step, transform
        given = None if transform is None else transform.shape(picture)
        sides = [latent.side << i for i in range((picture.side // latent.side).bit_length())]
        channels = [channels_at(side, latent.side, width) for side in sides]
        self.input = Convolution(latent.channels, channels[0])
        self.joins = nn.ModuleList(
            Convolution(given.channels * max(1, given.side // side) ** 2, own)
            for side, own in zip(sides, channels, strict=True)
            if given is not None and side <= max(given.side, latent.side)
        )
        self.stages = nn.ModuleList(blocks(own, layers, count) for own in channels)
        self.doublings = nn.ModuleList(map(Double, channels[:-1], channels[1:]))
        outputs = outputs_for(picture.channels, configuration.logistics)
        self.output = Convolution(channels[-1], outputs, deviation=OUTPUT_DEVIATION)

    def forward(self, latent: Tensor, representation: Tensor | None = None) -> PixelDistribution:
        """Of a picture's samples.

        Args:
            latent: (b, *latent).
            representation: d(picture), samples 0..255, where there is a transform.
        """
        features = self.input(latent)
        for index, stage in enumerate(self.stages):
            if index:
                features = self.doublings[index - 1](features)
            if index < len(self.joins) and representation is not None:
                features = features + self.joins[index](folded(centred(representation), features.shape[-1]))
            features = stage(features)
        if self.transform is None or representation is None:
            base = latent.new_full((len(latent), self.picture.channels, self.picture.side, self.picture.side), MIDDLE)
        else:
            base = self.transform.guess(representation, self.picture)
        return PixelDistribution.of(self.output(F.elu(features)), base, self.step)


def folded(samples: Tensor, side: int) -> Tensor:
    """Of a smaller size with all samples, in more channels, or repeated to a larger one; a power of 2 apart."""
    if samples.shape[-1] < side:
        return resized(samples, side)
    return F.pixel_unshuffle(samples, samples.shape[-1] // side)


def resized(features: Tensor, side: int) -> Tensor:
    """Repeated or averaged to another size, a power of 2 apart."""
    if features.shape[-1] < side:
        return F.interpolate(features, size=side, mode="nearest")
    factor = features.shape[-1] // side
    return F.avg_pool2d(features, factor) if factor > 1 else features
