"""One level of the ladder: the details z_k that y_k lost of y_{k-1}, their prior, posterior and use.

Units: images are in opponent colour as `transforms.to_opponent` gives them; a latent z is in quantisation steps.
Channels of z: three Haar details (horizontal, vertical, diagonal), each in three colours.
"""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import KNOTS, QUALITIES, QualityScale, QualityTable, Rate, Upsample, residuals
from .exact import ExactConv2d, straight_through
from .pyramid import Size, Sizes
from .transforms import SAMPLE_UNIT, haar_details, inverse_haar, pad_even, varied

MEAN_BITS = 4  # bits behind the point of a latent's prior mean
SCALE_STEPS = 8  # scales of the prior are powers of 2^(1/8)
ADJUST_BITS = 3  # the adjustment of a gain, a log2, is a multiple of 1/8 ...
MAX_ADJUST = 3  # ... within +-3
MIN_LOG_SCALE, MAX_LOG_SCALE = -5.0, 9.0  # log2 of the prior's scale, in quantisation steps
COARSEST_STEP, FINEST_STEP = 640.0, 6.0  # quantisation step in sample units at qualities 1 and 100


@dataclass(frozen=True)
class Group:
    """What is coded at once: some channels, everywhere or on the squares of one colour of a checkerboard.

    Attributes:
        channels: of z.
        parity: of row plus column where the group is coded, or None for everywhere.
    """

    channels: tuple[int, ...]
    parity: int | None = None

    def select(self, z: Tensor) -> Tensor:
        """The group's channels: (b, c, h, w) of (b, channels of z, h, w)."""
        return z.index_select(1, _indices(self.channels, z.device))

    def take(self, z: Tensor) -> Tensor:
        """The group's part of (b, channels of z, h, w): (b, c, n)."""
        return self.take_positions(self.select(z))

    def take_positions(self, x: Tensor) -> Tensor:
        """Of (b, c, h, w), the positions alone: (b, c, n), row by row; of a checkerboard first the even rows."""
        return torch.cat([x[part].flatten(2) for part in self._parts()], 2)

    def put(self, values: Tensor, size: torch.Size) -> Tensor:
        """Inverse of `take_positions`, with zeros where the group is not coded: (b, c, *size)."""
        everywhere = values.new_zeros(*values.shape[:2], *size)
        start = 0
        for part in self._parts():
            shape = everywhere[part].shape
            count = shape[2] * shape[3]
            everywhere[part] = values[..., start : start + count].view(shape)
            start += count
        return everywhere

    def _parts(self) -> list[tuple[Any, ...]]:
        """Indices of the positions."""
        if self.parity is None:
            return [(...,)]
        return [
            (..., slice(row, None, 2), slice(column, None, 2))
            for row, column in ((0, self.parity), (1, 1 - self.parity))
        ]


@functools.cache
def _indices(channels: tuple[int, ...], device: torch.device) -> Tensor:
    """Sent to a device once: it is waited for."""
    with torch.inference_mode(False):  # for whoever trains later
        return torch.tensor(channels, dtype=torch.int64, device=device)


@dataclass(frozen=True)
class PartOfGroup(Group):
    """Of a group, the positions in a part of the level.

    Attributes:
        where: of the group's positions, which: bool (n,).
    """

    where: Tensor | None = None

    def take_positions(self, x: Tensor) -> Tensor:
        return super().take_positions(x)[..., self.where]


# coded in turn: luma horizontal and vertical, first on the black squares, then on the white; luma diagonal; colour
GROUPS = (Group((0, 3), 0), Group((0, 3), 1), Group((6,)), Group((1, 4, 7, 2, 5, 8)))


class Prior(NamedTuple):
    """Of one group's latents, in quantisation steps, at the group's positions.

    Attributes:
        mean: on a grid of sixteenths, (b, c, n).
        log_scale: log2 of the scale, (b, c, n).
        factor: by which the quantisation is finer here than the gain says, (b, 1, n).
    """

    mean: Tensor
    log_scale: Tensor
    factor: Tensor


Draw = Callable[[Group, Prior], Tensor]
DrawAt = Callable[[int, Tensor], Draw]


def draw_within(inside: Tensor, draw: Draw) -> Draw:
    """The draw that draws in a part of the level, bool (1, 1, h, w), and elsewhere takes the prior's mean."""

    def draw_part(group: Group, prior: Prior) -> Tensor:
        where = group.take_positions(inside)[0, 0]
        z = prior.mean.clone()
        part = PartOfGroup(group.channels, group.parity, where)
        z[..., where] = draw(part, Prior(*(value[..., where] for value in prior)))
        return z

    return draw_part


def log_step(quality: Tensor) -> Tensor:
    """log2 of the quantisation step of orthonormal details at a quality, in sample units."""
    t = (quality - 1.0) / 99.0
    return math.log2(COARSEST_STEP) + t * (math.log2(FINEST_STEP) - math.log2(COARSEST_STEP))


