"""`svcodec completion`, and what completes to names of files."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete

from .terminal import echo

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave an argument to the shell, which knows the files."""
    return [CompletionItem(incomplete, type="file")]


def script(shell: str, program: click.Command) -> str:
    """What a shell reads to complete the program's commands and options."""
    return SHELLS[shell](program, {}, "svcodec", "_SVCODEC_COMPLETE").source()


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and files.

    For bash, put eval "$(svcodec completion bash)" into ~/.bashrc; for zsh likewise into ~/.zshrc; for fish, write it
    to ~/.config/fish/completions/svcodec.fish.
    """
    echo(script(shell, context.find_root().command))
