"""The command line: the only place that reads arguments, prints, and exits."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from typing import Any


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    from convgrad.cli.errors import guarded

    return guarded(lambda: _dispatched(arguments), debug="--debug" in arguments)


def _dispatched(arguments: list[str]) -> int:
    import typer

    from convgrad.cli.commands import COMMANDS, app
    from convgrad.cli.options import signed

    named = [info for info in COMMANDS if getattr(info.callback, "__name__", "") in arguments[:1]]
    app.registered_commands = named or COMMANDS  # one command is made in a fraction of the time of all
    for function in (info.callback for info in app.registered_commands):
        signed(function)
    usage_error: Any = typer.BadParameter.__mro__[1]  # its own name moved when typer took click in
    try:
        command = typer.main.get_command(app)
        app.registered_commands = COMMANDS
        code: Any = command.main(arguments, prog_name="convgrad", standalone_mode=False)
    except usage_error as error:
        return _misused(error)
    except typer.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _misused(error: Any) -> int:
    """An option that is not there, a word too many: the message, and where help is."""
    from convgrad.cli.errors import REQUEST, say

    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return REQUEST
    say(error.format_message())
    path = error.ctx.command_path if getattr(error, "ctx", None) else "convgrad"
    print(f"'{path} --help' shows what there is", file=sys.stderr)
    return REQUEST
