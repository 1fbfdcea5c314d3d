"""Arrays as programs print them: in files, in place and on standard input, read back as printed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad as convgrad_package
from convgrad.documents import read, source
from convgrad.errors import RequestError
from tests.program import as_process, assert_refused, convgrad, result

CASE = "input: [[1, 2, 3], [4, 5, 6], [7, 8, 10]]\nkernel: [[1, 2], [3, 4]]\ndelta: [[0.5, 1], [1, 2]]\n"
RIGHT = [[0.5, 2, 2], [2.5, 9, 8], [3, 10, 8]]
"""dX of that case."""


def piped(text: str) -> Any:
    (document,) = read(source("-", stdin=io.BytesIO(text.encode())))
    if document.error:
        raise document.error
    return document.value


def in_place(text: str) -> Any:
    (document,) = read(source(text, option="--dX"))
    assert document.error is None
    return document.value


def floats(value: Any) -> Any:
    return np.array(value, "U30").astype(float).tolist()


TWO = [[1, 2.5], [-3, 0.004]]
PRINTS = {
    "PyTorch": "tensor([[ 1.0000,  2.5000],\n        [-3.0000,  0.0040]], device='cuda:0', grad_fn=<AddBackward0>)",
    "parameter": "Parameter containing:\ntensor([[1., 2.5],\n [-3., 4.0e-03]], requires_grad=True)",
    "NumPy": "array([[ 1.   ,  2.5  ],\n       [-3.   ,  0.004]], dtype=float32)",
    "assigned": "dX = np.array([[1, 2.5], [-3, .004]])",
    "JAX": "Array([[1. , 2.5], [-3. , 0.004]], dtype=float32, weak_type=True)",
    "TensorFlow": "<tf.Tensor: shape=(2, 2), dtype=float32, numpy=\narray([[1., 2.5],\n [-3., 0.004]], dtype=float32)>",
    "TensorFlow's str": "tf.Tensor(\n[[ 1.     2.5  ]\n [-3.     0.004]], shape=(2, 2), dtype=float32)",
    "C": "static const float dX[2][2] = {{1.f, 2.5f}, /* row */ {-3.0F, 4e-3f},};",
    "C alone": "{{1, 2.5}, {-3, 0.004}}",
    "Julia's vector of a type": "Float32[1.0 2.5; -3.0 0.004f0]",
    "Julia": "2×2 Matrix{Float64}:\n  1.0  2.5\n -3.0  0.004",
}
ON_STANDARD_INPUT = {
    "NumPy's str": "[[ 1.     2.5  ]\n [-3.     0.004]]",
    "MATLAB's literal": "[1 2.5; -3 0.004]",
    "a list of NumPy's numbers": "[[np.float64(1.0), np.float64(2.5)], [np.float64(-3.0), np.float64(0.004)]]",
    "with commas": "[1, 2.5; -3, 0.004]",
    "MATLAB": "dX =\n\n   1.0e-03 *\n\n   1.0000e+03   2.5000e+03\n  -3.0000e+03   0.0040e+03\n\n",
    "columns": "# dX\n 1  2.5\n-3  4e-3\n",
    "CSV": "1,2.5\r\n-3,0.004\r\n",
    "TSV": "1\t2.5\n-3\t0.004\n",
    "semicolons": "1;2.5\n-3;0.004\n",
}


@pytest.mark.parametrize("name", [*PRINTS, *ON_STANDARD_INPUT])
def test_what_a_program_prints_is_read_on_standard_input(name: str) -> None:
    expected = [[1000 * x / 1000 for x in row] for row in TWO]
    assert floats(piped({**PRINTS, **ON_STANDARD_INPUT}[name])) == expected


@pytest.mark.parametrize("name", PRINTS)
def test_what_begins_like_a_print_is_read_in_place(name: str) -> None:
    assert floats(in_place(PRINTS[name])) == TWO


THREE = np.arange(1, 9).reshape(2, 2, 2).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "[[[1 2]\n  [3 4]]\n\n [[5 6]\n  [7 8]]]",
        "[1 3; 5 7;;; 2 4; 6 8]",
        "ans(:,:,1) =\n\n     1     3\n     5     7\n\n\nans(:,:,2) =\n\n     2     4\n     6     8\n\n",
        "2×2×2 Array{Int64, 3}:\n[:, :, 1] =\n 1  3\n 5  7\n\n[:, :, 2] =\n 2  4\n 6  8",
        "1 2\n3 4\n\n5 6\n7 8\n",
    ],
)
def test_three_axes_come_in_the_order_of_their_program(text: str) -> None:
    assert floats(piped(text)) == THREE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tensor(1.5)", 1.5), ("np.float64(-0.25)", -0.25), ("<tf.Tensor: shape=(), dtype=float32, numpy=2.0>", 2),
        ("1 2 3", [1, 2, 3]), ("1\n2\n3", [1, 2, 3]), ("[1; 2]", [[1], [2]]), ("tensor([], size=(0, 3))", []),
    ],
)  # fmt: skip
def test_numbers_rows_and_columns_have_the_rank_that_they_show(text: str, value: Any) -> None:
    assert floats(piped(text)) == value


def test_yaml_comes_first_on_standard_input() -> None:
    for text in ("[[1, 2], [3, 4]]", "- 1\n- 2", "input: [1, 2]", "0.5", "ones"):
        assert type(piped(text)) is not type(piped("[1 2]"))


def test_the_digits_are_those_that_were_printed() -> None:
    assert piped("[[ 0.1235 -1.    ]]") == [["0.1235", "-1."]]
    many = "\n".join(" ".join(f"{x:.4f}" for x in row) for row in np.random.default_rng(0).normal(size=(200, 30)))
    (document,) = read(source("-", stdin=io.BytesIO(many.encode())))
    assert document.value.dtype == np.float64
    assert document.exact()[0] == many.splitlines()[0].split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tensor([[0.1, ..., 2.0]])", ":1:15: '...' leaves numbers out torch.set_printoptions(profile='full')"),
        ("[0. 1. 2. ... 97. 98. 99.]", ":1:11: numpy.set_printoptions(threshold=numpy.inf)"),
        ("1×9 Matrix{Float64}:\n 1.0  2.0  …  9.0", ":2:12: '…' leaves numbers out"),
        ("array([1., ..., 3.], dtype=float32)", "threshold=numpy.inf"),
        ("[1.0 -- 3.0]", ":1:6: '--' a masked entry has no number"),
        ("masked_array(data=[1.0, --], mask=[False, True])", "a masked array hides some of its numbers"),
        ("array([True, False])", ":1:8: found 'True' save the array as float64"),
        ("array([1.+2.j])", "'+2.j' complex numbers"),
        ("tensor([1., 2.]) tensor([3.])", ":1:18: one array at a time"),
        ("tensor([1., 2.", ":1:8: '[' is never closed"),
        ("tensor([1 2, 3])", ":1:12: commas and blanks are mixed"),
        ("[1, 2 3; 4 5 6]", "commas and blanks are mixed"),
        ("{{1, 2}, [3, 4]}", ":1:10: one kind of bracket"),
        ("tensor([1,, 2])", ":1:11: there is nothing before ','"),
        ("[1 2\n 3 4]", ":1:5: the line ends here, but the row does not"),
        ("1 2\n3,4", ":2:1: this row has commas"),
        ("1,5;2,5", "write the decimal point as '.'"),
        ("1 2 x", ":1:5: found 'x'"),
        ("[010 2]", ":1:2: without leading zeros"),
        ("Columns 1 through 8\n\n 1 2\n", "mat2str"),
        ("tensor(" + "[" * 5000, "brackets are more than 16 deep"),
        ("tensor([], size=(0 3, 99999999999999999999999))", "no number is printed, but the shape has some"),
        ("ans(:,:,1) =\n 1 2\nans(:,:,3) =\n 1 2\n", "a page is missing"),
    ],
)
def test_what_is_no_whole_array_is_refused_with_its_place(text: str, words: str) -> None:
    named = text if text.startswith(("Columns", "ans", "[1, 2 3")) else None
    with pytest.raises(RequestError) as caught:
        in_file(text) if named else piped(text)
    told = str(caught.value)
    *place, said = words.split(": ") if words.startswith(":") else ["", words]
    assert place[0] in told
    missing = [word for word in said.split() if word not in told]
    assert missing == [], told


def in_file(text: str) -> Any:
    from convgrad.documents.printed import Print

    return Print("<file>", text)


def test_a_file_of_commas_is_a_table_of_numbers(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(CASE)
    table = tmp_path / "dX.csv"
    table.write_text("\n".join(",".join(map(str, row)) for row in RIGHT))
    done = convgrad("check", str(case), "--dX", str(table))
    assert done.returncode == 0, done.stderr
    assert "dX read as CSV" in done.stdout
    table.write_text("a,b,c\n" + table.read_text())
    assert_refused(convgrad("check", str(case), "--dX", str(table)), f"{table}:1:1: ", "leave out the line of headings")
    table.write_text("1,2,3\n4,,6")
    assert_refused(convgrad("check", str(case), "--dX", str(table)), f"{table}:2:3: a cell is empty")


def test_what_was_copied_is_judged_through_a_pipe(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(CASE)
    wrong = [RIGHT[0], [3.5, 9, 8], RIGHT[2]]
    for rows, code in ((RIGHT, 0), (wrong, 1)):
        done = as_process("check", str(case), "--dX", "-", stdin=str(np.array(rows)))
        assert done.returncode == code, done.stderr
        assert "dX read as NumPy" in done.stdout


def test_a_long_print_is_told_as_printed_too(tmp_path: Path) -> None:
    """Beyond some hundred thousand characters numbers are held as an array, which knows who printed it."""
    import pickle

    rows = (np.arange(90_000.0) / 7).reshape(300, 300)
    file = tmp_path / "x.txt"
    with np.printoptions(threshold=10**9):
        file.write_text(str(rows))
    done = convgrad("forward", "--op", "max-pool", "--window", "2", "--input", str(file))
    assert "input read as NumPy" in done.stdout
    value = in_file(file.read_text()).value
    assert (value.by, pickle.loads(pickle.dumps(value)).by, value[:2].by) == ("NumPy",) * 3


def test_rows_between_semicolons_are_no_document_and_so_a_print_in_place() -> None:
    words = ["--kernel", "[1 0; 0 -1]", "--delta", "ones", "--format", "json"]
    assert result("backward", "--input", "[1 2 3; 4 5 6.5e0]", *words)["dX"] == [[1, 1, 0], [0, -1, -1]]
    for mixed in ("[1 2, 3; 4]", "[1 2 3]", "[1; 2 a]"):
        assert convgrad("forward", "--input", mixed, "--kernel", "[[1]]").returncode == 2
    long = "[" + "1 " * 60_000 + "]"  # which takes as long to be refused as to be read
    assert convgrad("forward", "--input", long, "--kernel", "[[1]]").returncode == 2


def test_a_wrong_entry_of_a_print_is_shown_where_it_stands() -> None:
    done = convgrad("forward", "--input", "tensor([1., 2.,\n nan])", "--kernel", "[1, 2]")
    assert_refused(done, "--input:2:2: expected a finite number, found NaN", " nan])\n ^\n")
    ragged = convgrad("forward", "--input", "-", "--kernel", "[[1, 2]]", stdin="[[1. 2.]\n [3.]]")
    assert_refused(ragged, "<stdin>:2:3: expected a row of 2, like the first, found a row of 1")


def test_inputs_that_were_printed_excuse_what_their_rounding_explains() -> None:
    """Two decimals are few enough to have been meant, unless a program printed them."""
    rng = np.random.default_rng(5)
    x, w, delta = rng.normal(size=(6, 6)), rng.normal(size=(3, 3)), rng.normal(size=(4, 4))
    true = result("backward", "--input", str(x.tolist()), "--kernel", str(w.tolist()), "--delta", str(delta.tolist()))[
        "dW"
    ]
    with np.printoptions(precision=2, suppress=True):
        printed = {"input": repr(x), "kernel": repr(w), "delta": repr(delta)}
    options = [word for key, text in printed.items() for word in (f"--{key}", text)]
    assert convgrad("check", *options, "--dW", str(true)).returncode == 0
    typed = [str(word).removeprefix("array(").removesuffix(")") if word[0] == "a" else word for word in options]
    assert convgrad("check", *typed, "--dW", str(true)).returncode == 1


@pytest.mark.parametrize(
    ("wrong", "mistake"), [(lambda dW: 2 * dW, "scaled"), (lambda dW: dW[::-1, ::-1], "kernel-rotated")]
)
def test_a_mistake_is_named_through_the_rounding_of_printed_inputs(wrong: Any, mistake: str) -> None:
    rng = np.random.default_rng(3)
    arrays = {"input": rng.normal(size=(6, 6)), "kernel": rng.normal(size=(3, 3)), "delta": rng.normal(size=(4, 4))}
    dW = convgrad_package.backward(arrays).dW
    with np.printoptions(precision=3, suppress=True):
        options = [word for key, array in arrays.items() for word in (f"--{key}", repr(array))]
        claim = repr(wrong(dW))
    made = convgrad("check", *options, "--dW", claim, "--format", "json")
    assert made.returncode == 1
    assert [told["mistake"] for told in json.loads(made.stdout)["diagnosis"]] == [mistake]


def test_nothing_of_prints_is_loaded_before_one_comes() -> None:
    code = "import sys; from convgrad.cli import run; run(['forward', 'samples/ledger.yaml']); "
    code += "assert not [m for m in sys.modules if 'documents.printed' in m]"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
