"""The mutation tester changes what decides something, and tells what tests see from what they do not."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, sample
from tests.mutants.equivalents import as_entry, equivalents
from tests.mutants.mutant import mutants
from tests.mutants.project import ROOMS, Project

CHANGES = {
    "a < b": {"a <= b"},
    "a in b": {"a not in b"},
    "a + b": {"(a - b)"},
    "a and b": {"(a or b)"},
    "not a": {"(a)"},
    "-a": {"(a)"},
    "3": {"4", "2"},
    "True": {"False"},
    "b if a else c": {"b if (not (a)) else c"},
    "b if a == c else c": {"b if a != c else c"},
    "[a for a in b if a]": {"[a for a in b if (not (a))]"},
    "f(a, b, c)": {"f(b, a, c)"},
    "range(a)": {"range(a + 1)", "range(a - 1)"},
    "a[:b]": {"a[:(b) + 1]"},
    "min(a, b)": {"max(a, b)"},
    "a.all()": {"a.any()"},
}
STATEMENTS = {
    "f()": {"pass"},
    "a.b = c": {"pass"},
    "a += b": {"a -= b", "pass"},
    "raise a": {"pass"},
    "return a": {"return None"},
    "while a: break": {"while (not (a)): break", "while a: pass"},
}
UNCHANGED = ("x = f'{a + 1}'", "x = 'a' + b", "x = zip(a, strict=True)", "x = f(a, a)", "x = isinstance(a, b)",
             "x: int | str", "@cache(1)\ndef f(): ...", "'''A docstring.'''")  # fmt: skip
TINY = """
def rest(n, by):
    while n > by:
        n = n - by
    return n


def never(n):
    return n > 0
"""
TESTS = """
from tiny import rest


def test_what_is_left_of_a_number():
    assert rest(8, 4) == 4


def test_another_process_is_not_this_one():
    import subprocess, sys
    subprocess.run([sys.executable, "--version"])
"""
VERDICTS = {
    "while n > by:  ->  while n >= by:": "killed",
    "while n > by:  ->  while (not (n > by)):": "killed",
    "n = n - by  ->  n = (n + by)": "timed out",
    "return n  ->  return None": "killed",
    "return n > 0  ->  return n >= 0": "survived",
    "return n > 0  ->  return None": "survived",
    "return n > 0  ->  return n > 1": "survived",
    "return n > 0  ->  return n > -1": "survived",
}


def afters(source: str) -> set[str]:
    return {mutant.after for mutant in mutants("module.py", source.encode())}


@pytest.mark.parametrize("expression", CHANGES)
def test_an_expression_is_changed(expression):
    assert afters(f"x = {expression}") == {f"x = {change}" for change in CHANGES[expression]}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_changed(statement):
    assert afters(statement) == STATEMENTS[statement]


@pytest.mark.parametrize("source", UNCHANGED)
def test_what_decides_nothing_stays(source):
    assert afters(source) == set()


def test_a_mutant_differs_in_one_place_and_knows_its_function_and_its_statement():
    source = "def f():\n    'é'\n    if (a and\n            b < c):\n        g()\n".encode()
    one = next(mutant for mutant in mutants("module.py", source) if "<=" in mutant.after)
    assert one.applied(source).decode() == source.decode().replace("<", "<=")
    assert (one.scope, one.line, one.lines) == ("f", 4, (3, 4))
    assert str(one) == "module.py:4: b < c):  ->  b <= c):"


def test_a_sample_can_be_drawn_again_and_every_mutant_is_python():
    drawn = sample(Project(ROOT), ["core"], 50, seed=2)
    assert drawn == sample(Project(ROOT), ["core"], 50, seed=2)
    for _, mutant in drawn:
        compile(mutant.applied((ROOT / mutant.path).read_bytes()), mutant.path, "exec")


def test_every_room_is_there():
    assert all(Project(ROOT).modules(room) for room in ROOMS)


def test_a_room_that_is_not_there_is_named():
    with pytest.raises(SystemExit, match="there is no room attic"):
        sample(Project(ROOT), ["attic"], 1, seed=0)


def test_every_equivalent_has_a_reason():
    assert all(equivalents().values())


def test_an_entry_for_an_equivalent_reads_as_it_was_written(tmp_path):
    one = next(iter(mutants("module.py", b'def f(): return a["b"] < 1')))
    (tmp_path / "some.toml").write_text(as_entry(one))
    assert equivalents(tmp_path / "some.toml") == {one.sign: ""}


@pytest.mark.parametrize("name", ["judging", "project", "report"])
def test_the_examples_of_the_tool_are_true(name):
    assert doctest.testmod(import_module(f"tests.mutants.{name}")).failed == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are judged in forked processes")
def test_mutants_that_tests_see_are_killed_and_others_survive(tmp_path: Path):
    """In a process, for nothing of the package may be loaded, and children need a parent with one thread."""
    pytest.importorskip("coverage", reason="which tests run which lines is not known without")
    for folder in ("tiny", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tiny" / "__init__.py").write_text(TINY)
    (tmp_path / "tests" / "test_tiny.py").write_text(TESTS)
    program = f"""
from pathlib import Path
from tests.mutants import children, judging
from tests.mutants.__main__ import sample, times
from tests.mutants.project import Project
from tests.mutants.record import recorded

judging.LEAST = 1.5
children.load_libraries()
project = Project(Path({str(tmp_path)!r}), "tiny")
for _ in range(2):  # the second time from the cache
    record = recorded(project)
print(record.left_out)
for _, mutant in sample(project, ["__init__.py"], 100, seed=0):
    print(mutant, judging.judge(project, mutant, times(record, mutant, 60)), sep=": ")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    left_out, *lines = done.stdout.splitlines()
    assert left_out == "{'tests/test_tiny.py::test_another_process_is_not_this_one': 'starts a process'}"
    assert dict(line.split(": ", 1)[1].rsplit(": ", 1) for line in lines) == VERDICTS