def trade_off(quality: Tensor) -> Tensor:
    """Lambda of a quality, in bits per pixel for the squared error of a sample, a mean over pixels and channels.

    At high rate it is what a step of uniform quantisation is worth, 12 * 3 / (2 ln 2) / step^2.
    """
    return 18.0 / math.log(2.0) / torch.exp2(2.0 * log_step(quality))


def whole_steps(z: Tensor, mean: Tensor) -> Tensor:
    """How many whole quantisation steps lie between a mean and the point nearest to z, halves upwards."""
    return torch.floor(z - mean + 0.5)


def round_to(x: Tensor, exponent: int) -> Tensor:
    """Nearest multiple of 2^-exponent, halves to the even one."""
    return torch.round(x * 2.0**exponent) * 2.0**-exponent


def on_grid(mean: Tensor) -> Tensor:
    """Prior means rounded to sixteenths of a step, so that z - mean is an exact number of steps and sixteenths."""
    return straight_through(round_to(mean, MEAN_BITS), mean)


class Gains(nn.Module):
    """Quantisation steps per unit of the image for every channel and quality, learned around 2^(k-1) / step."""

    table: Tensor | None  # log2 gains and gains, (2, tunes, QUALITIES, channels), once exported

    def __init__(self, channels: int, k: int):
        super().__init__()
        self.k = k
        self.adjust = QualityTable(channels)
        self.register_buffer("table", None, persistent=False)  # goes where the module goes

    def forward(self, rate: Rate) -> tuple[Tensor, Tensor]:
        """The gains' log2 and the gains, both (b, channels, 1, 1)."""
        if self.table is not None:
            log_gain, gain = self.table[:, rate.tune, rate.quality.long() - 1, :, None, None]
            return log_gain, gain
        base = self.k - 1 + math.log2(SAMPLE_UNIT) - log_step(rate.quality)
        log_gain = base[:, None, None, None] + self.adjust(rate)
        return log_gain, torch.exp2(log_gain)

    @torch.no_grad()
    def load_table(self, table: Tensor) -> None:
        """Use exported gains, and go on from them where training starts from an exported model."""
        self.table = table
        at_knots = torch.linspace(1, QUALITIES, KNOTS, dtype=torch.float32, device="cpu").round()
        base = self.k - 1 + math.log2(SAMPLE_UNIT) - log_step(at_knots)
        self.adjust.knots.copy_(table[0][:, at_knots.long() - 1] - base[:, None])


class GroupPrior(nn.Module):
    """Mean and scale of one group of channels given features, an affine coupling of the flow, and how fine it is.

    Where the eye sees less, or more, than the quality says, the gain is adjusted, place by place: by a function of what
    is decoded already, so that it costs no bits.
    """

    factors: Tensor  # 2^(i/8), i = -24..24, to twelve bits

    def __init__(self, features: int, channels: int):
        super().__init__()
        self.hidden = ExactConv2d(features, features, kernel=1)
        self.out = ExactConv2d(features, 2 * channels + 1, kernel=1, zero=True, rectified=True, fine=True)
        most = MAX_ADJUST << ADJUST_BITS
        factors = [round(2 ** (i / 2**ADJUST_BITS) * 2**12) / 2**12 for i in range(-most, most + 1)]
        table = torch.tensor(factors, dtype=torch.float32, device="cpu")
        self.register_buffer("factors", table, persistent=False)

    def forward(self, features: Tensor, log_gain: Tensor, gain: Tensor, varied: Tensor) -> Prior:
        """(b, features, h, w) to the prior everywhere: (b, c, h, w), the factor (b, 1, h, w).

        Nothing is expected where the level is not varied, bool (b, c, h, w).
        """
        out = self.out(self.hidden(features)).float()
        mean, log_scale = out[:, :-1].chunk(2, 1)
        mean = mean * varied
        adjust = (out[:, -1:] * 2.0).clamp(-MAX_ADJUST, MAX_ADJUST)
        steps = round_to(adjust, ADJUST_BITS)
        exact = self.factors[((steps + MAX_ADJUST) * 2**ADJUST_BITS).long()]
        factor = straight_through(exact, torch.exp2(adjust)) if self.training else exact
        log_scale = log_scale * 4.0 - 3.0 + log_gain + straight_through(steps, adjust)
        return Prior(on_grid(mean * gain * factor), log_scale.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE), factor)


