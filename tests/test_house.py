"""The house stays as it was planned: imports run downwards, and each room keeps to its libraries."""

from __future__ import annotations

import ast
import doctest
import importlib.resources
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import convgrad

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "convgrad", ROOT / "tests"
FLOORS = (
    ("__main__",), ("cli",), ("testing",), ("views",), ("grading",), ("suites",), ("documents",), ("checking",),
    ("diagnosis",), ("claims",), ("differences",), ("catalogue",), ("passes",), ("subject",),
    ("operations", "frameworks"), ("core",), ("vocabulary",), ("errors",),
)  # fmt: skip
HEIGHT = {room: len(FLOORS) - level for level, rooms in enumerate(FLOORS) for room in rooms}
LIBRARIES = {
    "typer": {"cli"},
    "rich": {"cli", "views"},
    "yaml": {"documents"},
    "json": {"documents", "grading", "suites", "views"},
}
WITHOUT_NUMPY = {"errors", "vocabulary", "__main__", "__init__"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "convgrad" and len(parts) > 1 and parts[1] != room:
            assert HEIGHT[parts[1]] < HEIGHT[room], f"{room} imports {name}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_room_keeps_to_its_libraries(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)}
    for library, rooms in LIBRARIES.items():
        assert library not in used or room_of(path) in rooms
    assert "numpy" not in used or room_of(path) not in WITHOUT_NUMPY


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].endswith(".")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if room_of(path) in ("core", "operations")], ids=lambda p: p.stem
)
def test_there_are_no_float_literals_where_exact_numbers_pass(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    floats = [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    assert floats == []


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_what_tests_share_has_a_module_of_its_own(path: Path) -> None:
    assert [name for name in imports(path) if ".test_" in name or name.startswith("test_")] == []


def test_no_module_bears_the_name_of_a_public_function() -> None:
    assert not set(convgrad.__all__) & {path.stem for path in PACKAGE.iterdir()}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_word_for_one_thing(path: Path) -> None:
    if path.stem in ("foreign_words", "dialects"):  # those of others, which lead to ours
        return
    words = re.findall(r"\b(gy|dout|grad_output|upstream_grad)\b", path.read_text(encoding="utf-8"))
    assert words == []


SNIFFED = re.compile(
    r"""operation\.name (?:==|!=) "|operation\.name (?:not )?in \(|\.op (?:==|!=) "|\.op (?:not )?in \("""
    r"""|"(?:ties|norm|output_padding|slope)" (?:not )?in """
)
"""How a room would guess what an operation is from its name or its settings."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_an_operation_is_its_family_says(path: Path) -> None:
    assert SNIFFED.findall(path.read_text(encoding="utf-8")) == []


def module_names() -> list[str]:
    return [
        module.name for module in pkgutil.walk_packages(convgrad.__path__, "convgrad.") if "__main__" not in module.name
    ]


@pytest.mark.parametrize("name", module_names())
def test_the_examples_of_a_docstring_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_top_level_has_what_was_agreed_and_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT)
    if listed.returncode:
        pytest.skip("not a git checkout, so what is part of the project cannot be told from what lies about")
    visible = {line.split("/")[0] for line in listed.stdout.splitlines() if not line.startswith(".")}
    assert visible == {"pyproject.toml", "convgrad", "tests", "samples", "README.md"}


def test_other_people_s_type_checkers_are_told_that_there_are_types() -> None:
    assert importlib.resources.files(convgrad).joinpath("py.typed").is_file()


def test_tables_are_made_with_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table

    from convgrad.passes.gradients import backward
    from convgrad.views import render

    made = []
    monkeypatch.setattr(Table, "add_column", lambda *_, **__: made.append("column"))
    monkeypatch.setattr(Table, "add_row", lambda *_, **__: made.append("row"))
    list(render(backward({"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}), width=None))
    assert {"column", "row"} == set(made)
