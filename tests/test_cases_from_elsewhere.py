"""Numbers that other projects' authors wrote down as right, each met to the tolerance that it was written with."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import convgrad
from tests import definitions

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("CONVGRAD_CASES") or CHECKOUT.parent / "shared" / "cases")
ABSENT = pytest.mark.skip(
    reason="no folder of cases: set CONVGRAD_CASES, or keep it as ../shared/cases of the checkout"
)


def documents():
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{file.stem}: {case['id']}")


CASES = list(documents())
each_case = pytest.mark.parametrize("case", CASES or [pytest.param(None, marks=ABSENT, id="absent")])


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


@each_case
def test_the_definitions_agree_with(case):
    found = definitions.backward(case, number=float) if with_gradients(case) else {}
    assert_as_expected({"output": definitions.forward(case, number=float), **found}, case)


@pytest.mark.skipif(not CASES, reason=ABSENT.kwargs["reason"])
def test_all_404_cases_were_read():
    assert len(CASES) == 404
