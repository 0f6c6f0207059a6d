"""`svcodec train`: models and gates of one's own."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import InputError
from .settings import SELFVAE_BATCH, Settings

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., None])

# whether photos and models exist is said where they are read, as it is to callers from Python
_photos = click.argument("sources", metavar="PHOTOS...", nargs=-1, required=True, type=click.Path(path_type=Path))
_output = click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), required=True)
_overwrite = click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
_bf16 = click.option("--bf16", is_flag=True, help="Convolutions in bfloat16: faster where supported.")


class _Finite(click.FloatRange):
    """A number of a range, none of them infinite, and no NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


_positive = _Finite(0, min_open=True)
_step_size = _Finite(0)
_seed = click.option(
    "--seed", type=click.IntRange(0, 2**62), default=Settings.seed, show_default=True, help="Of whatever is drawn."
)


@click.group()
def train() -> None:
    """Train a model on photos of your own.

    First the ladder, then the likelihoods, into the same folder; then export a model file from it.
    PHOTOS are folders of images, or of zip archives of images.
    """


def _training(command: Command) -> Command:
    """The options of both parts' trainings."""
    for option in (
        _seed,
        _bf16,
        click.option("--clip", type=_positive, default=Settings.clip, show_default=True, help="Largest gradient norm."),
        click.option(
            "--decay",
            type=_Finite(0, 1),
            default=Settings.decay,
            show_default=True,
            help="Last part of the time, in which the step sizes fall.",
        ),
        click.option(
            "--start",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="A model file to start from, on its grids, as long as there is no checkpoint.",
        ),
        click.option(
            "--muon-rate",
            type=_step_size,
            default=Settings.muon_rate,
            show_default=True,
            help="Muon's step size, for 3x3 convolutions.",
        ),
        click.option("--rate", type=_step_size, default=Settings.rate, show_default=True, help="Adam's step size."),
        click.option(
            "--crop", type=int, default=Settings.crop, show_default=True, help="Side of the crops, in pixels."
        ),
        click.option(
            "--batch", type=click.IntRange(1), default=Settings.batch, show_default=True, help="Crops a step."
        ),
        click.option("--minutes", type=_positive, required=True, help="How long to train."),
        click.option(
            "--out",
            metavar="FOLDER",
            type=click.Path(file_okay=False, path_type=Path),
            required=True,
            help="Folder for checkpoints and logs; training goes on from what it holds.",
        ),
        _photos,
    ):
        command = option(command)
    return command


@train.command()
@_training
def ladder(sources: tuple[Path, ...], out: Path, start: Path | None, **settings: Any) -> None:
    """Train the latents: `sketch`, `standard`, `high`."""
    from .recipe import train_part

    train_part("ladder", sources, out, Settings(**settings), start)


@train.command()
@_training
def likelihoods(sources: tuple[Path, ...], out: Path, start: Path | None, **settings: Any) -> None:
    """Train the likelihoods of exact levels, given a ladder: `preview`, `high`, `lossless`."""
    from .recipe import train_part

    train_part("likelihoods", sources, out, Settings(**settings), start)


@train.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--data", default="folder", show_default=True, help="What PATH holds: the name of a data set.")
@click.option(
    "--kind",
    default="selfvae-3",
    show_default=True,
    help="Which of the paper's models, or selfvae-T-T of other transforms T.",
)
@click.option("--side", type=int, default=32, show_default=True, help="Of the pictures, in pixels.")
@click.option("--size", default="small", show_default=True, help="How many weights: tiny, small, medium or paper.")
@click.option("--minutes", type=_positive, required=True, help="How long to train, all runs together.")
@click.option("--batch", type=click.IntRange(1), default=SELFVAE_BATCH, show_default=True, help="Pictures a step.")
@_bf16
@_seed
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the checkpoint, the log and the model file; training goes on from what it holds.",
)
def selfvae(
    path: Path,
    data: str,
    kind: str,
    side: int,
    size: str,
    minutes: float,
    batch: int,
    bf16: bool,
    seed: int,
    out: Path,
) -> None:
    """Train one of the first paper's models, of small pictures: a VAE or a selfVAE.

    Writes KIND.safetensors for `svcodec sample`. docs/selfvae.md has the data sets and the models.
    """
    from .datasets import load
    from .family_training import configuration_of, family_settings, refuse_other_images, train_family

    configuration = configuration_of(kind, side, size)
    settings = family_settings(minutes, seed, batch, bf16)
    images = load(data, path, side)
    refuse_other_images(images, out)
    click.echo(train_family(kind, configuration, images, out, settings))


@train.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@_photos
@_output
@click.option(
    "--start", metavar="FILE", type=click.Path(path_type=Path), help="The model file that training started from, if so."
)
@click.option("--crop", type=int, default=256, show_default=True, help="Side of the crops to calibrate on, in pixels.")
@_overwrite
def export(run: Path, sources: tuple[Path, ...], output: Path, start: Path | None, crop: int, overwrite: bool) -> None:
    """Write a model file from the checkpoints in the folder RUN; PHOTOS are those that it was trained on."""
    from .export import export_run

    _refuse_existing(output, overwrite, itertools.chain(_files(sources), [start] if start else [], run.glob("*.pt")))
    for part, figures in export_run(run, sources, output, start, crop, overwrite=overwrite).items():
        click.echo(json.dumps({"task": part, **figures}, indent=1))
    click.echo(f"{output}: {output.stat().st_size:,} bytes")


@train.command()
@_photos
@_output
@_overwrite
def gate(sources: tuple[Path, ...], output: Path, overwrite: bool) -> None:
    """Train a gate on photos, as cameras store them and as people have them.

    It takes minutes. The gate of MODEL.safetensors is looked for in MODEL-gate.safetensors beside it, and is the
    package's where there is none.
    """
    from ..files import write_whole
    from .gate_fitting import fit_gate

    _refuse_existing(output, overwrite, _files(sources))
    fitted = fit_gate(sources, _progress)
    write_whole(output, fitted.to_bytes(), overwrite=overwrite)
    click.echo(f"{fitted.calibration.to_json()}{output}: {output.stat().st_size:,} bytes")


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    from .photos import files_of

    for source in sources:
        yield from files_of(source)


def _refuse_existing(output: Path, overwrite: bool, inputs: Iterable[Path]) -> None:
    """Raise InputError before minutes of work for a file that is not to be replaced; one of the inputs never is."""
    if not output.exists():
        return
    if any(path.exists() and path.samefile(output) for path in inputs):
        raise InputError(f"{output} is an input: name another output")
    if not overwrite:
        raise InputError(f"{output} is there already: name another output, or replace it with --overwrite")


def _progress(steps: Iterable[T], length: int, label: str) -> Iterator[T]:
    every = max(1, length // 20)
    hidden = not sys.stderr.isatty()
    with click.progressbar(steps, length, label, hidden=hidden, file=sys.stderr, update_min_steps=every) as bar:
        yield from bar
