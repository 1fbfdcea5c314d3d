"""A case is told as the network of one layer that it is: the same gradients, terms, verdict, findings and diagnosis."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import convgrad
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.strength import planted
from convgrad.errors import RequestError
from convgrad.subject.case import make_case
from tests import geometry

SEEDS = range(40)
OUTSIDE = ("input", "delta", "claim", "claim_dtype", "dims", "name", "id")


def document(seed, data=geometry.exact_data):
    """A case of any operation whose numbers are exact, or float64."""
    choose = geometry.Seeded(np.random.default_rng(seed))
    return geometry.random_case(choose, choose.one_of(*geometry.OPERATIONS), choose.integer(1, 3), data)


def as_network(case):
    """The same as a network document of one layer."""
    layer = {key: value for key, value in case.items() if key not in OUTSIDE}
    outside = {key: case[key] for key in OUTSIDE if key in case}
    return {**outside, "layers": [{"name": "only", **layer}]}


def told(report):
    """What a report says, but for the name of the part."""
    findings = [
        (one.array, one.against, one.entries, one.wrong, one.verdict, one.shapes, one.worst, one.rule)
        for one in report.findings
    ]
    diagnoses = [
        (one.array, one.mistake, one.matches, one.entries, unnamed(one.message), unnamed(one.fix), one.details)
        for one in report.diagnosis
    ]
    return report.verdict, findings, diagnoses


def unnamed(text):
    return text.replace("only.", "")


def spoilt(seed):
    """A case with a mistake of the catalogue as its claim, and the array that it is on; None where nothing shows."""
    case = document(seed)
    checked = make_case(case, arithmetic="exact")
    wrong = list(planted(checked, truth_of(checked)))
    if not wrong:
        return None
    array, _, _, values = wrong[seed * 7 % len(wrong)]
    return case, array, [[Fraction(value) for value in np.ravel(values)], np.shape(values)]


@pytest.mark.parametrize("arithmetic", ["auto", "float64", "float32"])
def test_the_arrays_are_the_same(arithmetic):
    for seed in SEEDS:
        case = document(seed)
        try:
            alone = convgrad.backward(case, arithmetic=arithmetic)
        except RequestError:
            continue
        layer = convgrad.network(as_network(case), arithmetic=arithmetic).layers[0]
        for name in ("output", "dX", "dW", "db"):
            ours, theirs = getattr(alone, name, None), getattr(layer, name)
            assert (ours is None) == (theirs is None)
            if ours is not None:
                np.testing.assert_array_equal(np.ravel(ours), np.ravel(theirs), err_msg=f"{seed} {name}")


def test_the_terms_of_an_entry_are_the_same():
    for seed in SEEDS:
        case = document(seed)
        if not np.size(case["delta"]) or not np.size(case["input"]):
            continue
        alone = convgrad.explain(case, "y" + "[" + ",".join("0" * np.ndim(convgrad.forward(case).output)) + "]")
        layer = convgrad.explain(as_network(case), f"only.{alone.entry}")
        assert (alone.terms, alone.value) == (layer.terms, layer.value), seed


@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
def test_a_right_claim_is_judged_the_same(arithmetic):
    for seed in SEEDS:
        case = document(seed)
        right = convgrad.backward(case, arithmetic="float64")
        claim = {name: np.asarray(array) for name in ("dX", "dW", "db") if (array := getattr(right, name)) is not None}
        alone = convgrad.check(case, claim, arithmetic=arithmetic)
        layer = convgrad.check(as_network(case), {"only": claim}, arithmetic=arithmetic)
        assert told(alone) == told(layer), seed


def test_a_planted_mistake_is_told_the_same():
    named = 0
    for seed in SEEDS:
        if (made := spoilt(seed)) is None:
            continue
        case, array, (numbers, shape) = made
        claim = {array: nested(numbers, shape)}
        alone, layer = convgrad.check(case, claim), convgrad.check(as_network(case), {"only": claim})
        assert told(alone) == told(layer), (seed, array)
        named += any(one.mistake for one in alone.diagnosis)
    assert named > len(SEEDS) // 2


def nested(numbers, shape):
    array = np.empty(len(numbers), object)
    array[:] = numbers
    return array.reshape(shape).tolist()


def test_claims_of_odd_shapes_are_told_the_same():
    for seed in SEEDS:
        case = document(seed)
        right = np.asarray(convgrad.backward(case).dX, float)
        for claim in (right[None].tolist(), right.ravel().tolist(), 1.5, right[..., :-1].tolist()):
            alone = convgrad.check(case, {"dX": claim})
            layer = convgrad.check(as_network(case), {"only": {"dX": claim}})
            assert told(alone) == told(layer), seed
