"""Trained networks as integers on their grids, and back."""

import torch
from torch import Tensor

from .blocks import QUALITIES, QualityTable
from .details import Gains
from .exact import ExactConv2d, ExactnessError
from .selfvae import LEVELS, SelfVAE
from .transforms import pyramid

KNOT_BITS = 10  # bits behind the point of a quality table's knots
GAIN_BITS = 12  # ... of a gain
BIAS_BITS = 10  # ... of the levels' own features


@torch.no_grad()
def calibrate(model: SelfVAE, photos: Tensor) -> None:
    """Let every convolution see its inputs on photos, (b, 3, h, w) integer levels, at all qualities and modes."""
    convolutions = [module for module in model.modules() if isinstance(module, ExactConv2d)]
    for convolution in convolutions:
        convolution.watching = True
    levels = pyramid(photos, LEVELS)
    for q in (1, 20, 40, 60, 80, 100):
        quality = torch.full((len(photos),), float(q))
        model.ladder(photos, quality)
        model.ladder(photos, quality, exact=range(1, LEVELS + 1))
        model.ladder(photos, quality, dropped=LEVELS)
        model.gist_bits(levels[LEVELS], quality)
    for k in range(1, LEVELS + 1):
        model.level_bits(k, levels[k - 1], model.draw_details(k, levels[k - 1]))
    for convolution in convolutions:
        convolution.watching = False


@torch.no_grad()
def snap(model: SelfVAE) -> None:
    """Put a calibrated model on its grids: from here on it computes exactly."""
    qualities = torch.arange(1.0, QUALITIES + 1)
    for module in model.modules():
        if isinstance(module, ExactConv2d):
            module.snap()
        elif isinstance(module, QualityTable):
            module.knots.copy_(torch.round(module.knots * 2.0**KNOT_BITS) / 2.0**KNOT_BITS)
    bias = model.level_likelihood.of_level
    bias.copy_(torch.round(bias * 2.0**BIAS_BITS) / 2.0**BIAS_BITS)
    for module in model.modules():
        if isinstance(module, Gains):
            log_gain, gain = (value[..., 0, 0] for value in module(qualities))
            module.table = torch.stack([log_gain, gain]).mul(2.0**GAIN_BITS).round().div(2.0**GAIN_BITS)


def to_integers(model: SelfVAE) -> dict[str, Tensor]:
    """All that a snapped model needs to decode and encode, as integer tensors by name."""
    tensors = {"level_likelihood.of_level": integers(model.level_likelihood.of_level, BIAS_BITS)}
    for name, module in model.named_modules():
        if isinstance(module, ExactConv2d):
            tensors |= {f"{name}.{key}": value for key, value in module.integers().items()}
        elif isinstance(module, QualityTable) and ".gains." not in name:
            tensors[f"{name}.knots"] = integers(module.knots, KNOT_BITS)
        elif isinstance(module, Gains):
            tensors[f"{name}.table"] = integers(module.table, GAIN_BITS)
    return {name: narrowest(value) for name, value in tensors.items()}


def from_integers(tensors: dict[str, Tensor]) -> SelfVAE:
    """Inverse of `to_integers`: a model ready for exact use. Raises KeyError or RuntimeError for other tensors."""
    model = SelfVAE().requires_grad_(False).eval()
    model.level_likelihood.of_level.copy_(tensors["level_likelihood.of_level"] / 2.0**BIAS_BITS)
    for name, module in model.named_modules():
        if isinstance(module, ExactConv2d):
            module.load_integers(*(tensors[f"{name}.{key}"] for key in ("weight", "bias", "grid")))
        elif isinstance(module, QualityTable) and ".gains." not in name:
            module.knots.copy_(tensors[f"{name}.knots"] / 2.0**KNOT_BITS)
        elif isinstance(module, Gains):
            module.table = tensors[f"{name}.table"] / 2.0**GAIN_BITS
    return model


def integers(values: Tensor | None, bits: int) -> Tensor:
    """Values on the grid of 2^-bits as int32. Raises ExactnessError where the model has not been snapped."""
    if values is None:
        raise ExactnessError("the model has not been snapped to its grids")
    return torch.round(values.detach().double() * 2.0**bits).to(torch.int32)


def narrowest(values: Tensor) -> Tensor:
    """The same integers in the narrowest type that holds them."""
    for dtype in (torch.int8, torch.int16):
        if values.numel() and values.min() >= torch.iinfo(dtype).min and values.max() <= torch.iinfo(dtype).max:
            return values.to(dtype)
    return values
