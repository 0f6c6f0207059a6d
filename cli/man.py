"""`svcodec man`: the manual page, made of what `--help` says."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from .. import __version__
from .terminal import echo


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Print the manual page: `svcodec man | man -l -` shows it."""
    echo(page(context.find_root().command))


def page(program: click.Command) -> str:
    """The manual page of all commands, for man's macros of roff."""
    context = click.Context(program, info_name="svcodec")
    lines = [
        f'.TH SVCODEC 1 "" "svcodec {__version__}" "svcodec"',
        ".ad l",
        ".SH NAME",
        "svcodec \\- a learned image codec",
    ]
    lines += [".SH SYNOPSIS", _usage(context), ".SH DESCRIPTION", *_text(program), *_options(context)]
    lines.append(".SH COMMANDS")
    for inner in _commands(context):
        lines += [f'.SS "{_escaped(inner.command_path)}"', _usage(inner), ".PP", *_text(inner.command)]
        lines += _options(inner)
    return "\n".join(lines)


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Of a command that does something, or of all that a group has, in the order of their names."""
    command = context.command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _commands(click.Context(inner, info_name=name, parent=context))
    elif not command.hidden:
        yield context


def _usage(context: click.Context) -> str:
    pieces = context.command.collect_usage_pieces(context)
    return f".B {_escaped(context.command_path)}\n{_escaped(' '.join(pieces))}"


def _text(command: click.Command) -> list[str]:
    """Its help, paragraph by paragraph; those that \\b begins keep their lines."""
    lines = []
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        literal = paragraph.startswith("\b\n")
        text = _escaped(paragraph.removeprefix("\b\n") if literal else " ".join(paragraph.split()))
        lines += [".PP", *([".nf", text, ".fi"] if literal else [text])]
    return lines[1:]


def _options(context: click.Context) -> list[str]:
    lines = []
    for parameter in context.command.get_params(context):
        if record := parameter.get_help_record(context):
            lines += [".TP", f".B {_escaped(record[0])}", _escaped(" ".join(record[1].split()))]
    return lines


def _escaped(text: str) -> str:
    """As roff takes it: its own signs, and lines that would be requests."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in plain.split("\n"))
