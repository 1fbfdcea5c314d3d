"""Arrays come from any library, as its own: what they are is read off them, and no framework is imported for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import convgrad

X, W, DELTA = np.arange(12.0).reshape(3, 4) - 5, np.array([[1.0, -2.0], [0.5, 3.0]]), np.ones((2, 3))


OURS = ("convgrad.frameworks", "convgrad.views", "convgrad.passes.lazy")


class Tensor:
    """An array as a framework has it: on a device, on a tape, in a type that NumPy lacks."""

    def __init__(self, values, dtype="framework.float32", where="device", taped=True):
        self.values, self.dtype, self.where, self.taped = values, dtype, where, taped

    def detach(self):
        return Tensor(self.values, self.dtype, self.where, False)

    def cpu(self):
        return Tensor(self.values, self.dtype, "cpu", self.taped)

    def float(self):
        return Tensor(self.values, "framework.float32", self.where, self.taped)

    def numpy(self):
        if self.taped or self.where != "cpu" or self.dtype.endswith("bfloat16"):
            raise RuntimeError(f"Can't call numpy() on this.\nIt is on the {self.where}.")
        return np.asarray(self.values, np.float32)


class Viewed:
    """An array that offers NumPy's protocol."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


class Packed:
    """An array that offers DLPack alone."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **keywords):
        return self.values.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


@pytest.mark.parametrize("library", [Tensor, Viewed, Packed])
def test_arrays_of_other_libraries_are_read(library):
    own = convgrad.backward(input=X, kernel=W, delta=DELTA)
    theirs = convgrad.backward(input=library(X), kernel=library(W), delta=library(DELTA))
    for name in ("output", "dW", "db", "dX"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(own, name))


def test_tensors_are_taken_in_networks_and_their_targets():
    layers = [{"op": "flatten"}, {"op": "dense", "kernel": Tensor(np.ones((2, 12)))}]
    loss = {"op": "cross-entropy", "target": Tensor(np.array(1.0))}
    made = convgrad.network(input=Viewed(X), layers=layers, loss=loss)
    assert made.loss == pytest.approx(np.log(2))


def test_the_name_of_its_type_is_what_a_claim_is_judged_by():
    exact = convgrad.backward(input=X, kernel=W, delta=DELTA / 3).dW
    half = np.float32(exact * (1 + 2.0**-9))  # off by half a unit of bfloat16, and by 2^15 of float32
    case = {"input": X, "kernel": W, "delta": DELTA / 3}
    judged = convgrad.check(case, {"dW": Tensor(half, "framework.bfloat16")})
    assert (judged.verdict, judged.findings[-1].rule) == ("agrees", "bfloat16 rounding")
    assert convgrad.check(case, {"dW": Tensor(half)}).verdict == "differs"
    float16 = convgrad.check(case, {"dW": exact.astype(np.float16)})
    assert (float16.verdict, float16.findings[-1].rule) == ("agrees", "float16 rounding")


class Refusing:
    dtype = "framework.float8"

    def __array__(self, dtype=None, copy=None):
        raise TypeError("no such type!\nand more")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (Refusing(), "input: expected numbers, but NumPy cannot read tests's Refusing of float8: no such type; "),
        (Viewed([1j]), "input: expected numbers, found an array of complex128"),
        (Viewed([True]), "input: expected numbers, found an array of bool"),
        (np.ma.masked_array([1, 2], [0, 1]), "input: expected numbers, found a masked array; give the numbers"),
        (Viewed([1.0, np.nan]), "input[1]: expected a finite number, found nan"),
    ],
)
def test_what_holds_no_numbers_is_refused_in_words(array, words):
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.forward(input=array, kernel=[1])
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("stride", [2, (2, 2), [2, 2], np.array([2, 2]), np.int64(2)])
@pytest.mark.parametrize("padding", [(1, 1), [1, 1], ((1, 1), (1, 1))])
def test_keywords_alone_are_a_case_with_settings_as_modules_hold_them(stride, padding):
    made = convgrad.backward(input=X, kernel=W, delta="ones", stride=stride, padding=padding)
    assert made.case.settings["stride"] == (2, 2)
    assert made.case.settings["padding"] == ((1, 1), (1, 1))
    assert convgrad.forward(input=X, kernel=W, padding="same").output.shape == X.shape
    assert convgrad.check(input=X, kernel=W, delta="ones", claim={"db": 6}).verdict == "agrees"
    assert convgrad.explain(entry="db", input=X, kernel=W, delta="ones").value == 6


@pytest.mark.parametrize("function", [convgrad.forward, convgrad.backward, convgrad.check, convgrad.network])
def test_nothing_at_all_is_refused_in_words(function):
    with pytest.raises(convgrad.RequestError, match=r"which operation is it|a network needs `input`"):
        function()


def test_no_framework_is_imported():
    frameworks = {"torch", "tensorflow", "jax", "keras", "flax", "dask", "IPython"}
    script = (
        "import convgrad, sys; r = convgrad.check(input=[1, 2], kernel=[1], delta='ones', claim={'db': 2});"
        f"repr(r), r.to_dict(); print(sorted(set(sys.modules) & {frameworks}), "
        "[name for name in sys.modules if name.startswith(OURS)])".replace("OURS", str(OURS))
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
