"""Large arrays of narrow types stay as they came: everything is told as it is of float64 copies of them."""

from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest

from convgrad.checking.judging import check
from convgrad.passes.gradients import backward
from convgrad.subject.case import make_case
from convgrad.subject.stored import Stored

RANDOM = np.random.default_rng(5)


def numbers(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


CASES = {
    "convolution": {"input": numbers(4, 4, 9, 8), "kernel": numbers(6, 2, 3, 2), "bias": numbers(6), "groups": 2,
                    "stride": [2, 1], "padding": 1},
    "reflected": {"input": numbers(3, 2, 7, 7), "kernel": numbers(3, 2, 3, 3), "padding": 1, "padding_mode": "reflect"},
    "transposed": {"op": "conv-transpose", "input": numbers(4, 3, 6, 5), "kernel": numbers(3, 2, 3, 3), "stride": 2},
    "max pool": {"op": "max-pool", "input": numbers(4, 3, 8, 8), "window": 3, "stride": 2, "padding": 1},
    "average pool": {"op": "average-pool", "input": numbers(4, 3, 8, 8), "window": 3, "stride": 2},
    "Lp pool": {"op": "lp-pool", "input": numbers(4, 3, 8, 8), "window": 2, "norm": 2},
    "unpooling": {"op": "max-unpool", "input": numbers(2, 1, 2, 2), "output_size": [4, 4],
                  "indices": [[[[0, 3], [9, 14]]], [[[5, 2], [8, 15]]]]},
    "channels last": {"input": numbers(3, 9, 8, 4), "kernel": numbers(3, 3, 4, 6), "layout": ["NHWC", "HWIO"]},
}  # fmt: skip
TYPES = ("float32", "float16", "int8")
SPOILT = {
    "right": lambda dx: dx,
    "turned": lambda dx: np.flip(dx, (-2, -1)),
    "negated": lambda dx: -dx,
    "a sample lost": lambda dx: np.concatenate([dx[:-1], np.zeros_like(dx[-1:])]),
    "one entry": lambda dx: np.where(np.arange(dx.size).reshape(dx.shape) == dx.size // 2, dx + 1, dx),
}


def document(name, dtype="float32"):
    scaled = CASES[name]["input"] * (1 if dtype.startswith("float") else 20)
    given = {**CASES[name], "input": scaled.astype(dtype)}
    ones = make_case({**given, "delta": "ones"}, arithmetic="float64")
    shape = ones.layout.shape("y", ones.output_shape)
    return {**given, "delta": np.random.default_rng(1).standard_normal(shape).astype(np.float32)}


@pytest.fixture
def kept(monkeypatch):
    """What makes all narrow arrays stay as they came, and every sample be worked out alone."""

    def keep():
        monkeypatch.setattr("convgrad.subject.stored.LARGE", 1)
        monkeypatch.setattr("convgrad.subject.samples.MOST", 1)

    return keep


def told(report):
    findings = [(one.array, one.against, one.wrong, one.entries, one.verdict) for one in report.findings]
    named = [(one.mistake, one.matches, one.message) for one in report.diagnosis]
    return report.verdict, report.mistakes, findings, named, [one.holds for one in report.checksums]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_float64_copies(name, dtype, kept):
    given = document(name, dtype)
    wide = {key: array.astype(float) if key in ("input", "delta") else array for key, array in given.items()}
    whole = backward(wide, arithmetic="float64")
    kept()
    some = backward(given, arithmetic="float64")
    assert isinstance(some.case.stored["x"], Stored)
    for array in ("output", "dX", "dW", "db"):
        one, other = getattr(some, array), getattr(whole, array)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype == np.float64
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("name", CASES)
def test_claims_are_told_the_same(name, spoilt, kept):
    given = document(name)
    claim = {"dX": SPOILT[spoilt](backward(given, arithmetic="float64").dX).astype(np.float32)}
    reports = [check(given, claim, arithmetic="float64", sample=20)]
    kept()
    reports.append(check(given, claim, arithmetic="float64", sample=20))
    whole, some = map(told, reports)
    assert some == whole
    assert (whole[0] == "agrees") == (spoilt == "right")


def test_float32_arithmetic_and_exact_numbers_have_arrays_of_their_own(kept):
    kept()
    given = document("convolution")
    for arithmetic, dtype in (("float32", np.float32), ("exact", object)):
        case = make_case(given, arithmetic=arithmetic)
        assert case.stored["x"] is case.operands["x"]
        assert case.operands["x"].dtype == case.delta.dtype == dtype


def test_what_is_made_float64_is_shared_while_anyone_has_it(kept):
    kept()
    case = make_case(document("convolution"), arithmetic="float64")
    x, delta = case.operands["x"], case.delta
    assert case.operands["x"] is x
    assert case.delta is delta
    assert x.dtype == delta.dtype == np.float64
    stored = case.stored["x"]
    del x
    gc.collect()
    assert stored._whole() is None
    again = pickle.loads(pickle.dumps(case))
    np.testing.assert_array_equal(again.operands["x"], case.operands["x"])
    np.testing.assert_array_equal(again.delta, delta)


def test_an_array_that_stays_is_one_to_numpy():
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    stored = Stored(array)
    assert (stored.shape, stored.ndim, stored.size, len(stored), stored.dtype) == ((2, 3, 4), 3, 24, 2, np.float64)
    wide = array.astype(float)
    for made, right in [
        (stored * 2, wide * 2), (2 - stored, 2 - wide), (abs(stored), abs(wide)),
        (stored.sum(axis=1), wide.sum(axis=1)), (stored[1], wide[1]),
        (stored[:, [0, 2]], wide[:, [0, 2]]), (np.flip(stored, 1), np.flip(wide, 1)),
        (np.asarray(stored.reshape(6, -1)), wide.reshape(6, -1)), (np.asarray(stored.transpose(2, 0, 1)),
                                                                  wide.transpose(2, 0, 1)),
        (np.einsum("abc->c", stored), wide.sum(axis=(0, 1))), (stored == 3, wide == 3),
    ]:  # fmt: skip
        assert np.asarray(made).dtype == right.dtype
        np.testing.assert_array_equal(made, right)
    own = np.array(stored)
    own[...] = 0
    stored.copy()[...] = 0
    np.testing.assert_array_equal(np.asarray(stored), wide)
    with pytest.raises(AttributeError):
        _ = stored._nothing