class DetailLevel(nn.Module):
    """p(z_k | y_k, coarser), q(z_k | y_{k-1}) and the mean of p(y_{k-1} | y_k, z_k) for one k.

    Args:
        k: from 1 for the finest.
        features: channels of this level's networks.
        coarser: channels of the features that level k+1 hands down, 0 for none.
        blocks: residual blocks of the prior's trunk.
    """

    def __init__(self, k: int, features: int, coarser: int, blocks: int):
        super().__init__()
        self.k = k
        self.gains = Gains(9, k)
        self.from_level = ExactConv2d(3, features, fine=True)
        self.from_coarser = Upsample(coarser, features) if coarser else None
        self.trunk_scale = QualityScale(features)
        self.trunk = residuals(features, blocks)
        self.priors = nn.ModuleList(GroupPrior(features, len(group.channels)) for group in GROUPS)
        self.absorb = nn.ModuleList(ExactConv2d(2 * len(group.channels), features, fine=True) for group in GROUPS)
        self.decoder_scale = QualityScale(features)
        self.decoder = residuals(features, 2)
        self.correction = ExactConv2d(features, 12, zero=True, rectified=True, fine=True)
        self.posterior_input = ExactConv2d(15, features, fine=True)
        self.posterior_scale = QualityScale(features)
        self.posterior_trunk = residuals(features, 3)
        self.posterior_output = ExactConv2d(features, 9, zero=True, rectified=True, fine=True)

    def posterior(self, target: Tensor, level: Tensor, rate: Rate) -> Tensor:
        """Mean of q(z_k | y_{k-1}), given also y_k as the decoder has it: (b, 9, h, w) in steps not adjusted.

        The network corrects nothing where y_k and the details are the same all around: there they are right.
        """
        target = pad_even(target)
        seen = torch.cat([F.pixel_unshuffle(target, 2) - level.repeat_interleave(4, 1), level], 1)
        features = self.posterior_scale(self.posterior_input(seen), rate)
        details = haar_details(target)
        correction = self.posterior_output(self.posterior_trunk(features)).float()
        wrong = varied(details) | varied(level).repeat(1, 3, 1, 1)
        return (details + correction * wrong) * self.gains(rate)[1]

    def draw(self, level: Tensor, coarser: Tensor | None, rate: Rate, draw: Draw) -> tuple[Tensor, Tensor]:
        """Draw z_k: its details in units of the image, (b, 9, h, w), and the features that follow.

        Args:
            level: y_k, decoded or exact, (b, 3, h, w).
            coarser: features of level k+1, (b, c, ceil(h/2), ceil(w/2)), or None at the top.
            rate: of (b,).
            draw: called for each group in turn with its prior; returns the group's z, (b, c, n), by coding, decoding,
                sampling or as the mean.
        """
        features = self.from_level(level)
        if self.from_coarser is not None:
            features.add_(self.from_coarser(coarser, level.shape[-2:]))
        features = self.trunk(self.trunk_scale(features, rate))
        log_gain, gain = self.gains(rate)
        varied_here = varied(level).repeat(1, 3, 1, 1)
        drawn: list[Tensor | None] = [None] * 9
        for group, prior, absorb in zip(GROUPS, self.priors, self.absorb, strict=True):
            own_gain = group.select(gain)
            everywhere = prior(features, group.select(log_gain), own_gain, group.select(varied_here))
            here = Prior(*map(group.take_positions, everywhere))
            z = draw(group, here)
            details = group.put(z, features.shape[2:]) / (everywhere.factor * own_gain)
            for channel, detail in zip(group.channels, details.unbind(1), strict=True):
                before = drawn[channel]
                drawn[channel] = detail if before is None else before + detail
            surprise = group.put(z - here.mean, features.shape[2:])
            features = absorb(torch.cat([details, surprise * 0.25], 1)).add_(features)
        features = self.decoder(self.decoder_scale(features, rate))
        return torch.stack(cast(list[Tensor], drawn), 1), features

    def synthesise(self, level: Tensor, details: Tensor, features: Tensor, size: Size) -> Tensor:
        """The mean of y_{k-1}, (b, 3, *size), from y_k, details and features.

        The networks correct nothing where all is the same around: what is flat stays flat.
        """
        correction = F.pixel_shuffle(self.correction(features).float(), 2)[..., : size[0], : size[1]]
        plain = inverse_haar(level, details, size)
        return plain + correction * varied(plain)


def descend(
    levels: Iterable[nn.Module],
    level: Tensor,
    features: Tensor | None,
    rate: Rate,
    sizes: Sizes,
    draw_at: DrawAt,
) -> tuple[Tensor, Tensor | None]:
    """From a level and the features of the one above it down to the mean of the level, and the features, reached.

    Args:
        levels: the `DetailLevel`s to go down, coarsest first.
        level: in opponent colour.
        sizes: of the levels reached.
        draw_at: called with each k and the y_k reached; returns what draws z_k.
    """
    for module in levels:
        details_of = cast(DetailLevel, module)
        details, features = details_of.draw(level, features, rate, draw_at(details_of.k, level))
        level = details_of.synthesise(level, details, features, sizes[details_of.k - 1])
    return level, features
