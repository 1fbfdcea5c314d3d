"""A sample that is cut along its first axis has the gradients and the output of the whole, in bounded memory."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import convgrad
from convgrad.cli import run
from convgrad.errors import RequestError
from convgrad.passes.batches import batch_of, gradients_into, output_into
from convgrad.subject.case import make_case
from tests import geometry
from tests.passes.numbers import whole_numbers
from tests.peak import PEAK
from tests.program import surroundings

CUT = geometry.SLIDING
ROUNDED = ("average-pool", "adaptive-average-pool", "lp-pool")


def with_whole_numbers(case, seed):
    """The same shapes and settings, of which every sum is exact."""
    keys = [key for key in ("input", "kernel", "bias", "delta") if isinstance(case.get(key), (np.ndarray, list))]
    return case | {key: whole_numbers(np.shape(case[key]), seed + place) for place, key in enumerate(keys)}


def assert_alike(case, found, right):
    if case["op"] in ROUNDED or case.get("ties") == "split":
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(found, right)


@given(geometry.cases(operations=CUT, batches=(1, 3)), st.integers(0, 1000), st.integers(1, 400))
def test_parts_of_any_case_make_the_whole(case, seed, room):
    case = with_whole_numbers(case, seed)
    whole = convgrad.backward(make_case(case, arithmetic="float64"))
    batch, forward = (batch_of(case, arithmetic="float64", room=room, needs_delta=needs) for needs in (True, False))
    if batch is None or batch.rows is None:
        event("uncut")
        return
    dx, y, sums = np.full(case["input"].shape, np.nan), np.full(whole.output.shape, np.nan), {}
    event("in parts" if len(list(gradients_into(batch, dx, sums))) > 1 else "in one")
    assert list(output_into(forward, y))[-1] == forward.total[0]
    assert_alike(case, dx, whole.dX)
    assert_alike(case, y, whole.output)
    for name, right in (("w", whole.dW), ("b", whole.db)):
        assert (name in sums) == (right is not None)
        if right is not None:
            np.testing.assert_array_equal(batch.whole.present(name, sums[name]), right)


LONG = {"dims": 2, "input": (2, 3, 40, 5), "padding": 2}
CASES = {
    "overlapping windows": {**LONG, "kernel": (4, 3, 5, 2), "bias": (4,)},
    "cells between windows": {**LONG, "kernel": (4, 3, 2, 2), "stride": 7},
    "windows in the padding alone": {**LONG, "kernel": (4, 3, 1, 1), "padding": [[9, 11], 0]},
    "dilated, cropped": {**LONG, "kernel": (4, 3, 3, 2), "dilation": 4, "padding": [[-3, -2], 1]},
    "copied along the other axis": {**LONG, "kernel": (4, 3, 3, 3), "padding": [0, 2], "padding_mode": "reflect"},
    "grouped, turned": {**LONG, "kernel": (6, 1, 3, 3), "groups": 3, "mode": "convolution"},
    "transposed, overlapping": {**LONG, "op": "conv-transpose", "kernel": (3, 2, 5, 3), "bias": (2,), "stride": 2},
    "transposed, with gaps": {**LONG, "op": "conv-transpose", "kernel": (3, 2, 2, 2), "bias": (2,), "stride": 5,
                              "output_padding": 4, "padding": 0},
    "a max pool, the last window past the end": {**LONG, "op": "max-pool", "window": 5, "stride": 4, "ceil_mode": True},
    "means of what is inside": {**LONG, "op": "average-pool", "window": 5, "stride": 3, "ceil_mode": True,
                                "count_include_pad": False},
    "means of what is padded": {**LONG, "op": "average-pool", "window": 5, "stride": 3, "ceil_mode": True},
    "a power": {**LONG, "op": "lp-pool", "window": 3, "stride": 2, "norm": 2, "padding": 0},
    "adaptive, evenly": {"op": "adaptive-average-pool", "dims": 2, "input": (2, 3, 40, 5), "output_size": [8, 2]},
    "a row without batch": {"dims": 1, "input": (3, 90), "kernel": (2, 3, 4), "padding": 1},
    "a bare image": {"dims": 2, "input": (30, 9), "kernel": (3, 3), "bias": ()},
}  # fmt: skip


def document(name):
    case = {"op": "conv", **CASES[name]}
    case |= {key: whole_numbers(case[key], len(key)) for key in ("input", "kernel", "bias") if key in case}
    return {**case, "delta": 12 * whole_numbers(convgrad.forward(case).output.shape, 2)}


@pytest.mark.parametrize("room", [1, 2000, 5000])
@pytest.mark.parametrize("name", CASES)
def test_parts_make_the_whole(name, room):
    case = document(name)
    whole = convgrad.backward(case, arithmetic="float64")
    batch = batch_of(case, arithmetic="float64", room=room)
    dx, y, sums = np.full(case["input"].shape, np.nan), np.full(whole.output.shape, np.nan), {}
    assert len(list(gradients_into(batch, dx, sums))) > (1 if batch.rows is None else case["input"].ndim // 4 + 1)
    list(output_into(batch_of(case, arithmetic="float64", room=room, needs_delta=False), y))
    assert_alike(case, dx, whole.dX)
    assert_alike(case, y, whole.output)
    for key, right in (("w", whole.dW), ("b", whole.db)):
        if right is not None:
            np.testing.assert_array_equal(batch.whole.present(key, sums[key]), right)


@pytest.mark.parametrize("key", ["input", "delta"])
def test_a_number_that_is_none_is_named_where_it_is_in_the_whole(key):
    case = document("overlapping windows")
    case[key][1, 2, 31, 1] = np.nan
    with pytest.raises(RequestError) as caught:
        list(gradients_into(batch_of(case, arithmetic="float64", room=1000), np.zeros(case["input"].shape), {}))
    assert [problem.path for problem in caught.value.problems] == [(key, 1, 2, 31, 1)]
    bare = document("a bare image")
    bare[key][20, 3] = np.inf
    with pytest.raises(RequestError) as caught:
        list(gradients_into(batch_of(bare, arithmetic="float64", room=1000), np.zeros((30, 9)), {}))
    assert [problem.path for problem in caught.value.problems] == [(key, 20, 3)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"padding_mode": "reflect", "padding": 1}, "padding_mode reflect copies cells along the first axis"),
        ({"op": "adaptive-max-pool", "output_size": [7, 2]}, "adaptive windows do not divide the first axis evenly"),
        ({"op": "max-pool", "window": [40, 2], "stride": 1}, "there is a single window along the first axis"),
        ({"layout": "NWHC", "op": "max-pool", "window": 2}, "the axes are in another order"),
        ({"op": "max-pool", "window": 2, "input": np.asfortranarray(np.ones((1, 3, 40, 5)))}, "is not in C order"),
    ],
)
@pytest.mark.parametrize("samples", [1, 2])
def test_what_is_not_cut_is_said_and_computed(more, said, samples, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("convgrad.passes.batches.batch_of.__kwdefaults__", {**batch_of.__kwdefaults__, "room": 2000})
    x = np.concatenate([more.pop("input", whole_numbers((1, 3, 40, 5)))] * samples)
    more = {"dims": 2, **more}
    np.save("x.npy", np.asfortranarray(x) if "C order" in said else x)
    np.save("w.npy", whole_numbers((2, 3, 3, 3)))
    if "op" not in more:
        more["kernel"] = "w.npy"
    options = [f"--{key.replace('_', '-')}={json.dumps(value) if isinstance(value, list) else value}"
               for key, value in more.items()]  # fmt: skip
    assert run(["backward", "--input=x.npy", "--delta=ones", *options, "--output=dX.npy"]) == 0
    assert f"one sample takes much memory, and is not cut: {said}" in capsys.readouterr().err.replace("an array ", "")
    case = {**more, "input": x, "delta": "ones"} | ({"kernel": np.load("w.npy")} if "kernel" in more else {})
    np.testing.assert_array_equal(np.load("dX.npy"), convgrad.backward(case, arithmetic="float64").dX)


def test_how_far_it_is_is_told_in_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("convgrad.passes.batches.batch_of.__kwdefaults__", {**batch_of.__kwdefaults__, "room": 2000})
    monkeypatch.setattr("convgrad.cli.saving.LASTS", 0)
    monkeypatch.setattr("convgrad.cli.saving.SILENT", 0)
    np.save("x.npy", whole_numbers((60, 9)))
    assert run(["forward", "--input=x.npy", "--kernel=[[1,2],[3,4]]", "--output=y.npy"]) == 0
    assert "of 59 rows of windows, 0 s" in capsys.readouterr().err


LARGE = (1, 4, 1 << 12, 1 << 12)
PROGRAM = f"{PEAK}\nfrom convgrad.cli import run\nassert run(sys.argv[1:]) == 0\nprint(peak(), file=sys.stderr)"
LAYERS = {
    "a convolution": ["--kernel=w.npy", "--padding=1"],
    "a transposed convolution": ["--op=conv-transpose", "--kernel=w.npy", "--padding=1"],
    "a max pool": ["--op=max-pool", "--window=3", "--stride=1", "--padding=1"],
    "an average pool": ["--op=average-pool", "--window=3", "--stride=1", "--padding=1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_memory_does_not_grow_with_the_sample(name, tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": LARGE})
        file.truncate(file.tell() + 4 * int(np.prod(LARGE)))
    np.save(tmp_path / "w.npy", np.ones((4, 4, 3, 3), np.float32))
    arguments = ["backward", "--dims=2", "--input=x.npy", "--delta=x.npy", "--output=dX.npy", "--arithmetic=float32"]
    command = [sys.executable, "-c", PROGRAM, *arguments, *LAYERS[name]]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=True)
    used = int(done.stderr.splitlines()[-1])
    assert np.load(tmp_path / "dX.npy", mmap_mode="r").shape == LARGE
    assert used < 400 << 20, f"{used >> 20} MB for 268 MB of input, as much of delta and of output"
