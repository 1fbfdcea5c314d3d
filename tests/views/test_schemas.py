"""Every kind of record that is put out has a published schema, and a case's schema asks for what is needed."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

import convgrad
from convgrad.diagnosis.control import Planted
from convgrad.vocabulary import OPERATIONS
from tests.program import SAMPLES
from tests.program import convgrad as run


def valid(record, name):
    published = convgrad.schema(name)
    jsonschema.Draft202012Validator.check_schema(published)
    return jsonschema.Draft202012Validator(published).is_valid(record)


def test_every_line_of_many_cases_has_a_schema():
    lines = run("backward", str(SAMPLES / "many.jsonl"), "--format", "jsonl", "--overlays", "all").stdout.splitlines()
    records = list(map(json.loads, lines))
    kinds = [{"overlay": "overlay", "result": "backward", None: "error"}[record.get("type")] for record in records]
    assert {"overlay", "backward", "error"} == set(kinds)
    assert all(map(valid, records, kinds))
    assert not any(valid(record, "error") for record, kind in zip(records, kinds, strict=True) if kind != "error")


@pytest.mark.slow
def test_the_installation_has_a_schema_also_where_something_was_missed(installation):
    assert valid(json.loads(json.dumps(installation.to_dict())), "installation")
    missed = Planted(None, "dW", "delta-rotated", "", None, ())
    worse = replace(installation, cases=(replace(installation.cases[0], planted=(missed,)),))
    assert valid(json.loads(json.dumps(worse.to_dict())), "installation")


@pytest.mark.slow
def test_a_grade_and_a_suite_have_schemas(tmp_path):
    grade = ("grade", str(SAMPLES / "kernel.py") + ":backward", "--keep", str(tmp_path / "kept"), "--format", "json")
    assert valid(json.loads(run(*grade).stdout), "grade")
    assert valid(json.loads(run(*grade, "--feedback", "names").stdout), "grade")
    for op in OPERATIONS:
        assert valid(json.loads(run("cases", "--op", op, "--format", "json").stdout), "cases")


@pytest.mark.parametrize(
    ("case", "needs"),
    [
        ({}, {"kernel": [1]}),
        ({"op": "conv"}, {"kernel": [1]}),
        ({"op": "conv-transpose"}, {"kernel": [1]}),
        ({"op": "max-pool"}, {"window": 2}),
        ({"op": "average-pool"}, {"window": 2}),
        ({"op": "lp-pool"}, {"window": 2}),
        ({"op": "adaptive-max-pool"}, {"output_size": 1}),
        ({"op": "adaptive-average-pool"}, {"output_size": 1}),
    ],
)
def test_a_case_needs_what_its_operation_does(case, needs):
    case = {"input": [1, 2], "delta": "ones", **case}
    assert not valid(case, "case")
    assert valid({**case, **needs}, "case")
