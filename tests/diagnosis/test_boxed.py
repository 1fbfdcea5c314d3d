"""Mistakes computed in some samples and channels are what they are in the whole array."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.diagnosis.boxed import Box
from convgrad.diagnosis.candidates import Candidates, Screen
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case

pytestmark = pytest.mark.slow
LAYERS = [
    {"input": (5, 4, 7, 6), "kernel": (6, 4, 3, 2), "padding": 1, "bias": (6,)},
    {"input": (5, 4, 6, 6), "kernel": (5, 4, 3, 3), "padding": 1, "padding_mode": "reflect", "stride": 2,
     "mode": "convolution"},
    {"input": (4, 4, 6, 6), "kernel": (6, 2, 3, 3), "groups": 2},
    {"op": "conv-transpose", "input": (4, 5, 4, 4), "kernel": (5, 4, 3, 3), "stride": 2},
    {"op": "max-pool", "dims": 2, "input": (5, 4, 7, 7), "window": 3, "stride": 2, "padding": 1},
    {"op": "max-pool", "dims": 2, "input": (5, 4, 6, 6), "window": 3, "ties": "split"},
    {"op": "average-pool", "dims": 2, "input": (5, 4, 7, 7), "window": 3, "stride": 2, "padding": 1},
    {"op": "lp-pool", "dims": 2, "input": (5, 4, 7, 7), "window": 2, "norm": 3},
]  # fmt: skip


def layer(shapes):
    """A case of normal numbers."""
    random = np.random.default_rng(0)
    document = {key: random.standard_normal(shape) if key in ("input", "kernel", "bias") else shape
                for key, shape in shapes.items()}  # fmt: skip
    return make_case(
        {**document, "delta": random.standard_normal(make_case({**document, "delta": "ones"}).output_shape)}
    )


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """An array of 60 entries is a large one, of which two samples and channels are looked at."""
    monkeypatch.setattr("convgrad.diagnosis.boxed.SCREENED", 60)
    monkeypatch.setattr("convgrad.diagnosis.boxed.KEPT", 2)


def mistakes(candidates):
    """All of them, those of families too."""
    families = {**candidates.practised, **candidates.last}
    yield from (one.computation for one in candidates.singles)
    yield from (altered for form in families.values() for altered in form.alter(candidates.right).values())


@pytest.mark.parametrize("shapes", LAYERS, ids=str)
def test_a_mistake_in_a_box_is_that_of_the_array(shapes):
    boxed = 0
    case = layer(shapes)
    for array, truth in Gradients(case).by_array.items():
        box = Box(truth.shape)
        for wrong in mistakes(Candidates(case, array, truth)) if box.cut else ():
            some, whole = box.of(wrong), wrong.value()
            if some is None:
                continue
            if some.size != box.places.size:
                assert whole.shape != truth.shape
                continue
            boxed += 1
            np.testing.assert_allclose(some, whole.ravel()[box.places], rtol=1e-9, atol=1e-9)
    assert "groups" in shapes or boxed > 100


@pytest.mark.parametrize("shapes", LAYERS, ids=str)
def test_a_screen_of_boxes_has_the_mistakes_that_one_of_whole_arrays_has(shapes, monkeypatch):
    """All that differ from the truth, also where they do so outside of the box alone."""
    case = layer(shapes)
    for array, truth in Gradients(case).by_array.items():
        candidates = Candidates(case, array, truth)
        boxed = Screen(truth, candidates.singles, candidates.bare)
        with monkeypatch.context() as patched:
            patched.setattr(Box, "of", lambda box, computation: None)
            whole = Screen(truth, candidates.singles, candidates.bare)
        assert [one.variants for one in boxed.candidates] == [one.variants for one in whole.candidates]
        np.testing.assert_allclose(boxed.matrix, whole.matrix, rtol=1e-9, atol=1e-9)
