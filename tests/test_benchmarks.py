"""The benchmarks run, and each of their rows says what it compares; how fast anything is, no test asserts."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from tests.benchmarks import checking, exact, grading, many, memory, naming, reading, scale, start, streaming, writing
from tests.benchmarks.__main__ import BENCHMARKS, LARGE, main
from tests.benchmarks.row import ALONE, FASTER, FIGURES, RATE, Row
from tests.benchmarks.table import cells

FOLDER = Path(__file__).parent / "benchmarks"
HELPERS = {"__init__", "__main__", "machine", "memory", "row", "table", "timing"}


def test_every_module_is_a_benchmark_with_rows_or_a_known_helper():
    modules = {path.stem for path in FOLDER.glob("*.py")}
    assert modules == HELPERS | {*BENCHMARKS, *LARGE}
    for name in BENCHMARKS + LARGE:
        module = import_module(f"tests.benchmarks.{name}")
        assert callable(module.rows)
        assert module.__doc__


def assert_well_formed(rows, count):
    assert len(rows) == len({row.name for row in rows}) == count
    for row in rows:
        assert row.ours > 0
        assert row.figure in FIGURES
        assert (row.peer is None) == (row.against == "")
        assert row.peer is None or row.peer > 0
        assert len(cells(row)) == 7
        assert json.loads(json.dumps(row.to_dict()))["value"] == row.value


def test_exact_benchmarks_have_well_formed_rows(monkeypatch):
    monkeypatch.setattr(exact, "SIDE", 5)
    assert_well_formed(list(exact.rows(1)), 3)


def test_writing_benchmarks_have_well_formed_rows(monkeypatch):
    monkeypatch.setattr(writing, "SIDE", 10)
    assert_well_formed(list(writing.rows(1)), 9)


def test_streaming_benchmarks_have_well_formed_rows(monkeypatch):
    monkeypatch.setattr(streaming, "SIDE", 8)
    assert_well_formed(list(streaming.rows(1)), 4)


@pytest.mark.slow
def test_grading_benchmarks_have_well_formed_rows(monkeypatch):
    monkeypatch.setattr(grading, "CASES", 3)
    assert_well_formed(list(grading.rows(1)), 3)


@pytest.mark.slow
@pytest.mark.oracle
def test_checking_benchmarks_have_well_formed_rows(monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `oracle`)")
    small = [replace(layer, x=layer.small[0], w=layer.small[1], settings=layer.reduced().settings)
             for layer in checking.LAYERS]  # fmt: skip
    for name, value in {"LAYERS": small, "SIDES": (8,), "CHANNELS": (4,), "LARGE": small[1]}.items():
        monkeypatch.setattr(checking, name, value)
    monkeypatch.setattr(memory, "SHAPE", (2, 4, 9, 9))
    monkeypatch.setattr(memory, "FILTERS", 3)
    found = list(checking.rows(1))
    assert_well_formed(found, len(memory.CLAIMS) + 1 + 4 * len(small) + len(checking.POOLS) + 2)
    assert {row.against for row in found if "gradcheck" not in row.name} == {"", checking.BACKWARD}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_benchmarks_in_processes_of_their_own_have_well_formed_rows(monkeypatch):
    monkeypatch.setattr(reading, "SIDE", 100)
    monkeypatch.setattr(many, "CASES", 30)
    assert_well_formed(list(reading.rows(1, "2 by 2")), 2)
    assert_well_formed(list(many.rows(1, "memory")), 1)
    monkeypatch.setattr(scale, "BYTES", 1 << 20)
    assert_well_formed(list(start.rows(1, "--version")), 1)
    assert_well_formed(list(scale.rows(1)), 2)
    monkeypatch.setattr(naming, "TRAINED", ((4, 2, 6, 6), 2))
    assert_well_formed(list(naming.rows(1)), 4)


def test_a_figure_is_what_its_name_says_and_knows_its_target():
    assert Row("", 2.0, 8.0, "it", at_most=0.2).value == 0.25
    assert Row("", 2.0, 8.0, "it", at_most=0.2).met is False
    assert Row("", 2.0, 8.0, "it", FASTER, at_least=4).met is True
    assert Row("", 2.0, figure=RATE, count=10).value == 5
    assert Row("", 2.0, figure=ALONE).met is None


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_command_line_prints_a_table_or_a_json_object_a_line(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "start", "--rounds", "1", "--only=--version", *words])
    main()
    shown = capsys.readouterr().out
    if not words:
        assert "times as long" in shown
        return
    machine, row = map(json.loads, shown.splitlines())
    assert set(machine["machine"]["instructions"]) == {"NumPy's BLAS", "PyTorch"}
    assert row["benchmark"] == "start"
