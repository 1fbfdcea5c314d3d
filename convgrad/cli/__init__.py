"""The command line: the only place that reads arguments, prints, and exits."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from typing import Any


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    from convgrad.cli.exits import guarded

    return guarded(lambda: _dispatched(arguments), debug="--debug" in arguments)


def _dispatched(arguments: list[str]) -> int:
    import typer

    from convgrad.cli.commands import COMMANDS, program

    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    arguments = _spelt(arguments)
    named = [name for name in COMMANDS if name in arguments[:1]]
    try:
        command = typer.main.get_command(program(named or COMMANDS))
        code: Any = command.main(arguments, prog_name="convgrad", standalone_mode=False)
    except typer.Abort:
        return 130
    except Exception as error:
        if not hasattr(error, "format_message"):  # which every kind of misuse has; their own names moved between typers
            raise
        return _misused(error)
    return code if isinstance(code, int) else 0


def _spelt(arguments: list[str]) -> list[str]:
    """With the option before a function that stands first: check kernel.py:backward case.yaml."""
    import re

    named = arguments[:1] == ["check"] and re.fullmatch(r".+\.py:\w+", "".join(arguments[1:2]))
    return [*arguments[:1], "--function", *arguments[1:]] if named else arguments


def _misused(error: Any) -> int:
    """An option that is not there, a word too many: the message, and where help is."""
    from convgrad.cli.exits import REQUEST, say

    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return REQUEST
    say(error.format_message())
    path = error.ctx.command_path if getattr(error, "ctx", None) else "convgrad"
    print(f"'{path} --help' shows what there is", file=sys.stderr)
    return REQUEST
