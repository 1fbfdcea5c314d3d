"""However a layer is cut into patches, and whoever computes them, its differences are the same; a leak is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convgrad.core import threads
from convgrad.differences import run
from convgrad.differences.finite_differences import finite_differences
from convgrad.differences.matrices import as_kernel, as_matrices
from convgrad.differences.patches import boxes_of
from convgrad.differences.probe import probe
from convgrad.subject.case import make_case
from tests import geometry


@given(geometry.cases(), st.sampled_from([1, 3, 7, 20]))
def test_a_layer_cut_into_patches_of_any_size_is_differenced_the_same(document, room):
    case = make_case(document)
    whole = finite_differences(case)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "ROOM", room)
        cut = finite_differences(case)
    assert cut.evaluations == whole.evaluations
    for name, gradient in whole.gradients.items():
        assert (cut.gradients[name] == gradient).all()
        assert (cut.undecided[name] == whole.undecided[name]).all()
        assert not cut.outside[name].any()


@given(geometry.float_cases(), st.integers(0, 2**32 - 1))
def test_what_is_wanted_of_patches_is_what_all_of_them_give(document, seed):
    case = make_case(document)
    whole, random = finite_differences(case), np.random.default_rng(seed)
    wanted = {name: random.random(part.shape) < 0.1 for name, part in whole.gradients.items()}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "SPARSE", 4)
        some = finite_differences(case, wanted)
    for name, marks in wanted.items():
        largest = abs(whole.gradients[name]).max(initial=0)
        # both are within some hundred roundings of the largest
        assert (abs(some.gradients[name] - whole.gradients[name])[marks] <= 1e-12 * largest).all()
        assert (some.undecided[name] == whole.undecided[name])[marks].all()
        assert not some.outside[name][marks].any()


@given(geometry.cases(operations=("conv", "conv-transpose", "max-pool", "average-pool", "lp-pool")))
def test_boxes_cover_every_position_once_and_hold_what_it_reads(document):
    found = probe(make_case(document))
    for room in (1, 5, 1 << 20):
        covered = np.zeros([len(axis) for axis in found.geometry], int)
        for box in boxes_of(found, room):
            covered[box.positions] += 1
            for axis, (part, cells) in enumerate(zip(box.probe.geometry, box.cells, strict=True)):
                right = found.geometry[axis][box.positions[axis]]
                assert (np.where(part < 0, -1, part + cells.start) == right).all()
        assert (covered == 1).all()


@given(geometry.cases(operations=("conv", "conv-transpose")))
def test_a_kernel_as_matrices_is_the_kernel_again(document):
    case = make_case(document)
    w = case.operands["w"]
    assert (as_kernel(case, as_matrices(case, w), w.shape) == w).all()


@pytest.mark.parametrize("op", ["conv", "conv-transpose", "max-pool", "average-pool"])
def test_several_threads_compute_the_same_to_the_last_bit(op, monkeypatch):
    random = np.random.default_rng(3)
    document = {"op": op, "dims": 2, "input": random.standard_normal((3, 4, 20, 20))}
    document |= {"window": 3, "stride": 2} if "pool" in op else {"kernel": random.standard_normal((4, 4, 3, 3))}
    case = make_case({**document, "delta": "ones"}, arithmetic="float64")
    monkeypatch.setattr(run, "ROOM", 500)
    monkeypatch.setattr(threads, "SHARED", 0)
    found = []
    for count in (1, 3):
        threads.limit(count)
        try:
            found.append(finite_differences(case))
        finally:
            threads.limit(None)
    for name, gradient in found[0].gradients.items():
        assert (gradient == found[1].gradients[name]).all()


def leaking(case, leak):
    """The case with a forward pass in which something reads what it must not."""
    right = case.operation.forward

    def forward(x, *others, **settings):
        y = right(x, *others, **settings).copy()
        leak(x, y)
        return y

    return replace(case, operation=case.operation._replace(forward=forward))


def to_another_position(x, y):
    y[:, :, 0, 0] += x[:, :1, -1, -1] / 1024


def to_another_channel(x, y):
    y[:, 0, 1, 1] += x[:, -1, 3, 3] / 1024


def to_another_sample(x, y):
    if len(x) > 1:
        y[1, 0, 0, 0] += x[0, 0, 1, 1] / 1024


@pytest.mark.parametrize("room", [40, 1 << 17])
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
@pytest.mark.parametrize("leak", [to_another_position, to_another_channel, to_another_sample])
def test_an_output_that_reads_what_is_out_of_its_reach_is_seen_in_whole_passes(monkeypatch, leak, arithmetic, room):
    random = np.random.default_rng(5)
    case = make_case({
        "input": random.integers(-4, 5, (2, 3, 6, 6)).tolist(), "kernel": random.integers(-4, 5, (2, 3, 2, 2)).tolist(),
        "delta": "ones",
    }, arithmetic=arithmetic)  # fmt: skip
    monkeypatch.setattr(run, "ROOM", room)
    assert not finite_differences(case).outside["x"].any()
    assert finite_differences(leaking(case, leak)).outside["x"].all()


@pytest.mark.parametrize("op", ["adaptive-average-pool", "adaptive-max-pool", "average-pool", "max-pool", "lp-pool"])
def test_a_pool_of_many_cells_takes_few_evaluations_of_many_groups_of_cells(op, monkeypatch):
    sizes = {"output_size": 2} if "adaptive" in op else {"window": 15}
    random = np.random.default_rng(1)
    case = make_case({"op": op, "dims": 2, "input": random.standard_normal((1, 4, 30, 30)), "delta": "ones", **sizes},
                     arithmetic="float64")  # fmt: skip
    calls, right = [], type(probe(case)).forward
    monkeypatch.setattr("convgrad.differences.probe.Probe.forward",
                        lambda self, *operands: calls.append(1) or right(self, *operands))  # fmt: skip
    found = finite_differences(case)
    assert found.evaluations >= 225
    assert len(calls) < found.evaluations / 3


@pytest.mark.parametrize("op", ["conv", "conv-transpose"])
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_a_kernel_that_weighs_less_as_it_grows_is_seen_in_a_whole_pass(op, arithmetic):
    random = np.random.default_rng(5)
    case = make_case({
        "op": op, "input": random.integers(-4, 5, (2, 2, 6, 6)).tolist(),
        "kernel": random.integers(-4, 5, (2, 2, 2, 2)).tolist(), "delta": "ones",
    }, arithmetic=arithmetic)  # fmt: skip
    right = case.operation.forward

    def forward(x, w, *others, **settings):
        return right(x, np.clip(w, -4, 4), *others, **settings)  # the kernel itself is within

    assert not finite_differences(case).outside["w"].any()
    found = finite_differences(replace(case, operation=case.operation._replace(forward=forward)))
    assert found.outside["w"].all()
    assert not found.outside["x"].any()
