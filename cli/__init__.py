"""The codec at the shell: `svcodec encode`, `decode` and the other commands, by its public names only."""

from __future__ import annotations

import click

from .. import __version__
from ..program import Program
from .calibrate import gate
from .chained import chain, unchain
from .check import check
from .completion import completion
from .decode import decode
from .demo import demo
from .desktop import desktop
from .encode import encode
from .info import info
from .man import man
from .sample import sample
from .transcode import transcode

__all__ = ["main"]


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A learned image codec: photos to .svc files in five tiers, from a sketch to lossless.

    Exits with 0 if all went well, 1 if a file could not be coded, 2 if the command line is wrong.
    """


for command in (encode, decode, transcode, info, check, gate, sample, chain, unchain, demo, completion, man, desktop):
    main.add_command(command)
