"""What a page steps through, added up over all steps, is the gradients, in any geometry."""

from __future__ import annotations

import numpy as np
from hypothesis import given

import convgrad
from convgrad.views.page_steps import steps_of, why_not
from tests.geometry import cases


def added_up(data):
    """dX, and dW where there are kernels, from the products of every step."""
    arrays = {name: np.array(array["values"], float) for name, array in data["arrays"].items()}
    made = {name: np.zeros_like(arrays[name]) for name in ("dX", "dW") if name in arrays}
    for delta, x, pattern in data["steps"]:
        for d, i, last in data["patterns"][pattern]:
            arrived = arrays["delta"][delta + d]
            made["dX"][x + i] += arrived * (arrays["w"][last] if "w" in arrays else last)
            if "dW" in made:
                made["dW"][last] += arrived * arrays["x"][x + i]
    return made


@given(case=cases())
def test_steps_add_up_to_the_gradients(case):
    gradients = convgrad.backward(case)
    if not why_not(gradients):
        for name, sums in added_up(steps_of(gradients)).items():
            right = np.asarray(getattr(gradients, name), float).ravel()
            # sums of at most 200 products: far more than their rounding, far less than a product
            assert np.allclose(sums, right, rtol=1e-11, atol=1e-11 * abs(right).max(initial=1)), name


def test_what_a_transposed_convolution_crops_takes_no_part():
    case = {"op": "conv-transpose", "input": [[1, 2], [3, 4]], "kernel": [[1, 10, 100], [2, 20, 200], [3, 30, 300]],
            "padding": 1, "stride": 2, "delta": "ones"}  # fmt: skip
    made = added_up(steps_of(convgrad.backward(case)))
    assert made["dX"].tolist() == [550, 55, 330, 33]
    assert made["dW"].tolist() == [4, 7, 3, 6, 10, 4, 2, 3, 1]
