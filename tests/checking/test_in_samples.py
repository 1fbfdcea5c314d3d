"""Of a large case some samples after others are differenced: what is told is what is told of all at once."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.checking.judging import check
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case
from convgrad.subject.samples import spans_of

SAMPLES = 5
RANDOM = np.random.default_rng(7)


def numbers(*shape):
    return RANDOM.standard_normal(shape)


def tied(*shape):
    return RANDOM.integers(0, 3, shape).astype(float)


CASES = {
    "convolution": {"input": numbers(SAMPLES, 4, 9, 8), "kernel": numbers(6, 2, 3, 2), "bias": numbers(6),
                    "groups": 2, "stride": [2, 1], "padding": 1},
    "transposed": {"op": "conv-transpose", "input": numbers(SAMPLES, 3, 6, 5), "kernel": numbers(3, 2, 3, 3),
                   "stride": 2},
    "max pool with ties": {"op": "max-pool", "input": tied(SAMPLES, 3, 8, 7), "window": 3, "stride": 2},
    "average pool": {"op": "average-pool", "input": numbers(SAMPLES, 3, 8, 7), "window": 3, "padding": 1},
    "Lp pool with zeros": {"op": "lp-pool", "input": tied(SAMPLES, 3, 8, 7) - 1, "window": 2, "norm": 1},
    "channels last": {"input": numbers(SAMPLES, 9, 8, 4), "kernel": numbers(6, 3, 2, 4), "layout": ["NHWC", "OHWI"]},
}  # fmt: skip


def document(name):
    given = CASES[name]
    shape = make_case({**given, "delta": "ones"}).layout.shape("y", make_case({**given, "delta": "ones"}).output_shape)
    return {**given, "delta": np.random.default_rng(1).standard_normal(shape)}


def told(report):
    """What is counted, in the order in which it is told."""
    names = ("array", "against", "entries", "wrong", "verdict", "undecided", "kinks", "outside", "shapes")
    return report.evaluations, report.sample, [tuple(getattr(one, name) for name in names) for one in report.findings]


@pytest.fixture
def parts(monkeypatch):
    """What makes every case a large one, of one sample at a time."""
    return lambda: monkeypatch.setattr("convgrad.subject.samples.MOST", 1)


@pytest.mark.parametrize("sample", [None, 60])
@pytest.mark.parametrize("name", CASES)
def test_samples_after_others_tell_what_all_at_once_do(name, sample, parts):
    given = document(name)
    whole = check(given, sample=sample, seed=3, arithmetic="float64", all_entries=True)
    parts()
    assert len(spans_of(make_case(given, arithmetic="float64"))) == SAMPLES
    calls = []
    some = check(given, sample=sample, seed=3, arithmetic="float64", all_entries=True,
                 progress=lambda *done: calls.append(done))  # fmt: skip
    assert told(some) == told(whole)
    assert whole.findings
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert {passes for _, passes in calls} <= {whole.evaluations}
    assert calls[-1][0] == whole.evaluations or sample
    for one, other in zip(some.checksums, whole.checksums, strict=True):
        assert (one.equation, one.holds) == (other.equation, other.holds) == (other.equation, True)
        np.testing.assert_allclose([one.left, one.right], [other.left, other.right], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["max pool with ties", "Lp pool with zeros"])
def test_kinks_are_of_the_sample_that_has_them(name, parts):
    parts()
    report = check(document(name), arithmetic="float64", all_entries=True)
    kinks = next(one for one in report.findings if one.array == "dX").kinks
    assert {kink.output[0] for kink in kinks} == set(range(SAMPLES))
    x = CASES[name]["input"]
    for kink in kinks:
        assert {cell[0] for cell in kink.cells} == {kink.output[0]}
        assert len({x[cell] for cell in kink.cells}) == 1


def decided(given):
    """A cell of the third sample that no kink leaves undecided."""
    report = check(given, arithmetic="float64", all_entries=True)
    kinked = {cell for one in report.findings for kink in one.kinks for cell in kink.cells}
    return next(cell for cell in np.ndindex(SAMPLES, 3, 5, 4) if cell[0] == 2 and cell not in kinked)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_entry_of_one_sample_is_found(name, parts, monkeypatch):
    """Of gradients that are spoilt in one place each, in the third sample and a sum over all."""
    given, right = document(name), Gradients.by_operand.func
    parts()
    cell = decided(given)
    spoilt = make_case(given, arithmetic="float64").operands["x"][cell[0]]

    def by_operand(self):
        made = {key: array.copy() for key, array in right(self).items()}
        for sample, x in enumerate(self.case.operands["x"]):
            if (x == spoilt).all():
                made["x"][(sample, *cell[1:])] += 0.25
        if "w" in made:
            made["w"][0, 0, 1, 1] += 0.25
        return made

    monkeypatch.setattr(Gradients, "by_operand", property(by_operand))
    report = check(given, arithmetic="float64", all_entries=True)
    found = {one.array: list(one.wrong_entries()) for one in report.findings}
    (entry,) = found["dX"]
    assert entry.index == (cell if name != "channels last" else (2, *cell[2:], cell[1]))
    assert entry.claimed - entry.correct == pytest.approx(0.25)
    assert entry.index == next(one for one in report.findings if one.array == "dX").worst.index
    assert 0 < entry.allowed < 1e-6
    assert len(found.get("dW", [0])) == 1
    assert not all(one.holds for one in report.checksums) or not report.checksums
