"""The catalogue as it is listed: complete, in words that people can read, and refused where there is nothing."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import jsonschema
import pytest

import convgrad
from convgrad.catalogue.tables import of_operation
from convgrad.vocabulary import OPERATIONS
from tests.program import convgrad as program

ROOT = Path(__file__).parents[2]
ID = re.compile(r"[a-z]+(-[a-z]+)+")
EVERY = {mistake.id: mistake for mistake in convgrad.mistakes().mistakes}


def test_every_mistake_of_every_operation_is_listed_once_with_all_its_arrays() -> None:
    assert len(EVERY) == len(convgrad.mistakes().mistakes)
    for operation in OPERATIONS:
        for mistake in of_operation(operation):
            told = {array for way in EVERY[mistake.id].ways if operation in way.operations for array in way.arrays}
            assert told >= {*mistake.arrays}


def test_every_name_that_a_diagnosis_is_given_is_listed() -> None:
    """Words with dashes that the judge's sources hold are ids, but for operations and what their cases are called."""
    folder = ROOT / "convgrad" / "diagnosis"
    words = {
        node.value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value)
    }
    assert {"added-array", "samples-missing", "updated-kernel"} <= words
    assert words - {*OPERATIONS} <= {*EVERY}


def test_every_name_that_is_right_in_court_is_listed() -> None:
    named = json.loads((ROOT / "tests" / "court" / "right_names.json").read_text(encoding="utf-8"))
    right = {name for arrays in named.values() for names in arrays.values() for name in names}
    assert right - {"agrees"} <= {*EVERY}


def test_no_text_has_a_place_left_for_a_variant() -> None:
    for mistake in EVERY.values():
        for way in mistake.ways:
            assert not {"{", "}"} & {*way.what, *way.fix, *"".join(way.needs)}
            assert way.arrays
            assert way.operations


@pytest.mark.parametrize("op", OPERATIONS)
def test_what_is_listed_of_an_operation_happens_to_it(op: str) -> None:
    listed = convgrad.mistakes(op=op)
    assert {way.operations for mistake in listed.mistakes for way in mistake.ways} == {(op,)}
    assert {mistake.id for mistake in listed.mistakes} == {
        name for name, mistake in EVERY.items() if any(op in way.operations for way in mistake.ways)
    }


def test_a_way_says_what_is_done_what_to_do_and_what_a_case_needs() -> None:
    (mistake,) = convgrad.mistakes("padding-mode-ignored").mistakes
    assert mistake.arrays == ("output", "dW", "dX")
    assert [way.arrays for way in mistake.ways] == [("dW",), ("dX",), ("output",)]
    assert mistake.ways[1].what == "what falls on the padding is dropped"
    assert mistake.ways[1].operations == ("conv",)
    assert mistake.ways[1].needs == ("use another padding_mode",)


def test_a_pool_without_a_kernel_has_no_mistakes_of_one() -> None:
    listed = {mistake.id: mistake for mistake in convgrad.mistakes(op="max-pool").mistakes}
    assert "kernel-rotated" not in listed
    assert "taps-missing" not in listed
    assert "rate-missing" not in listed
    assert listed["carried-forward"].arrays == ("output", "dX")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "strid-ignored"}, ["no mistake 'strid-ignored'", "did you mean stride-ignored?"]),
        ({"name": "x"}, ["no mistake 'x'", "lists them all"]),
        ({"name": "ties-all", "op": "conv"}, ["'ties-all' cannot happen to conv", "max-pool, adaptive-max-pool"]),
        ({"op": "cov"}, ["no operation 'cov'", "one of conv"]),
    ],
)
def test_what_there_is_not_is_refused(arguments: dict[str, str], words: list[str]) -> None:
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.mistakes(**arguments)
    assert all(word in str(refused.value) for word in words)


# -- On the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--op", "max-pool"], ["stride-ignored"]])
def test_json_is_what_python_says_and_has_its_schema(arguments: list[str]) -> None:
    said = json.loads(program("mistakes", *arguments, "--format", "json").stdout)
    jsonschema.validate(said, convgrad.schema("mistakes"))
    name = next((word for word in arguments if "ignored" in word), None)
    record = convgrad.mistakes(name, op="max-pool" if "--op" in arguments else None)
    assert said == json.loads(json.dumps(record.to_dict()))


def test_json_lines_have_a_mistake_a_line_and_the_result_last() -> None:
    *lines, last = map(json.loads, program("mistakes", "--op", "conv", "--format", "jsonl").stdout.splitlines())
    for line in lines:
        jsonschema.validate(line, convgrad.schema("mistake"))
    jsonschema.validate(last, convgrad.schema("mistakes"))
    assert [line["id"] for line in lines] == [one.id for one in convgrad.mistakes(op="conv").mistakes]
    assert last == {"type": "result", "schema": "convgrad.mistakes/1", "op": "conv"}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_at_any_width_every_mistake_is_there_whole(width: int) -> None:
    run = program("mistakes", COLUMNS=str(width))
    assert all(len(line) <= width for line in run.stdout.splitlines())
    text = " ".join(run.stdout.split())
    assert all(mistake.id in text for mistake in EVERY.values())
    assert program("mistakes", "--quiet").stdout.split() == [*EVERY]


def test_on_the_command_line_the_option_is_named_that_is_wrong() -> None:
    assert program("mistakes", "--op", "cov").stderr.startswith("convgrad: --op: there is no operation 'cov'")
    for words in (["--op", "cov"], ["nothing-such"], [""], ["ties-all", "--op", "conv"], ["a", "b"]):
        assert program("mistakes", *words).returncode == 2
