"""Every command and output of the README is what the program does; UPDATE_README=1 writes the outputs anew."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needed import needing

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SETTINGS = re.compile(r"^\| key, and option \|.*\n\|---.*\n((?:\|.*\n)+)", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    return CONSOLE.findall(README.read_text(encoding="utf-8"))


def run(command: str, folder: Path) -> str:
    """What a user sees who types a command: output and errors together, with `convgrad` on the path."""
    if not (folder / "samples").exists():
        (folder / "samples").symlink_to(ROOT / "samples")
    script = folder / "convgrad"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convgrad "$@"\n')
    script.chmod(0o755)
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    variables |= {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    made = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return made.stdout


def replayed(block: str, folder: Path) -> str:
    """A block of commands with the outputs that they have now."""
    commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    return "".join(f"$ {command}\n{run(command, folder).rstrip()}\n" for command in commands)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(blocks())))
def test_a_console_block_of_the_readme_is_what_happens(number: int, tmp_path: Path) -> None:
    block = blocks()[number]
    for word, program in {"| jq": "jq", "cc -O2": "cc"}.items():
        if word in block:
            needing(program, "which this block of the README runs")
    made = replayed(block, tmp_path)
    if os.environ.get("UPDATE_README"):
        README.write_text(README.read_text(encoding="utf-8").replace(block, made), encoding="utf-8")
    assert blocks()[number] == made


def settings_rows() -> str:
    """The rows of the table of a case's keys: each with its option, what it means, its words, and its default."""
    from convgrad.vocabulary import CHOICE, NOTES, Setting, keys_of_case

    def row(name: str, key: Setting) -> str:
        words = [f"`{word}`" for word in key.choices] if key.kind == CHOICE else []
        choices = f"; {', '.join(words[:-1])} or {words[-1]}" if words else ""
        meaning = (key.meaning + choices).replace("|", r"\|")
        return f"| `{name}`, `--{name.replace('_', '-')}` | {meaning} | {key.by_default} |\n"

    elsewhere = ("claim", "claim_dtype", *NOTES)
    return "".join(row(name, key) for name, key in keys_of_case().items() if name not in elsewhere)


def test_the_table_of_keys_is_that_of_the_vocabulary() -> None:
    text = README.read_text(encoding="utf-8")
    table = SETTINGS.search(text)
    assert table
    if os.environ.get("UPDATE_README"):
        README.write_text(text.replace(table[1], settings_rows()), encoding="utf-8")
    assert table[1] == settings_rows()


def test_the_python_of_the_readme_is_what_happens() -> None:
    found = doctest.DocTestParser().get_doctest(README.read_text(encoding="utf-8"), {}, "README.md", None, 0)
    outcome = doctest.DocTestRunner().run(found)
    assert outcome.attempted >= 4
    assert outcome.failed == 0


def test_the_readme_names_every_option_and_key() -> None:
    from convgrad.cli import grade_options
    from convgrad.cli import options as table

    text = README.read_text(encoding="utf-8")
    listed = (
        *table.NETWORK,
        *table.CASE,
        *table.ARITHMETIC,
        *table.WRITING,
        *table.RUNNING,
        *table.OVERLAYS,
        *table.CLAIMS,
        *table.CLAIMED,
        *table.CHECKING,
        *grade_options.GRADING,
        *grade_options.CASES_OF,
    )
    names = [option.flag.split("/") if option.flag else [option.text] for option in listed if not option.hidden]
    assert [name for name in names if not any(re.search(f"`{word}[ `]", text) for word in name)] == []


def test_the_readme_names_every_sample() -> None:
    text = README.read_text(encoding="utf-8")
    names = [path.stem if path.suffix == ".yaml" else path.name for path in (ROOT / "samples").iterdir()]
    assert [name for name in names if name not in text] == []


def test_the_readme_names_every_command() -> None:
    from convgrad.cli.commands import COMMANDS

    text = README.read_text(encoding="utf-8")
    assert len(COMMANDS) >= 4
    assert [name for name in COMMANDS if f"`convgrad {name} " not in text] == []
