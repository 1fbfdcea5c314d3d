"""With real numbers right results agree, whatever the type, and mistakes have their names as with whole ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convgrad.suites.core import core
from convgrad.suites.trial import is_held, of_sketch
from tests.program import assert_refused, convgrad

KERNEL = """
import numpy as np

def backward(delta, x, w, b, stride=1, padding=0, double=True):
    kind = x.dtype
    if KIND:
        delta, x, w = (array.astype(KIND) for array in (delta, x, w))
    s, (_, _, high, wide) = stride, delta.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            taps = np.s_[:, :, i : i + s * (high - 1) + 1 : s, j : j + s * (wide - 1) + 1 : s]
            dw[:, :, i, j] = np.einsum("nopq,ncpq->oc", delta, padded[taps])
            dx[taps] += np.einsum("nopq,oc->ncpq", delta, w[:, :, i, j])
    dx = dx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    found = {"dX": dx, "dW": dw, "db": delta.sum((0, 2, 3))}
    return {name: (FACTOR * array).astype(kind) for name, array in found.items()}
"""


def graded(folder: Path, dtype: str, kind: str = "", factor: str = "1", *options: str) -> Any:
    (folder / "mine.py").write_text(KERNEL.replace("KIND", repr(kind)).replace("FACTOR", factor))
    done = convgrad("grade", "--data", "real", "--dtype", dtype, "--no-shrink", "--format", "json", *options,
                    f"{folder}/mine.py:backward")  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("seed", ["0", "7"])
def test_a_right_kernel_is_not_accused(dtype: str, seed: str, tmp_path: Path) -> None:
    record = graded(tmp_path, dtype, "float32" if dtype == "float16" else "", "1", "--seed", seed)
    told = {row["verdict"] for row in record["results"]}
    assert told <= {"agrees", "untested"}
    assert record["cases"] > 10


@pytest.mark.slow
def test_what_is_computed_in_half_precision_differs_in_double(tmp_path: Path) -> None:
    assert graded(tmp_path, "float64", "float16")["verdict"] == "differs"


@pytest.mark.slow
def test_a_factor_near_one_is_told_and_what_repeats_it_takes_the_same_numbers(tmp_path: Path) -> None:
    record = graded(tmp_path, "float32", "", "1.01")
    wrong = [row for row in record["results"] if row["verdict"] == "differs"]
    assert len(wrong) > 30
    assert all("--data real" in row["reproduce"] for row in wrong)
    assert {one["mistake"] for row in wrong for one in row["diagnosis"]} >= {"scaled"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_every_number_is_one_of_the_type(dtype: str) -> None:
    for sketch in core("conv", 2):
        trial = of_sketch(sketch.with_reals(), dtype)
        assert is_held(trial)
        assert not trial.is_exact
        x = trial.case.operands["x"]
        assert x is not None
        assert (x % 1 != 0).any()
        assert (abs(x) <= 1).all()
        assert (np.asarray(trial.again().case.operands["x"]) != x).any()


def test_there_are_two_kinds_of_numbers() -> None:
    assert_refused(convgrad("grade", "--data", "random", "math:sqrt"), "expected one of whole, real")
