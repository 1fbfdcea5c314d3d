"""Gradients of Dask arrays are lazy, cut along samples, and those of the same numbers in memory."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import convgrad

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        importlib.util.find_spec("dask") is None or importlib.util.find_spec("distributed") is None,
        reason="needs dask and distributed: pip install 'convgrad[oracle]'",
    ),
]
CASES = {
    "conv": {"kernel": (4, 3, 3, 2), "stride": 2, "padding": 1, "bias": (4,)},
    "no bias": {"kernel": (4, 1, 3, 3), "padding": "same"},
    "transposed": {"op": "conv-transpose", "kernel": (3, 2, 3, 3), "stride": 2},
    "max pool": {"op": "max-pool", "window": 3, "stride": 2, "padding": 1},
    "average pool": {"op": "average-pool", "window": 2, "ceil_mode": True},
}


def drawn(name):
    """A case in memory, of 7 samples."""
    random = np.random.default_rng(len(name))
    case = {key: random.random(value) if key in ("kernel", "bias") else value for key, value in CASES[name].items()}
    case["input"] = random.standard_normal((7, case["kernel"].shape[1] if name == "no bias" else 3, 8, 7))
    return case | {"delta": random.standard_normal(convgrad.forward(case).output.shape)}


def lazily(case, cuts=(3, 1, 2, 1), **others):
    import dask.array as da

    x = da.from_array(case["input"], chunks=(cuts, -1, 4, -1))
    delta = da.from_array(case["delta"], chunks=(5, -1, 2, -1))
    return convgrad.backward({**case, "input": x, "delta": delta, **others})


def assert_is(lazy, case, scheduler):
    import dask

    memory = convgrad.backward(case)
    found = dask.compute(lazy.dX, lazy.output, *(part for part in (lazy.dW, lazy.db) if part is not None), **scheduler)
    wanted = [part for part in (memory.dX, memory.output, memory.dW, memory.db) if part is not None]
    for ours, theirs in zip(found, wanted, strict=True):
        # sums of some hundred products of about 1, added in another order
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)
        assert ours.shape == theirs.shape


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_they_are_those_in_memory(name, scheduler):
    case = drawn(name)
    lazy = lazily(case)
    assert lazy.dX.chunks[0] == (3, 1, 2, 1)
    assert_is(lazy, case, {"scheduler": scheduler})
    assert (lazy.dW is None) == ("kernel" not in case)


@pytest.mark.parametrize(("letters", "filters"), [("NHWC", "HWIO"), ("HWCN", "OHWI"), ("CHWN", "IHWO")])
def test_samples_are_cut_wherever_they_are(letters, filters):
    import dask.array as da

    case, low = drawn("conv"), letters.lower()
    case |= {key: np.einsum(f"nchw->{low}", case[key]) for key in ("input", "delta")}
    case |= {"kernel": np.einsum(f"oihw->{filters.lower()}", case["kernel"]), "layout": [letters, filters]}
    x = da.from_array(case["input"], chunks=[(3, 1, 2, 1) if letter == "N" else 2 for letter in letters])
    lazy = convgrad.backward({**case, "input": x})
    assert lazy.dX.chunks[letters.index("N")] == (3, 1, 2, 1)
    assert_is(lazy, case, {"scheduler": "synchronous"})
    wrong = case["input"].copy()
    at = tuple(5 if letter == "N" else 1 for letter in letters)
    wrong[at] = np.nan
    with pytest.raises(convgrad.RequestError, match=rf"input\[{','.join(map(str, at))}\]: expected a finite"):
        convgrad.backward({**case, "input": da.from_array(wrong, chunks=x.chunks)}).dX.compute(scheduler="synchronous")


def test_numbers_go_back_to_the_cells_of_their_own_samples():
    import dask.array as da

    pool = convgrad.forward(op="max-pool", window=2, input=np.random.default_rng(2).random((5, 2, 4, 6)))
    case = {"op": "max-unpool", "input": pool.output, "indices": pool.indices, "output_size": [4, 6]}
    case |= {"delta": np.random.default_rng(3).random((5, 2, 4, 6))}
    assert_is(convgrad.backward({**case, "input": da.from_array(case["input"], chunks=2)}), case, {})
    lazy = {**case, "input": da.ones((5, 2, 2, 3), chunks=1)}
    with pytest.raises(convgrad.RequestError, match="counted: cells are counted over the whole batch, which is cut"):
        convgrad.backward({**lazy, "counted": "batch"})
    with pytest.raises(convgrad.RequestError, match="indices: indices say what goes where, and so are looked at"):
        convgrad.backward({**lazy, "indices": da.from_array(pool.indices)})


def test_only_some_arrays_may_be_lazy():
    import dask.array as da

    case = drawn("conv")
    for name in ("input", "delta", "kernel"):
        assert_is(convgrad.backward({**case, name: da.from_array(case[name], chunks=2)}), case, {})
    ones = {**case, "delta": "ones"}
    x = da.from_array(case["input"], chunks=2)
    assert_is(convgrad.backward({**ones, "input": x}), ones, {})
    made = convgrad.forward({**case, "input": x}).output
    np.testing.assert_array_equal(made.compute(), convgrad.forward(case).output)
    assert convgrad.backward({**case, "input": x}, arithmetic="float32").dX.dtype == np.float32
    assert (
        repr(convgrad.backward({**case, "input": x}))
        == "Lazy(conv, x (7, 3, 8, 7), w (4, 3, 3, 2), b (4,), in 4 parts)"
    )


def test_nothing_is_computed_before_it_is_asked_for():
    import dask.array as da

    asked = []
    x = da.map_blocks(
        lambda block: asked.append(1) or block, da.ones((4, 1, 3, 3), chunks=(1, 1, 3, 3)), meta=np.ones(())
    )
    lazy = convgrad.backward(input=x, kernel=np.ones((1, 1, 2, 2)), delta=da.ones((4, 1, 2, 2), chunks=1))
    parts = lazy.dX, lazy.dW, lazy.db, lazy.output
    assert not asked
    assert parts[1].compute().tolist() == [[[[16, 16], [16, 16]]]]
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            {"kernel": np.ones((2, 2))},
            "input: the input has shape (4, 3), and no axis of samples to be cut along; give",
        ),
        ({"kernel": np.ones((1, 4, 2))}, "kernel: the kernel (1, 4, 2) takes 4 input channels"),
        ({"kernel": np.ones((1, 3, 1)), "arithmetic": "exact"}, "Dask arrays are computed in float64 or float32"),
        ({"kernel": np.ones((1, 3, 1)), "strid": 1}, "strid: unknown key 'strid': did you mean `stride`?"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(case, words):
    import dask.array as da

    x = da.ones((4, 3) if case["kernel"].ndim == 2 else (4, 3, 5), chunks=2)
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.backward(input=x, delta="ones", **case)
    assert str(refused.value).startswith(words)
    unknown = da.ones((4, 3, 5), chunks=2)
    with pytest.raises(convgrad.RequestError, match="input: the length of an axis is not known before it is computed"):
        convgrad.backward(input=unknown[unknown[:, 0, 0] > 0], kernel=np.ones((1, 3, 1)), delta="ones")


def test_what_is_no_number_is_told_where_it_is_in_the_batch():
    import dask.array as da

    values = np.ones((4, 1, 3, 3))
    values[2, 0, 1, 1] = np.nan
    lazy = convgrad.backward(input=da.from_array(values, chunks=1), kernel=np.ones((1, 1, 2, 2)), delta="ones")
    with pytest.raises(convgrad.RequestError, match=r"input\[2,0,1,1\]: expected a finite number"):
        lazy.dX.compute(scheduler="synchronous")


CLUSTER = """
import sys
import numpy as np, dask, dask.array as da, convgrad
from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    gigabytes = float(sys.argv[1])
    dask.config.set({"distributed.worker.memory.terminate": 0.95})
    with LocalCluster(n_workers=2, threads_per_worker=1, memory_limit="512MB", dashboard_address=None) as cluster:
        with Client(cluster):
            count = round(gigabytes * 2**30 / (8 * 3 * 64 * 64))
            random = da.random.default_rng(0)
            x = random.random((count, 3, 64, 64), chunks=(count // max(round(gigabytes * 40), 4), 3, 64, 64))
            kernel = np.random.default_rng(1).random((2, 3, 3, 3))
            lazy = convgrad.backward(input=x, kernel=kernel, delta="ones", padding=1)
            dW, db, total = dask.compute(lazy.dW, lazy.db, lazy.dX.sum())
            print(db.tolist() == [count * 64 * 64] * 2, round(float(total / (2 * count)), 6) > 0, flush=True)
            if gigabytes < 0.1:
                memory = convgrad.backward(input=x.compute(), kernel=kernel, delta="ones", padding=1)
                np.testing.assert_allclose(dW, memory.dW, rtol=1e-9)
                np.testing.assert_allclose(total, memory.dX.sum(), rtol=1e-9)
"""


@pytest.mark.slow
def test_a_cluster_of_two_workers_computes_what_memory_does(tmp_path):
    (tmp_path / "cluster.py").write_text(CLUSTER)
    command = [sys.executable, "cluster.py", "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.stdout == "True True\n", done.stderr
