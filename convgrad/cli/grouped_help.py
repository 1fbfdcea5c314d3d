"""Help whose options stand in groups, and which ends with what to do next."""

from __future__ import annotations

from typing import Any

import typer.core

from convgrad.cli.options import OTHER


class GroupedHelp(typer.core.TyperCommand):
    """A command whose help has its arguments, then its options by their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write every group under its name, in the order in which the first of each comes; others last."""
        groups: dict[str, list[Any]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(_group(parameter), []).append(record)
        for name, records in sorted(groups.items(), key=lambda group: group[0] == OTHER):
            with formatter.section(name):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what to do next, each a line."""
        if self.epilog:
            with formatter.section("Next"):
                formatter.write_text("\b\n" + self.epilog)


def _group(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or OTHER
