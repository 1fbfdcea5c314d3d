"""Layouts: what comes as NHWC and HWIO goes back so, and means what it means as NCHW and OIHW."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import convgrad
from convgrad.subject.layout import orders, read_layout
from tests.program import assert_refused, result
from tests.program import convgrad as run

RNG = np.random.default_rng(7)


def whole(*shape: int) -> Any:
    return RNG.integers(-4, 5, shape)


def as_in(letters: str, array: Any, here: str) -> Any:
    """An array whose axes are `here`, with its axes in another order."""
    return np.einsum(f"{here}->{letters}", array)


CASES = {
    "NHWC": ({"input": whole(2, 4, 5, 6), "kernel": whole(6, 2, 2, 3), "delta": whole(2, 6, 3, 4), "groups": 2,
              "bias": whole(6), "stride": [2, 1], "padding": [[1, 0], [0, 0]]}, "HWIO"),
    "WHCN": ({"op": "conv-transpose", "input": whole(2, 3, 2, 3), "kernel": whole(3, 2, 2, 2),
              "delta": whole(2, 2, 3, 4)}, "WHOI"),
    "HWCN": ({"op": "max-pool", "input": whole(2, 3, 4, 6), "window": [2, 3], "delta": whole(2, 3, 2, 2)}, ""),
    "NWC": ({"input": whole(2, 3, 5), "kernel": whole(2, 3, 2), "delta": whole(2, 2, 4)}, "WIO"),
    "NDHWC": ({"input": whole(1, 2, 3, 3, 2), "kernel": whole(2, 2, 2, 2, 1), "delta": whole(1, 2, 2, 2, 2)}, "DHWIO"),
    "CHWN": ({"op": "average-pool", "input": whole(3, 2, 4, 4), "window": 2, "delta": whole(3, 2, 2, 2)}, ""),
}  # fmt: skip


def here(letters: str, filters: bool, transposed: bool) -> str:
    """The letters of an array as it is here, its spatial axes in the order of the layout."""
    spatial = "".join(letter for letter in letters if letter not in "NCOI")
    return ("IO" if transposed else "OI") + spatial if filters else "NC" + spatial


@pytest.mark.parametrize("data", CASES)
def test_results_come_back_in_the_layout_that_came_in(data: str) -> None:
    case, filters = CASES[data]
    transposed = case.get("op") == "conv-transpose"
    x, w = here(data, False, transposed), here(data, True, transposed)
    plain = convgrad.backward(case)
    moved = {**case, "layout": [data, filters] if filters else data}
    moved |= {key: as_in(data, case[key], x) for key in ("input", "delta")}
    moved |= {"kernel": as_in(filters, case["kernel"], w)} if filters else {}
    laid = convgrad.backward(moved)
    np.testing.assert_array_equal(laid.dX, as_in(data, plain.dX, x))
    np.testing.assert_array_equal(laid.output, as_in(data, plain.output, x))
    if filters:
        np.testing.assert_array_equal(laid.dW, as_in(filters, plain.dW, w))
        np.testing.assert_array_equal(laid.db, plain.db)


@pytest.mark.parametrize("data", CASES)
def test_a_claim_is_judged_and_told_in_its_own_layout(data: str) -> None:
    case, filters = CASES[data]
    transposed = case.get("op") == "conv-transpose"
    x, w = here(data, False, transposed), here(data, True, transposed)
    moved = {**case, "layout": [data, filters] if filters else data}
    moved |= {key: as_in(data, case[key], x) for key in ("input", "delta")}
    moved |= {"kernel": as_in(filters, case["kernel"], w)} if filters else {}
    truth = convgrad.backward(moved)
    names = ["dX", "output", *(["dW"] if filters else [])]
    assert convgrad.check(moved, {name: getattr(truth, name).tolist() for name in names}).verdict == "agrees"
    for name in names:
        wrong = np.array(getattr(truth, name))
        at = (*(length - 1 for length in wrong.shape[:-1]), 0)
        wrong[at] += 3
        report = convgrad.check(moved, {name: wrong.tolist()})
        (finding,) = [found for found in report.findings if found.against == "claim"]
        assert (finding.wrong, finding.worst.index) == (1, at)
        assert finding.worst.claimed == wrong[at]
        entry = convgrad.explain(moved, f"{'y' if name == 'output' else name}[{','.join(map(str, at))}]")
        assert entry.value == getattr(truth, name)[at]
        shown = [factor for term in entry.terms for factor in term.factors if factor.name == "x" and factor.index]
        assert all(moved["input"][factor.index] == factor.value for factor in shown)


def test_a_claim_in_the_other_layout_is_told_so() -> None:
    moved = {"input": whole(1, 4, 4, 2), "kernel": whole(2, 2, 2, 3), "delta": "ones", "layout": ["NHWC", "HWIO"]}
    claim = {"dW": as_in("OIHW", convgrad.backward(moved).dW, "HWIO").tolist()}
    (told,) = convgrad.check(moved, claim).diagnosis
    assert (told.mistake, "its axes stand in another order" in told.message) == ("transposed-layout", True)


def test_overlays_have_their_arrays_in_the_layout() -> None:
    case, filters = CASES["NHWC"]
    moved = {**case, "layout": ["NHWC", filters], "kernel": as_in("HWIO", case["kernel"], "OIHW")}
    moved |= {key: as_in("NHWC", case[key], "NCHW") for key in ("input", "delta")}
    for one, other in zip(convgrad.backward(moved).overlays, convgrad.backward(case).overlays, strict=True):
        np.testing.assert_array_equal(one.window, np.moveaxis(other.window, 0, -1))
        np.testing.assert_array_equal(one.dX, np.moveaxis(other.dX, 0, -1))
        np.testing.assert_array_equal(one.dW, as_in("HWIO", other.dW, "OIHW"))
        assert one.delta.tolist() == other.delta.tolist()


def test_without_samples_the_letters_of_the_others_count() -> None:
    x, w = whole(4, 4, 2), whole(2, 2, 2, 3)
    found = convgrad.forward({"input": x, "kernel": w, "layout": ["NHWC", "HWIO"]}).output
    plain = convgrad.forward({"input": np.moveaxis(x, -1, 0), "kernel": w.transpose(3, 2, 0, 1)}).output
    np.testing.assert_array_equal(found, np.moveaxis(plain, 0, -1))


def test_the_command_line_says_the_layout_in_header_and_json(tmp_path: Path) -> None:
    np.savez(tmp_path / "case.npz", input=whole(1, 3, 3, 2), kernel=whole(2, 2, 2, 1), delta=whole(1, 2, 2, 1))
    file = str(tmp_path / "case.npz")
    done = run("backward", file, "--layout", "NHWC,HWIO")
    assert done.returncode == 0, done.stderr
    assert "layout NHWC, HWIO" in done.stdout.splitlines()[0]
    assert "dW[:,:,0,0]" in done.stdout
    made = result("backward", file, "--layout", "nhwc,hwio")
    assert made["settings"]["layout"] == ["NHWC", "HWIO"]
    assert np.shape(made["dX"]) == (1, 3, 3, 2)
    jsonschema.validate(made, convgrad.schema("backward"))
    jsonschema.validate({"input": [1], "kernel": [1], "layout": ["NHWC", "HWIO"]}, convgrad.schema("case"))
    saved = tmp_path / "dX.npy"
    assert run("backward", file, "--layout", "NHWC,HWIO", "--output", str(saved)).returncode == 0
    np.testing.assert_array_equal(np.load(saved), made["dX"])
    assert "layout" not in result("backward", file, "--layout", "NHWC,HWIO", "--layout", "NCHW,OIHW", "--input",
                                  str(whole(1, 2, 3, 3).tolist()), "--delta", "ones", "--kernel", "[[[[1]],[[1]]]]",
                                  )["settings"]  # fmt: skip


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("NHW,HWIO", "'NHW' is no layout"), ("NHWC,OIWX", "other spatial axes"),
        ("NHWC", "that of the kernel is not told"),
        ("NHHC,HWIO", "each once"), ("NWC,WIO", "rank must be 1"), ("NHWC,HWIO,NCHW", "the output has the layout"),
        ("3,4", "no layout"),
    ],
)  # fmt: skip
def test_what_is_no_layout_is_refused(layout: str, words: str) -> None:
    arrays = {"input": whole(1, 3, 3, 2), "kernel": whole(2, 2, 2, 1)}
    options = [word for key, array in arrays.items() for word in (f"--{key}", str(array.tolist()))]
    assert_refused(run("forward", *options, "--layout", layout), words)


def test_shapes_that_fit_in_another_layout_say_so() -> None:
    arrays = {"input": whole(2, 5, 5, 3), "kernel": whole(3, 3, 3, 4), "delta": whole(2, 3, 3, 4)}
    options = [word for key, array in arrays.items() for word in (f"--{key}", str(array.tolist()))]
    assert_refused(run("backward", *options), "with --layout NHWC,HWIO they fit")
    pool = ["--op", "max-pool", "--window", "2", "--input", str(whole(1, 4, 4, 3).tolist())]
    assert_refused(run("backward", *pool, "--delta", str(whole(1, 2, 2, 3).tolist())), "with --layout NHWC they fit")
    assert "fit" not in run("backward", *pool, "--delta", str(whole(1, 2, 2, 7).tolist())).stderr


def test_every_layout_is_tried_with_the_settings_as_they_were_given() -> None:
    """A trial that put its own numbers in place of a word or an output_size would spoil the next."""
    turned = {"input": whole(1, 4, 5, 2), "kernel": whole(3, 2, 2, 3), "delta": whole(1, 8, 10, 3)}
    case = {"op": "conv-transpose", "stride": 2, "padding": [[0, 1], 0], "output_size": [8, 10]}
    with pytest.raises(convgrad.RequestError, match="with --layout NHWC,HWIO they fit"):
        convgrad.backward({**case, **turned})
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.backward({**case, **turned, "output_size": [9, 10]})
    assert "layout" not in str(refused.value)


def test_delta_of_another_shape_is_told_in_the_layout() -> None:
    arrays = {"input": whole(1, 5, 5, 2), "kernel": whole(3, 3, 2, 4), "delta": whole(1, 3, 2, 4)}
    options = [word for key, array in arrays.items() for word in (f"--{key}", str(array.tolist()))]
    done = run("backward", *options, "--layout", "NHWC,HWIO")
    assert_refused(done, "delta has shape (1, 3, 2, 4), but the output has (1, 3, 3, 4)")


def test_letters_in_any_order_are_axes() -> None:
    assert read_layout(["whcn", "whio"]) == ("WHCN", "WHIO")
    assert orders("NCHW", "OIHW", kernel_first="OI") == ((), ())


@pytest.mark.parametrize("entry", ["dX[0,0,2,1]", "dX[2,1]", "dX[0,2,1]"])
def test_an_entry_may_be_told_with_the_sample_and_channel_that_are_alone(entry: str) -> None:
    bare = {"input": whole(3, 3), "kernel": whole(2, 2), "delta": whole(2, 2)}
    full = {key: array[None, None] for key, array in bare.items()}
    values = {convgrad.explain(case, entry).value for case in (bare, full)}
    assert values == {convgrad.backward(bare).dX[2, 1]}


def test_an_entry_of_several_channels_is_told_in_full() -> None:
    case = {"input": whole(1, 2, 3, 3), "kernel": whole(1, 2, 2, 2), "delta": whole(1, 1, 2, 2)}
    with pytest.raises(convgrad.RequestError, match="there is no such entry"):
        convgrad.explain(case, "dX[2,1]")
    with pytest.raises(convgrad.RequestError, match="there is no such entry"):
        convgrad.explain({"input": [1, 2], "kernel": [1], "delta": [1, 1]}, "dX[1,0,0]")


def test_a_kernel_of_rank_three_on_a_plane_asks_which_is_meant() -> None:
    x, w = whole(5, 5), whole(2, 3, 3)
    with pytest.raises(convgrad.RequestError, match=r"say `dims: 1`; or `dims: 2`, with the kernel as \(2, 1, 3, 3\)"):
        convgrad.forward({"input": x, "kernel": w})
    told = convgrad.forward({"input": x[None], "kernel": w[:, None], "dims": 2}).output
    assert told.shape == (2, 3, 3)
    assert convgrad.forward({"input": x, "kernel": whole(2, 5, 3)}).output.shape == (2, 3)
    with pytest.raises(convgrad.RequestError, match="may be"):
        convgrad.backward({"input": x, "kernel": whole(2, 5, 3), "delta": whole(2, 1, 3)})
