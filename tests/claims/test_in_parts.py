"""A large claim is judged in parts as it is whole."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.checking.judging import check
from convgrad.claims.rounding import Bounds
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case
from tests.court.rounding import bfloat16
from tests.court.sums import layer, one_after_another
from tests.court.transforms import by_fft


def document(op="conv", **more):
    """A layer of normal numbers that float32 holds."""
    random = np.random.default_rng(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32).astype(float)

    case = {"op": op, "dims": 2, "input": normal(6, 3, 9, 8), **more}
    if op == "conv":
        case["kernel"] = normal(4, 3, 3, 3)
    return {**case, "delta": normal(*make_case({**case, "delta": "ones"}).output_shape)}


CONV = document(padding=1)
POOLS = [document("max-pool", window=3, stride=2), document("average-pool", window=2), document("lp-pool", window=3)]


def claims(case):
    """Right ones of several types and algorithms, and wrong ones, by name."""
    right = Gradients(make_case(case)).by_array
    yield "float32", {name: array.astype(np.float32) for name, array in right.items()}
    yield "float64", dict(right)
    yield "a factor", {name: (array * 0.99).astype(np.float32) for name, array in right.items()}
    yield "zeros", {name: np.zeros_like(array) for name, array in right.items()}
    lost = {name: array.astype(np.float32) for name, array in right.items()}
    lost["dX"] = lost["dX"] * (np.arange(6) != 4).reshape(-1, 1, 1, 1)
    yield "a sample", lost
    one = {name: array.astype(np.float32) for name, array in right.items()}
    one["dX"][3, 1, 2, 2] += np.float32(1e-3)
    yield "an entry", one
    if "kernel" in case:
        yield "FFT", dict(by_fft(layer(case)))
        added = one_after_another(layer(case).holding("float32"))
        yield "bfloat16", {name: bfloat16(array) for name, array in added.items()}
        without = Gradients(make_case({**case, "delta": case["delta"] * (np.arange(6) != 2).reshape(-1, 1, 1, 1)}))
        yield "a sample of dW", {"dW": without.by_array["dW"].astype(np.float32)}


def found(case, claim, **said):
    report = check(case, claim, sample=1, **said)
    return {
        one.array: (one.verdict, one.wrong, one.by, one.told) for one in report.findings if one.against == "claim"
    }, [(one.array, one.mistake) for one in report.diagnosis]


@pytest.mark.slow
@pytest.mark.parametrize("case", [CONV, *POOLS], ids=lambda case: case["op"])
def test_a_claim_is_judged_and_named_in_parts_as_it_is_whole(case, monkeypatch):
    for name, claim in claims(case):
        said = {"claim_dtype": "bfloat16"} if name == "bfloat16" else {}
        whole = found(case, claim, **said)
        with monkeypatch.context() as cut:
            cut.setattr("convgrad.subject.samples.MOST", 700)
            assert Bounds(make_case(case)).is_large
            parts = found(case, claim, **said)
        assert parts[1] == whole[1], name
        for array, (verdict, wrong, by, told) in whole[0].items():
            if name == "a factor" and array in ("dX", "output"):  # over each part, of which half is called wrong
                assert parts[0][array][0] == verdict == "differs"
            else:
                assert parts[0][array][:3] == (verdict, wrong, by), (name, array, told)


def test_sums_over_samples_are_those_of_all_samples(monkeypatch):
    """dW and db of inputs that a type rounds, with zeros among them in some samples alone."""
    case = {**CONV, "input": CONV["input"] + 1e-9}
    case["input"][2, 0] = 0
    truth = Gradients(make_case(case)).by_array
    whole = {name: Bounds(make_case(case)).excused(name, "bfloat16", truth[name], sure=6.0) for name in ("dW", "db")}
    monkeypatch.setattr("convgrad.subject.samples.MOST", 700)
    for name, one in whole.items():
        bounds = Bounds(make_case(case))
        np.testing.assert_allclose(bounds.excused(name, "bfloat16", truth[name], sure=6.0), one, rtol=1e-12)
        assert "gradients" not in vars(bounds)  # nothing as large as the input was made
