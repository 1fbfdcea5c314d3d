"""The formats of results are rows of one table, which the options, the suffixes and the writing come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from convgrad.cli.formats import FORMATS, Format
from convgrad.cli.options import WRITING
from tests.program import LEDGER, SAMPLES, assert_refused, convgrad

COMMANDS = (
    ["forward", *LEDGER],
    ["backward", *LEDGER],
    ["explain", "dX[1]", *LEDGER],
    ["check", *LEDGER],
    ["network", str(SAMPLES / "network-two-layers.yaml")],
)
SUFFIXES = [(name, suffix) for name, row in FORMATS.items() for suffix in row.suffixes]


def test_the_option_has_a_choice_for_every_row_and_no_other() -> None:
    (option,) = (option for option in WRITING if option.name == "format")
    assert option.choices == tuple(FORMATS)
    assert all(name == row.name for name, row in FORMATS.items())


def test_no_suffix_is_of_two_formats() -> None:
    assert len({suffix for _, suffix in SUFFIXES}) == len(SUFFIXES)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_a_suffix_is_as_good_as_its_format(name: str, suffix: str, arguments: Sequence[str], tmp_path: Path) -> None:
    file = tmp_path / f"out{suffix.upper()}"
    assert convgrad(*arguments, "--output", str(file)).returncode == 0
    assert file.read_text(encoding="utf-8") == convgrad(*arguments, "--format", name).stdout


@pytest.mark.parametrize("suffix", [".pdf", ".jsn", ".h5", "."])
@pytest.mark.parametrize("arguments", [*COMMANDS, ["schema", "case"]], ids=lambda arguments: arguments[0])
def test_an_unknown_suffix_is_refused_with_those_that_there_are(
    suffix: str, arguments: Sequence[str], tmp_path: Path
) -> None:
    known = ".txt, .json, .jsonl, .ndjson, .yaml, .yml, .md, .markdown, .tex, .csv, .svg, .html, .htm, .npy"
    run = convgrad(*arguments, "--output", str(tmp_path / f"out{suffix}"))
    assert_refused(run, f"--output: no format has the suffix '{suffix}'", known)
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_may_be_any_where_the_format_is_said(tmp_path: Path) -> None:
    file = tmp_path / "out.log"
    assert convgrad("backward", *LEDGER, "--format", "json", "--output", str(file)).returncode == 0
    assert file.read_text() == convgrad("backward", *LEDGER, "--format", "json").stdout


@pytest.mark.parametrize("many", [False, True])
def test_a_new_row_is_a_format(many: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(result: object) -> object:
        return iter([result.as_dict().get("schema", "refused")])  # type: ignore[attr-defined]

    monkeypatch.setitem(FORMATS, "words", Format("words", (".words",), named, named, "<", "+", ">"))  # type: ignore
    file = tmp_path / "out.words"
    cases = [str(SAMPLES / "many.jsonl")] if many else LEDGER
    convgrad("forward", *cases, "--output", str(file))
    written = file.read_text()
    assert written.strip("<>").split("+")[0] == "convgrad.forward/1"
    assert written.startswith("<") == written.endswith(">") == many
    assert convgrad("forward", *cases, "--format", "words").stdout == written


def test_a_grade_in_no_format_is_refused_before_anything_is_run(tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    run = convgrad("grade", f"{tmp_path / 'mine.py'}:backward", "--output", str(tmp_path / "o.pdf"))
    assert_refused(run, "--output: no format has the suffix '.pdf'")
