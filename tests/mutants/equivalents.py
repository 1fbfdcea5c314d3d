"""Mutants that no test can kill, or none should, as somebody judged them: each with its reason, in a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.mutants.mutant import Mutant

FILE = Path(__file__).with_suffix(".toml")

Sign = tuple[str, str, str]


def equivalents(file: Path = FILE) -> dict[Sign, str]:
    """The reasons by the function, the line as it is, and as the mutant has it."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("equivalent", [])
    return {(entry["scope"], entry["before"], entry["after"]): entry["reason"] for entry in entries}


def as_entry(mutant: Mutant) -> str:
    """What to write into the file, but for the reason."""
    scope, before, after = (f"'''{part}'''" for part in mutant.sign)
    return f"[[equivalent]]\nscope = {scope}\nbefore = {before}\nafter = {after}\nreason = ''\n"
