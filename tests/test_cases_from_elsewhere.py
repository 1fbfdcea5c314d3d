"""Numbers that other projects' authors wrote down as right, each met to the tolerance that it was written with."""

import json
from pathlib import Path

import numpy as np
import pytest

import convgrad
from tests import definitions

FOLDER = Path(__file__).parent / "cases"


def documents():
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{file.stem}: {case['id']}")


CASES = list(documents())
each_case = pytest.mark.parametrize("case", CASES)


def assert_as_expected(found, case):
    """Every array that the case expects, in its shape, within the rounding that its author allowed for."""
    tolerance = case["tolerance"]
    for name, values in case["expected"].items():
        expected, actual = np.array(values, dtype=float), np.asarray(found[name], dtype=float)
        assert actual.shape == expected.shape, name
        np.testing.assert_allclose(actual, expected, rtol=tolerance["rtol"], atol=tolerance["atol"], err_msg=name)


def with_gradients(case):
    return set(case["expected"]) != {"output"}


@each_case
def test_convgrad_agrees_with(case):
    # float64: the tolerances are far above its rounding, and exact rationals would take minutes for the largest
    found = convgrad.forward(case, arithmetic="float64").to_dict() | {"dX": None}
    if with_gradients(case):
        gradients = convgrad.backward(case, arithmetic="float64")
        found = {"output": gradients.output, "dW": gradients.dW, "db": gradients.db, "dX": gradients.dX}
    assert_as_expected(found, case)


@pytest.mark.slow
@each_case
def test_the_definitions_agree_with(case):
    found = definitions.backward(case, number=float) if with_gradients(case) else {}
    assert_as_expected({"output": definitions.forward(case, number=float), **found}, case)


def test_all_404_cases_were_read():
    assert len(CASES) == 404
