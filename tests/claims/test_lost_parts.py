"""One lost overlay, row or sample of a layer shows where no entry alone would, and rounding is not taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convgrad.checking.judging import as_subject, check
from convgrad.claims.lost_parts import lost_part
from tests.court.rounding import rounded
from tests.court.sums import by_tensordot, layer, one_after_another, pairwise, split_by_samples

LOST = {"a sample": np.s_[1], "a row of a sample": np.s_[1, :, 5], "an overlay": np.s_[1, :, 5, 6]}
MAKE = {
    "normal": lambda draw, shape: draw.normal(size=shape),
    "positive": lambda draw, shape: abs(draw.normal(size=shape)) + 0.1,
    "badly scaled": lambda draw, shape: draw.normal(size=shape) * 10.0 ** draw.uniform(-2, 2, shape),
}


def padded(kind, dtype, seed=0, samples=4, side=16):
    """A layer whose numbers a type holds."""
    draw = np.random.default_rng(seed)
    shapes = {"input": (samples, 8, side, side), "kernel": (12, 8, 3, 3), "delta": (samples, 12, side, side)}
    arrays = {name: rounded(MAKE[kind](draw, shape), dtype).astype(float) for name, shape in shapes.items()}
    return {"op": "conv", "dims": 2, "padding": 1, **arrays}


def without(case, lost):
    delta = case["delta"].copy()
    delta[lost] = 0
    return {**case, "delta": delta}


def found(case, name, array, dtype, **more):
    options = {"claim_dtype": dtype} if dtype == "bfloat16" else {}
    return check(case, {name: rounded(array, dtype)}, sample=1, **options, **more).findings[-1]


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind != "positive" else ()) for kind in MAKE]
)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_what_is_lost_differs_in_every_type(kind, dtype):
    case = padded(kind, dtype)
    for part, lost in LOST.items():
        if (kind, part) == ("badly scaled", "an overlay"):
            continue  # that may be less than any rounding
        wrong = by_tensordot(layer(without(case, lost)).holding("float32"))
        for name in ("dW", "dX"):
            with np.errstate(over="ignore"):
                held = rounded(wrong[name], dtype).astype(float)
            if np.isfinite(held).all():
                assert found(case, name, wrong[name], dtype).verdict == "differs", (lost, name)


def test_it_is_said_which_part_counts_how_often_and_that_it_is_lost_in_the_rounding_of_each_entry():
    """An overlay is one 1024th of these sums: bfloat16 rounds each to one 256th."""
    case = padded("positive", "bfloat16")
    wrong = rounded(by_tensordot(layer(without(case, LOST["an overlay"])).holding("float32"))["dW"], "bfloat16")
    subject = as_subject(case)
    (part,) = subject.parts
    truth = subject.arrays()[part.place("dW")]
    lost = lost_part(part.case, "dW", wrong - truth, truth, 2.0**-8 * abs(truth))
    assert lost is not None
    assert (lost.part, round(lost.count)) == ("position (5,6) of sample 1", 0)
    told = found(case, "dW", wrong, "bfloat16").told
    assert any("counts" in text and "position (5,6) of sample 1" in text for text in told)


@pytest.mark.parametrize(("part", "named"), [
    (np.s_[2], "sample 2"), (np.s_[:, :, 3], "position (3,:)"), (np.s_[:, :, :, 4], "position (:,4)"),
    (np.s_[1, :, 3], "position (3,:) of sample 1"), (np.s_[:, 5], "output channel 5"),
])  # fmt: skip
@pytest.mark.parametrize("times", [0.0, 2.0, -1.0])
def test_a_part_of_delta_that_counts_otherwise_is_found_with_how_often_it_does(part, named, times):
    case = padded("normal", "float32")
    delta = case["delta"].copy()
    delta[part] *= times
    name = "dX" if "channel" in named else "dW"
    (one,) = as_subject(case).parts
    truth = by_tensordot(layer(case))[name]
    errors = by_tensordot(layer({**case, "delta": delta}))[name] - truth
    lost = lost_part(one.case, name, errors, truth, np.full(truth.shape, abs(truth).max()))
    assert lost is not None
    assert (lost.part, round(lost.count, 2)) == (named, times)


def test_entries_of_one_filter_that_are_a_tenth_too_small_are_found_and_db_has_no_parts_to_lose():
    case = padded("normal", "float32")
    (one,) = as_subject(case).parts
    truth = by_tensordot(layer(case))["dW"]
    errors = np.zeros(truth.shape)
    errors[3] = -0.15 * truth[3]
    lost = lost_part(one.case, "dW", errors, truth, np.ones(truth.shape))
    assert lost is not None
    assert lost.said.startswith("over the whole array dW[3, :, :, :] counts 0.85")
    assert lost_part(one.case, "db", np.ones(12), np.arange(1.0, 13), np.ones(12)) is None


def by_rows(one, rounding):
    """dW, its sum rounded after each row of each sample."""
    total = np.zeros(one.kernel.shape, np.float32)
    for n, row in np.ndindex(len(one.delta), one.delta.shape[2]):
        delta = np.zeros_like(one.delta[n : n + 1])
        delta[:, :, row] = one.delta[n : n + 1, :, row]
        part = replace(one, wide=one.wide[n : n + 1], narrow=delta, delta=delta)
        total = rounding(total + rounding(by_tensordot(part)["dW"]))
    return {"dW": total}


def honest(one, dtype):
    """Right gradients, in several orders."""

    def nearest(array):
        return rounded(array, dtype).astype(np.float32)

    yield "once", by_tensordot(one)
    yield "by sample", split_by_samples(one, nearest)
    yield "by row", by_rows(one, nearest)
    yield "pairwise", pairwise(one)
    yield "one after another", one_after_another(one)
    if dtype == "float16":
        yield "pairwise in it", pairwise(one.holding(np.float16))


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_rounding_in_whatever_order_is_no_part_that_is_lost(kind, dtype):
    for seed in range(4):
        case = padded(kind, dtype, seed, side=12)
        (one,) = as_subject(case).parts
        right = by_tensordot(layer(case))
        for order, arrays in honest(layer(case).holding(np.float32), dtype):
            for name in ("dW", "dX"):
                if name not in arrays:
                    continue
                with np.errstate(over="ignore", invalid="ignore"):
                    errors = rounded(arrays[name], dtype).astype(float) - right[name]
                deviations = 2.0**-8 * abs(right[name]) + 1e-3 * abs(right[name]).max()
                assert lost_part(one.case, name, errors, right[name], deviations) is None, (seed, order, name)
