"""`svcodec sample`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .. import SAMPLE_MODES, InputError
from .options import device_option, max_pixels_option, overwrite_option
from .terminal import echo, read, refuse_existing, refuse_suffix, refuse_terminal, shown, shown_input, write

if TYPE_CHECKING:
    from PIL import Image

_GAP = 2
_ROW = 8  # pictures in a row, where they start from none
_SHOWN = 128  # at least so many pixels a picture on the sheet


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output", metavar="FILE", required=True, help="The sheet, a PNG file; - for standard output.")
@click.option(
    "--mode", type=click.Choice(SAMPLE_MODES), default=SAMPLE_MODES[0], show_default=True, help="What to draw."
)
@click.option("--from", "sources", metavar="PICTURE", multiple=True, help="A picture to start from; may be repeated.")
@click.option(
    "-n", "--count", type=click.IntRange(1), help="Pictures to draw, for each one given; by default 8, or 64."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of whatever is drawn.")
@click.option("--mean", is_flag=True, help="The mean of every sub-pixel instead of a draw.")
@click.option("--redraw", metavar="NAME", multiple=True, help="With edit: a variable to draw anew, z_1 or u.")
@overwrite_option
@max_pixels_option
@device_option
def sample(
    model: str,
    output: str,
    mode: str,
    sources: tuple[str, ...],
    count: int | None,
    seed: int,
    mean: bool,
    redraw: tuple[str, ...],
    overwrite: bool,
    max_pixels: int,
    device: str,
) -> None:
    """Draw pictures from one of the first paper's models, on one sheet.

    MODEL is the name of a model or the path of a .safetensors file. Modes other than generation start from pictures,
    which are given with --from and come first in their rows.
    """
    from .. import sample as draw

    refuse_suffix(output, {".png"})
    refuse_terminal(output)
    refuse_existing(output, overwrite, [model, *sources])
    contents = [read(source) for source in sources]
    pictures = [io.BytesIO(content) for content in contents]
    for source, picture in zip(sources, pictures, strict=True):
        picture.name = source  # which errors tell
    count = count or (_ROW if contents else _ROW**2)
    drawn = draw(
        model,
        pictures,
        mode=mode,
        count=count,
        seed=seed,
        mean=mean,
        redrawn=redraw or None,
        max_pixels=max_pixels,
        device=device,
    )
    rows = [drawn[i : i + _ROW] for i in range(0, len(drawn), _ROW)]
    if mode == "interpolation":
        rows = [drawn]
    elif contents:
        starts = [_opened(source, content) for source, content in zip(sources, contents, strict=True)]
        rows = [[start, *drawn[i * count : (i + 1) * count]] for i, start in enumerate(starts)]
    sheet = io.BytesIO()
    _sheet(rows).save(sheet, "PNG")
    write(output, sheet.getvalue(), overwrite=overwrite)
    echo(f"{len(drawn)} pictures -> {shown(output)}", err=output == "-")


def _opened(source: str, content: bytes) -> Image.Image:
    from PIL import Image, ImageOps

    try:
        return ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    except (OSError, ValueError) as error:  # Pillow has narrower limits for what is beside the pixels
        raise InputError(f"{shown_input(source)} can't be shown on the sheet: {error}") from error


def _sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pictures in rows, enlarged so that one can see them."""
    from PIL import Image, ImageOps

    side = rows[-1][-1].width
    side *= max(1, round(_SHOWN / side))
    columns = max(map(len, rows))
    whole = Image.new("RGB", (columns * (side + _GAP) + _GAP, len(rows) * (side + _GAP) + _GAP), "white")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            shown_as = ImageOps.fit(picture, (side, side), Image.Resampling.NEAREST)
            whole.paste(shown_as, (_GAP + column * (side + _GAP), _GAP + row * (side + _GAP)))
    return whole
