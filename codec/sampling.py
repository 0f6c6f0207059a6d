"""Pictures drawn from the first paper's models: what `svcodec sample` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import InputError, ModelError
from ..family import stored
from ..family.generation import MODES, edit, generate, interpolate, kept, reconstruct, super_resolve
from ..family.hierarchy import Hierarchy, latent_name
from ..family.representations import luma, quantise
from ..family.squares import square
from ..models.arithmetic import undisturbed
from ..models.machine import device_of
from ..models.transforms import to_pixels
from .arguments import MAX_PIXELS, SAMPLE_MODES, truth_value, whole_number
from .memory import tells_out_of_memory
from .model_files import weights_file
from .pictures import PictureLike, read_picture, to_image
from .sources import prefix, reason

MAX_COUNT = 1024  # pictures drawn at once


@tells_out_of_memory
def sample(
    model: str | os.PathLike[str],
    pictures: Sequence[PictureLike] = (),
    *,
    mode: str = "generation",
    count: int = 1,
    seed: int = 0,
    mean: bool = False,
    redrawn: Sequence[str] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    device: str = "cpu",
) -> list[Image.Image]:
    """Pictures drawn from a model of the first paper, a VAE or selfVAE.

    Args:
        model: path of a .safetensors file, or name of a model of that family that is registered or in the package.
        pictures: what `mode` starts from, as `encode` takes them, of 8 bits; their middle squares are scaled to the
            model's size; alpha is not looked at. In super-resolution a picture of y's own size stands for y; where y is
            as large as x, as a sketch is, if it has y's few values and colours alone.
        mode: one of `SAMPLE_MODES`, by section 3.3 of the paper

            - `generation`: from nothing;
            - `conditional-generation`, `conditional-reconstruction`, `reconstruction-1`, `reconstruction-2`: what
              becomes of the pictures where only some of their variables are kept;
            - `super-resolution`: from the pictures' representations y alone;
            - `interpolation`: `count` pictures from the first picture to the second, both ends included;
            - `edit`: the pictures with some variables drawn anew.
        count: of pictures to draw, for each of `pictures` where there are any, in interpolation for both; 1 to 1024
            in all.
        seed: of whatever is drawn, 0 or more.
        mean: take the mean of every sub-pixel instead of a draw; interpolation always does.
        redrawn: for `edit`, names of the variables that are drawn anew, as u, y_1 or z_1, and with them the levels
            below; None for all z, of a VAE u.
        max_pixels: the most that a picture may have, or None for any number.
        device: where the networks run, as torch names it.

    Returns:
        RGB images of the model's size: those of the first picture, then those of the second, and so on.

    Raises:
        InputError: a picture or an argument can't be used, or the mode needs more than a VAE has; TooLargeError for a
            picture with more pixels.
        ModelError: there is no such model or device, or it is none of the family.
        OutOfMemoryError: memory ran out.
    """
    count, seed = _checked(pictures, mode, count, seed, redrawn)
    mean = truth_value("mean", mean)
    network = load_family(model, device)
    starts = [_read(picture, max_pixels) for picture in pictures]
    side = network.configuration.side

    def draw() -> Tensor:
        if mode == "generation":
            return generate(network, count, seed, mean)
        if mode == "super-resolution":
            given = torch.cat([_representation(network, start, device) for start in starts])
            return super_resolve(network, given.repeat_interleave(count, 0), seed, mean)
        x = torch.stack([square(start, side) for start in starts]).to(device).float()
        if mode == "interpolation":
            return interpolate(network, x, count, seed)
        if mode == "edit":
            names = [latent_name(k + 1, network.depth) for k in range(max(1, network.depth))]
            chosen = names if redrawn is None else redrawn
            return torch.cat([edit(network, each[None], chosen, count, seed, mean) for each in x])
        return reconstruct(network, x.repeat_interleave(count, 0), mode, seed, mean)

    if mode in MODES:
        kept(network, mode)  # before anything is computed
    drawn = undisturbed(torch.device(device).type, side * side, draw)
    if not bool(drawn.isfinite().all()):
        raise ModelError(f"model {os.fspath(model)} draws no numbers: its networks overflow")
    return [Image.fromarray(to_pixels(each[None], grey=False)) for each in drawn]


def load_family(model: str | os.PathLike[str], device: str = "cpu") -> Hierarchy:
    """A model of the family, in evaluation mode.

    Raises:
        ModelError: as for `sample`.
    """
    file = weights_file(model)
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: {reason(error)}") from error
    return stored.from_bytes(content, os.fspath(model), device_of(device))


def _checked(
    pictures: Sequence[PictureLike], mode: str, count: int, seed: int, redrawn: Sequence[str] | None
) -> tuple[int, int]:
    """Count and seed as whole numbers. Raises InputError for arguments that can't be used."""
    if not isinstance(mode, str) or mode not in SAMPLE_MODES:
        raise InputError(f"there is no mode {mode!r}: it is one of {', '.join(SAMPLE_MODES)}")
    if isinstance(pictures, (str, bytes, bytearray, memoryview)) or not isinstance(pictures, Sequence):
        raise InputError(f"pictures must be a list of pictures, not {type(pictures).__name__}")
    needed = {"generation": "none", "interpolation": "two"}.get(mode, "at least one")
    given = len(pictures)
    if not {"none": given == 0, "two": given == 2}.get(needed, given > 0):
        raise InputError(f"{mode} takes {needed} of pictures, not {given}")
    if redrawn is not None and (not isinstance(redrawn, (list, tuple)) or any(not isinstance(n, str) for n in redrawn)):
        raise InputError(f"redrawn must be a list of names, not {redrawn!r}")
    if redrawn is not None and mode != "edit":
        raise InputError(f"variables are redrawn in mode edit, not in {mode}")
    if given > MAX_COUNT:
        raise InputError(f"there are {given} pictures: at most {MAX_COUNT} are drawn at once")
    rows = 1 if mode == "interpolation" else max(1, given)
    return whole_number("count", count, 1, MAX_COUNT // rows), whole_number("seed", seed, 0, 2**63 - 1)


def _read(picture: PictureLike, max_pixels: int | None) -> Image.Image:
    """In RGB, and upright."""
    read = read_picture(picture, max_pixels=max_pixels)
    if read.pixels.dtype != np.uint8:
        raise InputError(f"{prefix(picture)}has 16 bits per sample: scale it to 8 first")
    return ImageOps.exif_transpose(to_image(replace(read, alpha=None))).convert("RGB")


def _representation(network: Hierarchy, image: Image.Image, device: str) -> Tensor:
    """y_K of an image, or the image itself where it can be one: (1, c, side, side)."""
    configuration = network.configuration
    channels, side = configuration.shapes[-1]
    if image.size == (side, side):
        samples, step = square(image, side).to(device).float()[None], configuration.representations[-1].step
        y = quantise(luma(samples) if channels == 1 else samples, step)
        if side < configuration.side or (step > 1 and torch.equal(y.expand_as(samples), samples)):
            return y
    return network.represent(square(image, configuration.side).to(device).float()[None])[-1]
